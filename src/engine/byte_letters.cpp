#include "engine/byte_letters.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "engine/utf8.h"

namespace palimpsest {
namespace {

constexpr char32_t kLetters = 0x100 + 68;  // 68 bytes do not print

constexpr bool prints(unsigned byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// The byte by code point; -1: none.
constexpr std::array<std::int16_t, kLetters> byte_table() {
    std::array<std::int16_t, kLetters> table{};
    table.fill(-1);
    std::size_t next = 0x100;
    for (unsigned byte = 0; byte < 0x100; ++byte) {
        table[prints(byte) ? byte : next++] = static_cast<std::int16_t>(byte);
    }
    return table;
}

}  // namespace

std::optional<std::string> bytes_of_letters(std::string_view letters) {
    static constexpr auto kBytes = byte_table();
    std::string bytes;
    for (std::size_t at = 0; at < letters.size();) {
        const Utf8Character character = character_at(letters, at);
        if (character.code >= kBytes.size() || kBytes[character.code] < 0) {
            return std::nullopt;
        }
        bytes += static_cast<char>(kBytes[character.code]);
        at += character.length;
    }
    return bytes;
}

std::optional<char> byte_spelled(std::string_view piece) {
    unsigned byte = 0;
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
    return error == std::errc() && end == piece.data() + 5 ? std::optional(static_cast<char>(byte)) : std::nullopt;
}

}  // namespace palimpsest
