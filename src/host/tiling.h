#pragma once
// How a product is cut into tiles that fit the buffers. Pure computation.

#include <cstdint>

#include "host/block_layout.h"

namespace palimpsest {

/// A product of `rows` x `reduction` activations with `reduction` x `outputs` weights.
struct ProductShape {
    std::uint64_t rows = 1;
    std::uint64_t reduction = 1;
    std::uint64_t outputs = 1;
};

/// What a tile has to fit into, in the units each is counted in.
struct TileLimits {
    std::uint32_t array_rows = 32, array_columns = 32;
    std::uint32_t weight_words = 0;      ///< one half of the weight buffer
    std::uint32_t accumulator_rows = 0;  ///< rows of `array_columns` sums in one half of the accumulator
    std::uint32_t staging_words = 0;     ///< one staging place of the activation buffer
    std::uint32_t word_bytes = 32;
    BlockLayout input_layout, output_layout;  ///< of tiles in a staging place
    bool input_in_dram = false;               ///< input tiles pass a staging place
    bool output_in_dram = false;              ///< output tiles pass a staging place
    double output_bytes_per_column = 1;  ///< bytes of output a product column makes (0.5 where two are gated into one)
    std::uint64_t column_multiple = 1;   ///< tiles hold whole multiples of this many columns (2: gate and up together)
    Bytes burst_bytes = 128;             ///< of DRAM
    double dram_bytes_per_cycle = 25.6;  ///< to weigh traffic against array time
};

struct Tiling {
    std::uint64_t rows = 0, reduction = 0, outputs = 0;  ///< of one tile
    bool weights_outer =
        false;  ///< a weight tile stays while the rows pass; otherwise input rows stay while weights pass
    std::uint64_t weight_bytes = 0;  ///< DRAM bytes of weights (1 B each) that the whole product then loads
    std::uint64_t input_bytes = 0;   ///< and of inputs, where they lie in DRAM
    std::uint64_t array_cycles = 0;  ///< lower bound of the array's time
};

/// DRAM time and array time of a product in core cycles, one after the other: a bound that no overlap makes too small,
/// and what is left of it with overlap grows with both. Rows of a strided block count as whole bursts.
double estimated_cycles(const ProductShape& shape, const TileLimits& limits, const Tiling& tile);

/// The tiling with the least estimated cycles, and of those the one with the fewest bytes. Tries halvings of rows and
/// reduction with the widest column tile that fits each. InputError when not even one array tile fits.
Tiling choose_tiling(const ProductShape& shape, const TileLimits& limits);

}  // namespace palimpsest
