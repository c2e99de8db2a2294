#include "engine/utf8.h"

#include <cstdint>
#include <cstdlib>
#include <memory>

#include <utf8proc.h>

namespace palimpsest {

Utf8Character character_at(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
        return {first, 1};
    }
    utf8proc_int32_t code = -1;
    const std::size_t left = text.size() - at < 4 ? text.size() - at : 4;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                         static_cast<utf8proc_ssize_t>(left), &code);
    return length < 1 ? Utf8Character{} : Utf8Character{static_cast<char32_t>(code), static_cast<std::size_t>(length)};
}

bool is_letter(char32_t code) {
    if (code < 0x80) {
        return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
    }
    const auto category = code > 0x10FFFF ? UTF8PROC_CATEGORY_CN : utf8proc_category(static_cast<int>(code));
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t code) {
    if (code < 0x80) {
        return code >= '0' && code <= '9';
    }
    const auto category = code > 0x10FFFF ? UTF8PROC_CATEGORY_CN : utf8proc_category(static_cast<int>(code));
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool is_space(char32_t code) {
    return code == ' ' || (code >= 0x09 && code <= 0x0D) || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
           code == 0x3000;
}

std::string composed(std::string_view text) {
    utf8proc_uint8_t* result = nullptr;
    const auto length =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                     &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(result, std::free);
    return length < 0 ? std::string(text)
                      : std::string(reinterpret_cast<const char*>(result), static_cast<std::size_t>(length));
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(from, at);
        result += text.substr(at, found == std::string_view::npos ? found : found - at);
        if (found == std::string_view::npos) {
            return result;
        }
        result += to;
        at = found + from.size();
    }
}

}  // namespace palimpsest
