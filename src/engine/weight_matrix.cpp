#include "engine/weight_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace palimpsest {
namespace {

/// Values converted by one pass of a loop whose length is known when compiling, so that it becomes vector instructions
/// at every optimisation level.
constexpr std::size_t kBlock = 32;
constexpr std::size_t kQ8Block = 32;
constexpr std::size_t kQ8Bytes = sizeof(std::uint16_t) + kQ8Block;

/// binary16 to binary32, exactly; a NaN keeps its payload. Shifted into place, the bits are a float 2^112 too small,
/// even those of a subnormal; infinity and NaN get the exponent that means so. The choice is a mask made by arithmetic:
/// comparisons keep the compiler from vectorising.
constexpr float from_half(std::uint16_t half) {
    const std::uint32_t magnitude = (half & 0x7fffU) << 13U;
    const std::uint32_t is_special = 0U - (((magnitude >> 23U) + 1U) >> 5U);
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
    return std::bit_cast<float>(bits | (is_special & 0x7f800000U) | (half & 0x8000U) << 16U);
}

constexpr float from_bfloat(std::uint16_t value) {
    return std::bit_cast<float>(std::uint32_t{value} << 16U);
}

template <float (*convert)(std::uint16_t)>
void convert_block(const std::byte* from, float* to) {
    std::array<std::uint16_t, kBlock> halves;  // NOLINT: filled below
    std::memcpy(halves.data(), from, sizeof(halves));
    for (std::size_t i = 0; i < kBlock; ++i) {
        to[i] = convert(halves[i]);
    }
}

template <float (*convert)(std::uint16_t)>
void convert_16bit(const std::byte* from, std::size_t count, float* to) {
    std::size_t done = 0;
    for (; done + kBlock <= count; done += kBlock) {
        convert_block<convert>(from + done * sizeof(std::uint16_t), to + done);
    }
    for (; done < count; ++done) {
        std::uint16_t value = 0;
        std::memcpy(&value, from + done * sizeof(value), sizeof(value));
        to[done] = convert(value);
    }
}

void convert_q8(const std::byte* from, std::size_t count, float* to) {
    for (std::size_t block = 0; block < count / kQ8Block; ++block, from += kQ8Bytes, to += kQ8Block) {
        std::uint16_t half = 0;
        std::memcpy(&half, from, sizeof(half));
        std::array<std::int8_t, kQ8Block> codes;  // NOLINT: filled below
        std::memcpy(codes.data(), from + sizeof(half), sizeof(codes));
        const float scale = from_half(half);
        for (std::size_t i = 0; i < kQ8Block; ++i) {
            to[i] = scale * static_cast<float>(codes[i]);
        }
    }
}

void convert(WeightType type, const std::byte* from, std::size_t count, float* to) {
    switch (type) {
        case WeightType::f32:
            std::memcpy(to, from, count * sizeof(float));
            break;
        case WeightType::f16:
            convert_16bit<from_half>(from, count, to);
            break;
        case WeightType::bf16:
            convert_16bit<from_bfloat>(from, count, to);
            break;
        case WeightType::q8_0:
            convert_q8(from, count, to);
            break;
    }
}

}  // namespace

std::size_t weight_bytes(WeightType type, std::size_t count) {
    switch (type) {
        case WeightType::f32:
            return count * sizeof(float);
        case WeightType::f16:
        case WeightType::bf16:
            return count * sizeof(std::uint16_t);
        case WeightType::q8_0:
            return count / kQ8Block * kQ8Bytes;
    }
    throw std::logic_error("weight type that does not exist");
}

void convert_rows(const WeightMatrix& matrix, std::uint32_t first, std::uint32_t count, std::span<float> result) {
    const std::size_t columns = matrix.stored_columns();
    if (count > matrix.stored_rows() || first > matrix.stored_rows() - count || result.size() != count * columns) {
        throw std::logic_error("rows outside a weight matrix, or a result of another size");
    }
    const std::size_t row_bytes = weight_bytes(matrix.type, matrix.stride);
    const std::byte* from = matrix.data + first * row_bytes;
    if (matrix.stride == columns) {
        convert(matrix.type, from, result.size(), result.data());
        return;
    }
    for (std::size_t row = 0; row < count; ++row) {
        convert(matrix.type, from + row * row_bytes, columns, result.data() + row * columns);
    }
}

WeightMatrix cut_outputs(const WeightMatrix& matrix, std::uint32_t first, std::uint32_t count) {
    if (count > matrix.outputs || first > matrix.outputs - count) {
        throw std::logic_error("a part outside its matrix");
    }
    WeightMatrix part = matrix;
    part.outputs = count;
    part.data += weight_bytes(matrix.type, matrix.transposed ? first : first * matrix.stride);
    return part;
}

WeightMatrix float_matrix(std::span<const float> values, std::uint32_t outputs, std::uint32_t inputs) {
    if (values.size() != std::size_t{outputs} * inputs) {
        throw std::logic_error("a matrix of another size than its values");
    }
    return {.type = WeightType::f32,
            .data = reinterpret_cast<const std::byte*>(values.data()),
            .outputs = outputs,
            .inputs = inputs,
            .stride = inputs};
}

}  // namespace palimpsest
