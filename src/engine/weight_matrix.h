#pragma once
// A weight matrix as it lies in a model file: typed, read-only, not copied. Products convert what they need on the way.

#include <cstddef>
#include <cstdint>
#include <span>

namespace palimpsest {

enum class WeightType : std::uint8_t {
    f32,   ///< IEEE binary32
    f16,   ///< IEEE binary16
    bf16,  ///< the upper half of binary32
    q8_0,  ///< GGUF: blocks of 32 values, a binary16 scale and 32 signed bytes (34 bytes a block)
};

/// Bytes that `count` consecutive values take. `count` is a multiple of 32 for q8_0.
std::size_t weight_bytes(WeightType type, std::size_t count);

/// Matrix W of y = W x, `outputs` x `inputs`, little-endian. Stored row by row: by outputs, or with `transposed` by
/// inputs (GPT-2's Conv1D). Rows may be cut out of wider ones: `stride` values lie from one stored row to the next
/// (never transposed or cut for q8_0).
struct WeightMatrix {
    WeightType type = WeightType::f32;
    const std::byte* data = nullptr;
    std::uint32_t outputs = 0;
    std::uint32_t inputs = 0;
    std::size_t stride = 0;
    bool transposed = false;

    bool empty() const { return data == nullptr; }
    std::uint32_t stored_rows() const { return transposed ? inputs : outputs; }
    std::uint32_t stored_columns() const { return transposed ? outputs : inputs; }
};

/// Stored rows [first, first + count) as floats, row-major and dense: result.size() == count * stored_columns().
void convert_rows(const WeightMatrix& matrix, std::uint32_t first, std::uint32_t count, std::span<float> result);
/// The rows [first, first + count) of a matrix stored by outputs, or the columns of one stored by inputs: a part
/// of a fused projection, or a share of a product.
WeightMatrix cut_outputs(const WeightMatrix& matrix, std::uint32_t first, std::uint32_t count);
/// A matrix of dense float32 rows.
WeightMatrix float_matrix(std::span<const float> values, std::uint32_t outputs, std::uint32_t inputs);

}  // namespace palimpsest
