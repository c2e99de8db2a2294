#pragma once
// An activation tensor of a step: rows are tokens. It lies in the activation buffer or, where it does not fit, in DRAM.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "hardware/command.h"
#include "host/block_layout.h"
#include "host/hazard.h"

namespace palimpsest {

/// Columns [first, first + count) of a tensor's rows [first_row, first_row + rows).
struct Block {
    std::uint64_t first_row = 0, rows = 0;
    std::uint64_t first_column = 0, columns = 0;
};

struct Tensor {
    std::uint64_t rows = 0;
    std::uint64_t columns = 0;
    std::uint32_t element_bytes = 1;
    BlockLayout layout;  ///< in SRAM, here or where a block of it is staged
    std::optional<BufferRegion> on_chip;
    Bytes address = 0;  ///< in DRAM, row after row
    Hazard hazard;

    Bytes row_bytes() const { return columns * element_bytes; }
    Bytes bytes() const { return rows * row_bytes(); }
    /// SRAM words of a block of `block_rows` x `block_columns`.
    std::uint32_t words(std::uint64_t block_rows, std::uint64_t block_columns) const {
        return static_cast<std::uint32_t>(layout.words(block_rows, block_columns, element_bytes));
    }
    std::uint32_t words() const { return words(rows, columns); }
};

/// Where a block of an on-chip tensor lies. A block of part of the rows is in pieces, one a column block; for port
/// timetables it counts as one run of as many words from its first on (kept inside the tensor).
inline BufferRegion region_of(const Tensor& tensor, const Block& block) {
    const std::uint32_t words = tensor.words(block.rows, block.columns);
    const std::uint64_t column_block = block.first_column * tensor.element_bytes / tensor.layout.block_bytes;
    const auto offset =
        static_cast<std::uint32_t>((column_block * tensor.rows + block.first_row) * tensor.layout.row_words);
    const std::uint32_t last_start = tensor.on_chip->words > words ? tensor.on_chip->words - words : 0;
    return {tensor.on_chip->where, tensor.on_chip->first_word + std::min(offset, last_start), words};
}

/// Where a block lies in DRAM.
inline DramRegion dram_region_of(const Tensor& tensor, const Block& block) {
    DramRegion region;
    region.address = tensor.address + block.first_row * tensor.row_bytes() + block.first_column * tensor.element_bytes;
    region.row_bytes = block.columns * tensor.element_bytes;
    region.rows = static_cast<std::uint32_t>(block.rows);
    region.stride_bytes = tensor.row_bytes();
    if (region.row_bytes == region.stride_bytes) {  // whole rows are one piece
        region.row_bytes *= region.rows;
        region.rows = 1;
    }
    return region;
}

}  // namespace palimpsest
