#pragma once
// Attention as text: a row as bars, a head as shades.

#include <cstdint>
#include <span>
#include <string>

#include "attention/attention_source.h"

namespace palimpsest {

/// One line of at most `columns` bars, oldest key left. A bar is the mass of its keys, on a square-root scale up to the
/// heaviest bar.
std::string picture_of_row(std::span<const Probability> row, std::uint32_t columns);

/// At most `rows` lines of at most `columns` shades: queries from top to bottom, keys from left to right. A shade is
/// the mean mass its queries give to its keys, on a square-root scale up to the darkest; beyond the diagonal it is
/// empty.
std::string picture_of_head(AttentionSource& source, std::uint32_t sequence, std::uint32_t layer, std::uint32_t head,
                            std::uint32_t rows, std::uint32_t columns);

/// Text as one line of printable characters.
std::string printable(const std::string& text);

}  // namespace palimpsest
