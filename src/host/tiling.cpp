#include "host/tiling.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// `whole`, then its halves rounded up to `multiple`, down to one multiple.
std::vector<std::uint64_t> halvings(std::uint64_t whole, std::uint64_t multiple) {
    std::vector<std::uint64_t> sizes;
    for (std::uint64_t parts = 1;; parts *= 2) {
        const std::uint64_t size = parts == 1 ? whole : round_up(ceil_div(whole, parts), multiple);
        if (sizes.empty() || size < sizes.back()) {
            sizes.push_back(size);
        }
        if (size <= multiple) {
            return sizes;
        }
    }
}

/// Widest column tile for a given tile height and depth; 0 when none fits.
std::uint64_t widest(const ProductShape& shape, const TileLimits& limits, std::uint64_t rows, std::uint64_t reduction) {
    const std::uint64_t fold_words = ceil_div<std::uint64_t>(reduction, limits.array_rows) * limits.array_rows *
                                     ceil_div<std::uint64_t>(limits.array_columns, limits.word_bytes);
    std::uint64_t folds = std::min<std::uint64_t>(limits.weight_words / fold_words, limits.accumulator_rows / rows);
    if (limits.output_in_dram) {
        const std::uint64_t blocks = limits.staging_words / (rows * limits.output_layout.row_words);
        const double fold_bytes = limits.output_bytes_per_column * limits.array_columns;
        const double row_bytes = static_cast<double>(blocks) * limits.output_layout.block_bytes;
        const bool whole = row_bytes >= limits.output_bytes_per_column * static_cast<double>(shape.outputs);
        folds = whole ? folds : std::min(folds, static_cast<std::uint64_t>(row_bytes / fold_bytes));
    }
    std::uint64_t columns = std::min(folds * limits.array_columns, shape.outputs);
    if (columns < shape.outputs) {
        columns -= columns % limits.column_multiple;
    }
    return columns;
}

Tiling price(const ProductShape& shape, const TileLimits& limits, Tiling tile) {
    const std::uint64_t row_tiles = ceil_div(shape.rows, tile.rows);
    const std::uint64_t deep_tiles = ceil_div(shape.reduction, tile.reduction);
    const std::uint64_t column_tiles = ceil_div(shape.outputs, tile.outputs);
    const std::uint64_t weights = shape.reduction * shape.outputs;
    const std::uint64_t inputs = limits.input_in_dram ? shape.rows * shape.reduction : 0;
    if (tile.weights_outer) {
        tile.weight_bytes = weights * (deep_tiles == 1 ? 1 : row_tiles);
        tile.input_bytes = inputs * (row_tiles == 1 && deep_tiles == 1 ? 1 : column_tiles);
    } else {
        tile.weight_bytes = weights * (column_tiles == 1 && deep_tiles == 1 ? 1 : row_tiles);
        tile.input_bytes = inputs * (deep_tiles == 1 ? 1 : column_tiles);
    }
    // A fold takes as long as its rows stream or the next one's weights load, whichever is more.
    const auto folds_along = [&](std::uint64_t whole, std::uint64_t part, std::uint64_t size) {
        const std::uint64_t rest = whole % part;
        return whole / part * ceil_div(part, size) + ceil_div(rest, size);
    };
    const std::uint64_t folds = folds_along(shape.reduction, tile.reduction, limits.array_rows) *
                                folds_along(shape.outputs, tile.outputs, limits.array_columns);
    std::uint64_t streamed = shape.rows / tile.rows * std::max<std::uint64_t>(tile.rows, limits.array_rows);
    if (const std::uint64_t rest = shape.rows % tile.rows; rest != 0) {
        streamed += std::max<std::uint64_t>(rest, limits.array_rows);
    }
    tile.array_cycles = folds * streamed;
    return tile;
}

}  // namespace

double estimated_cycles(const ProductShape& shape, const TileLimits& limits, const Tiling& tile) {
    auto bytes = static_cast<double>(tile.weight_bytes);
    if (limits.input_in_dram) {
        const std::uint64_t row_bytes = tile.reduction;
        const std::uint64_t moved = row_bytes < shape.reduction ? round_up(row_bytes, limits.burst_bytes) : row_bytes;
        bytes += static_cast<double>(tile.input_bytes) * static_cast<double>(moved) / static_cast<double>(row_bytes);
    }
    if (limits.output_in_dram) {
        const auto row_bytes =
            static_cast<std::uint64_t>(limits.output_bytes_per_column * static_cast<double>(tile.outputs) + 0.5);
        const std::uint64_t moved =
            tile.outputs < shape.outputs ? round_up(std::max<Bytes>(row_bytes, 1), limits.burst_bytes) : row_bytes;
        bytes += static_cast<double>(shape.rows * ceil_div(shape.outputs, tile.outputs) * moved);
    }
    return static_cast<double>(tile.array_cycles) + bytes / limits.dram_bytes_per_cycle;
}

Tiling choose_tiling(const ProductShape& shape, const TileLimits& limits) {
    std::optional<Tiling> best;
    std::tuple<double, std::uint64_t, std::uint64_t> best_cost;
    for (const std::uint64_t rows : halvings(shape.rows, 1)) {
        if (rows > limits.accumulator_rows) {
            continue;
        }
        for (const std::uint64_t reduction : halvings(shape.reduction, limits.array_rows)) {
            const std::uint64_t input_words = limits.input_layout.words(rows, reduction, 1);
            if (limits.input_in_dram && input_words > limits.staging_words) {
                continue;
            }
            const std::uint64_t outputs = widest(shape, limits, rows, reduction);
            if (outputs == 0) {
                continue;
            }
            for (const bool weights_outer : {false, true}) {
                const Tiling tile = price(shape, limits, {rows, reduction, outputs, weights_outer, 0, 0, 0});
                const std::uint64_t bytes = tile.weight_bytes + tile.input_bytes;
                const std::tuple cost{estimated_cycles(shape, limits, tile), bytes,
                                      ceil_div(shape.outputs, tile.outputs)};
                if (!best || cost < best_cost) {
                    best = tile;
                    best_cost = cost;
                }
            }
        }
    }
    if (!best) {
        throw InputError(
            "", "hardware.buffers",
            fmt::format("no tile of a {} x {} by {} x {} product fits: the smallest needs {} words of a weight "
                        "half ({} there), one row of the accumulator ({} there) and a staging place ({} words there)",
                        shape.rows, shape.reduction, shape.reduction, shape.outputs, limits.array_rows,
                        limits.weight_words, limits.accumulator_rows, limits.staging_words),
            "larger buffers, a larger accumulator or a smaller array");
    }
    return *best;
}

}  // namespace palimpsest
