// Tiling: every tile fits, tiles cover the product, the price is what a walk over the tiles loads, and nothing in the
// candidate set is better.

#include "host/tiling.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

struct Walked {
    std::uint64_t weights = 0, inputs = 0;  ///< bytes loaded
    std::uint64_t cycles = 0;               ///< of the array: each fold streams its rows or loads the next weights
};

/// Walks the tiles in the order the projection is lowered in, keeping the last weight and the last input tile.
Walked walk(const ProductShape& shape, const TileLimits& limits, const Tiling& tile) {
    using At = std::optional<std::pair<std::uint64_t, std::uint64_t>>;
    Walked moved;
    At weight_at, input_at;
    std::uint64_t covered = 0;
    const auto one = [&](std::uint64_t row, std::uint64_t column) {
        const std::uint64_t rows = std::min(tile.rows, shape.rows - row);
        const std::uint64_t columns = std::min(tile.outputs, shape.outputs - column);
        for (std::uint64_t deep = 0; deep < shape.reduction; deep += tile.reduction) {
            const std::uint64_t depth = std::min(tile.reduction, shape.reduction - deep);
            covered += rows * columns * depth;
            moved.cycles += ceil_div<std::uint64_t>(depth, limits.array_rows) *
                            ceil_div<std::uint64_t>(columns, limits.array_columns) *
                            std::max<std::uint64_t>(rows, limits.array_rows);
            if (input_at != std::pair{row, deep}) {
                moved.inputs += limits.input_in_dram ? rows * depth : 0;
                input_at = {row, deep};
            }
            if (weight_at != std::pair{column, deep}) {
                moved.weights += depth * columns;
                weight_at = {column, deep};
            }
        }
    };
    if (tile.weights_outer) {
        for (std::uint64_t column = 0; column < shape.outputs; column += tile.outputs) {
            for (std::uint64_t row = 0; row < shape.rows; row += tile.rows) {
                one(row, column);
            }
        }
    } else {
        for (std::uint64_t row = 0; row < shape.rows; row += tile.rows) {
            for (std::uint64_t column = 0; column < shape.outputs; column += tile.outputs) {
                one(row, column);
            }
        }
    }
    REQUIRE(covered == shape.rows * shape.outputs * shape.reduction);
    return moved;
}

bool fits(const ProductShape& shape, const TileLimits& limits, const Tiling& tile) {
    const std::uint64_t folds = ceil_div<std::uint64_t>(tile.outputs, limits.array_columns);
    const std::uint64_t weight_words = ceil_div<std::uint64_t>(tile.reduction, limits.array_rows) * limits.array_rows *
                                       folds * ceil_div(limits.array_columns, limits.word_bytes);
    const double output_bytes = static_cast<double>(tile.outputs) * limits.output_bytes_per_column;
    const std::uint64_t output_words =
        limits.output_layout.words(tile.rows, static_cast<std::uint64_t>(output_bytes + 0.999), 1);
    return weight_words <= limits.weight_words && tile.rows * folds <= limits.accumulator_rows &&
           (!limits.input_in_dram || limits.input_layout.words(tile.rows, tile.reduction, 1) <= limits.staging_words) &&
           (!limits.output_in_dram || output_words <= limits.staging_words) &&
           (tile.outputs == shape.outputs || tile.outputs % limits.column_multiple == 0) &&
           (tile.reduction == shape.reduction || tile.reduction % limits.array_rows == 0);
}

TileLimits random_limits(std::mt19937& random) {
    const auto pick = [&](std::initializer_list<std::uint32_t> values) {
        return *(values.begin() + std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(random));
    };
    TileLimits limits;
    limits.array_rows = pick({4, 8, 16, 32});
    limits.array_columns = pick({4, 8, 24, 32, 64});
    limits.weight_words = pick({64, 128, 256, 1024});
    limits.accumulator_rows = pick({4, 16, 64});
    limits.staging_words = pick({16, 64, 256});
    limits.input_in_dram = pick({0, 1}) == 1;
    limits.output_in_dram = pick({0, 1}) == 1;
    limits.input_layout = limits.output_layout = block_layout(limits.array_rows, limits.word_bytes);
    limits.column_multiple = pick({1, 2, 4});
    limits.output_bytes_per_column = 1.0 / static_cast<double>(limits.column_multiple);
    limits.dram_bytes_per_cycle = pick({1, 8, 26});
    return limits;
}

TEST_CASE("Tiles fit, cover the product, and cost what a walk over them loads", "[tiling]") {
    std::mt19937 random(7);
    const auto draw = [&](std::uint64_t most) { return std::uniform_int_distribution<std::uint64_t>(1, most)(random); };
    unsigned tiled = 0;
    for (unsigned trial = 0; trial < 400; ++trial) {
        const TileLimits limits = random_limits(random);
        const ProductShape shape{draw(80), draw(150), draw(60) * limits.column_multiple};
        std::optional<Tiling> tile;
        try {
            tile = choose_tiling(shape, limits);
        } catch (const InputError&) {
            continue;
        }
        ++tiled;
        CAPTURE(trial, shape.rows, shape.reduction, shape.outputs, tile->rows, tile->reduction, tile->outputs,
                tile->weights_outer);
        REQUIRE(fits(shape, limits, *tile));
        const Walked moved = walk(shape, limits, *tile);
        REQUIRE(moved.weights == tile->weight_bytes);
        REQUIRE(moved.inputs == tile->input_bytes);
        REQUIRE(moved.cycles == tile->array_cycles);
    }
    REQUIRE(tiled > 250);
}

/// 1, 1/2, 1/4 ... of `whole`, rounded up to `multiple`.
std::vector<std::uint64_t> halves(std::uint64_t whole, std::uint64_t multiple) {
    std::vector<std::uint64_t> sizes{whole};
    for (std::uint64_t parts = 2; parts < 2 * whole; parts *= 2) {
        sizes.push_back(std::min(whole, round_up(ceil_div(whole, parts), multiple)));
    }
    return sizes;
}

TEST_CASE("No other halving of rows and reduction, with columns of any width that fits, is faster", "[tiling]") {
    std::mt19937 random(11);
    const auto draw = [&](std::uint64_t most) { return std::uniform_int_distribution<std::uint64_t>(1, most)(random); };
    for (unsigned trial = 0; trial < 60; ++trial) {
        const TileLimits limits = random_limits(random);
        const ProductShape shape{draw(40), draw(100), draw(30) * limits.column_multiple};
        const auto time_of = [&](Tiling tile) {
            const Walked moved = walk(shape, limits, tile);
            tile.weight_bytes = moved.weights;
            tile.input_bytes = moved.inputs;
            tile.array_cycles = moved.cycles;
            return estimated_cycles(shape, limits, tile);
        };
        double least = std::numeric_limits<double>::infinity();
        for (const std::uint64_t rows : halves(shape.rows, 1)) {
            for (const std::uint64_t reduction : halves(shape.reduction, limits.array_rows)) {
                for (std::uint64_t columns = limits.array_columns;; columns += limits.array_columns) {
                    for (const bool outer : {false, true}) {
                        const Tiling tile{rows, reduction, std::min(columns, shape.outputs), outer, 0, 0, 0};
                        if (fits(shape, limits, tile)) {
                            least = std::min(least, time_of(tile));
                        }
                    }
                    if (columns >= shape.outputs) {
                        break;
                    }
                }
            }
        }
        CAPTURE(trial, shape.rows, shape.reduction, shape.outputs);
        if (least == std::numeric_limits<double>::infinity()) {
            REQUIRE_THROWS_AS(choose_tiling(shape, limits), InputError);
        } else {
            REQUIRE(time_of(choose_tiling(shape, limits)) == least);
        }
    }
}

TEST_CASE("A product of which no tile fits is an input error", "[tiling]") {
    TileLimits limits;
    limits.weight_words = 16;  // an array tile of 32 rows needs 32
    limits.accumulator_rows = 16;
    limits.staging_words = 64;
    REQUIRE_THROWS_AS(choose_tiling({4, 64, 64}, limits), InputError);
    limits.weight_words = 32;
    REQUIRE_NOTHROW(choose_tiling({4, 64, 64}, limits));
}

}  // namespace
}  // namespace palimpsest
