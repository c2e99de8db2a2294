#pragma once
// How the rows of a matrix lie in an SRAM buffer.

#include <cstdint>

#include "palimpsest/types.h"

namespace palimpsest {

/// Columns are cut into blocks of `block_bytes`; inside a block row follows row, each in whole words. What the array
/// streams has blocks of the array's height, what only the vector unit touches blocks of one word.
struct BlockLayout {
    std::uint32_t block_bytes = 32;
    std::uint32_t row_words = 1;  ///< words of one row of a block

    std::uint64_t words(std::uint64_t rows, std::uint64_t columns, std::uint32_t element_bytes) const {
        return rows * ceil_div<std::uint64_t>(columns * element_bytes, block_bytes) * row_words;
    }
    bool operator==(const BlockLayout&) const = default;
};

/// Blocks of `block_bytes`, padded to whole words of `word_bytes`.
inline BlockLayout block_layout(std::uint32_t block_bytes, std::uint32_t word_bytes) {
    return {block_bytes, ceil_div(block_bytes, word_bytes)};
}

}  // namespace palimpsest
