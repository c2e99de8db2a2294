#pragma once
// Lowers the product of an activation tensor with a weight matrix, tile by tile, and what the vector unit does to the
// sums before they are stored.

#include <span>

#include "host/lowering.h"

namespace palimpsest {

struct Projection {
    const char* label = "";
    std::uint32_t layer = 0;
    Tensor* input = nullptr;
    Tensor* output = nullptr;
    std::uint64_t outputs = 0;  ///< weight columns
    Bytes weights = 0;          ///< address; the matrix is stored tile after tile as it is loaded
    VectorKind epilogue = VectorKind::requantise;
    std::uint64_t rope_columns = 0;               ///< the first columns are rotated (q and k) in the epilogue
    std::uint32_t columns_per_output = 1;         ///< 2: gate and up columns alternate and are combined into one
    std::uint64_t wide_from = ~std::uint64_t{0};  ///< outputs from this one on are stored in `wide_columns` columns ...
    std::uint32_t wide_columns = 1;               ///< ... of the output tensor each (16-bit keys and values)
    bool add_residual = false;                    ///< the sums are added to `output`
};

/// Neighbouring rows of the input that belong to one request.
struct RequestRows {
    std::uint32_t request = 0;  ///< for the commands' labels
    std::uint64_t rows = 0;
};

/// With batched projections one product serves all rows; without, one per request, and the weights are loaded again for
/// each. `requests` share out the input's rows in order.
void lower_projection(Lowering& lowering, const Projection& projection, std::span<const RequestRows> requests);
/// Of one request alone.
void lower_projection(Lowering& lowering, const Projection& projection);

}  // namespace palimpsest
