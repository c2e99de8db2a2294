#pragma once
// An activation tensor of a step: rows are tokens. It lies in the activation buffer or, where it does not fit, in DRAM.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "hardware/command.h"
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
    std::optional<BufferRegion> on_chip;  ///< in blocks of one SRAM word of columns, row after row inside a block
    Bytes address = 0;                    ///< in DRAM, row after row
    Hazard hazard;

    Bytes row_bytes() const { return columns * element_bytes; }
    Bytes bytes() const { return rows * row_bytes(); }
    Block all() const { return {0, rows, 0, columns}; }
};

/// SRAM words of `rows` x `columns` elements stored as blocks of one word of columns.
inline std::uint32_t words_of(std::uint64_t rows, std::uint64_t columns, std::uint32_t element_bytes, std::uint32_t word_bytes) {
    return static_cast<std::uint32_t>(rows * ceil_div<std::uint64_t>(columns * element_bytes, word_bytes));
}

/// Where a block of an on-chip tensor lies. A block of part of the rows is in pieces, one a column block; for port
/// timetables it counts as one run of as many words from its first on (kept inside the tensor).
inline BufferRegion region_of(const Tensor& tensor, const Block& block, std::uint32_t word_bytes) {
    const std::uint32_t words = words_of(block.rows, block.columns, tensor.element_bytes, word_bytes);
    const auto column_block = static_cast<std::uint32_t>(block.first_column * tensor.element_bytes / word_bytes);
    const auto offset = column_block * static_cast<std::uint32_t>(tensor.rows) + static_cast<std::uint32_t>(block.first_row);
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
