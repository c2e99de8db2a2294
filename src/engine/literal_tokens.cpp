#include "engine/literal_tokens.h"

#include <algorithm>
#include <tuple>

#include "engine/utf8.h"

namespace palimpsest {
namespace {

std::size_t first_byte(const LiteralTokens::Literal& literal) {
    return static_cast<unsigned char>(literal.text.front());
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        const Utf8Character character = character_at(text, at);
        if (!is_space(character.code)) {
            break;
        }
        at += character.length;
    }
    return at;
}

/// Where the white space that `text` ends with begins.
std::size_t trailing_spaces(std::string_view text) {
    std::size_t begin = text.size();
    for (std::size_t at = text.size(); at > 0;) {
        --at;
        if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
            continue;  // inside a character
        }
        const Utf8Character character = character_at(text, at);
        if (!is_space(character.code) || at + character.length != begin) {
            break;
        }
        begin = at;
    }
    return begin;
}

}  // namespace

LiteralTokens::LiteralTokens(std::vector<Literal> literals) : literals_(std::move(literals)) {
    std::erase_if(literals_, [](const Literal& literal) { return literal.text.empty(); });
    std::stable_sort(literals_.begin(), literals_.end(), [](const Literal& a, const Literal& b) {
        return std::tuple(first_byte(a), b.text.size()) < std::tuple(first_byte(b), a.text.size());
    });
    for (const Literal& literal : literals_) {
        ++first_[first_byte(literal) + 1];
    }
    for (std::size_t i = 1; i < first_.size(); ++i) {
        first_[i] += first_[i - 1];
    }
}

const LiteralTokens::Literal* LiteralTokens::at(std::string_view rest) const {
    const auto byte = static_cast<unsigned char>(rest.front());
    for (std::size_t i = first_[byte]; i < first_[byte + 1u]; ++i) {
        if (rest.starts_with(literals_[i].text)) {
            return &literals_[i];
        }
    }
    return nullptr;
}

std::vector<LiteralTokens::Part> LiteralTokens::split(std::string_view text) const {
    std::vector<Part> parts;
    std::size_t done = 0;
    const auto plain = [&](std::size_t end) {
        if (end > done) {
            parts.push_back({text.substr(done, end - done)});
        }
    };
    for (std::size_t i = 0; i < text.size() && !literals_.empty();) {
        const Literal* found = at(text.substr(i));
        if (found == nullptr) {
            ++i;
            continue;
        }
        std::size_t begin = i;
        std::size_t end = i + found->text.size();
        if (found->takes_left) {
            begin = done + trailing_spaces(text.substr(done, i - done));
        }
        if (found->takes_right) {
            end = skip_spaces(text, end);
        }
        plain(begin);
        parts.push_back({text.substr(begin, end - begin), found});
        done = i = end;
    }
    plain(text.size());
    return parts;
}

}  // namespace palimpsest
