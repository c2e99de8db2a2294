#pragma once
// What a token of a vocabulary stands for.

#include <cstdint>
#include <string>

namespace palimpsest {

enum class PieceKind : std::uint8_t {
    text,     ///< found in text by merging
    byte,     ///< one byte, for characters that have no piece
    literal,  ///< added to the vocabulary by hand: found in text before anything is merged
    silent,   ///< stands for its text, but no text leads to it
    mark,     ///< begin, end, unknown, control, unused: stands for no text and is not found in any
};

/// How pieces with scores and LLaMA's merges spell a space: U+2581.
inline constexpr const char* kSpaceSpelled = "\u2581";

}  // namespace palimpsest
