#pragma once
// Characters of UTF-8 text and the Unicode classes that tokenizers tell apart.

#include <cstddef>
#include <string>
#include <string_view>

namespace palimpsest {

struct Utf8Character {
    static constexpr char32_t kInvalid = 0xFFFFFFFF;

    char32_t code = kInvalid;  ///< kInvalid: a byte that begins no character; its length is 1
    std::size_t length = 1;    ///< bytes
};

/// The character at byte `at` < text.size().
Utf8Character character_at(std::string_view text, std::size_t at);

bool is_letter(char32_t code);  ///< general category L*
bool is_number(char32_t code);  ///< general category N*
bool is_space(char32_t code);   ///< property White_Space

/// `text` in normalisation form C; as it is where it is not valid UTF-8.
std::string composed(std::string_view text);

/// `text` with every `from` replaced by `to`.
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

}  // namespace palimpsest
