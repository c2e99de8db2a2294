#pragma once
// How vocabularies write bytes.
//
// GPT-2's way to write any bytes as printable characters: a byte that prints as Latin-1 is that character, the others
// (control characters, space, 127 to 160, 173) are U+0100 and what follows, in their order. So a space is U+0120.

#include <optional>
#include <string>
#include <string_view>

namespace palimpsest {

/// The bytes that `letters` stand for; none if there is a character among them that stands for no byte.
std::optional<std::string> bytes_of_letters(std::string_view letters);

/// The byte that vocabularies with a byte fallback write as "<0x0A>"; none if `piece` is something else.
std::optional<char> byte_spelled(std::string_view piece);

}  // namespace palimpsest
