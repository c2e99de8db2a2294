#include "engine/word_splitter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/utf8.h"

namespace palimpsest {
namespace {

enum class CharacterClass : std::uint8_t { letter, number, space, sign };

CharacterClass class_of(char32_t code) {
    if (is_letter(code)) {
        return CharacterClass::letter;
    }
    if (is_number(code)) {
        return CharacterClass::number;
    }
    return is_space(code) ? CharacterClass::space : CharacterClass::sign;
}

std::array<CharacterClass, 128> ascii_classes() {
    std::array<CharacterClass, 128> classes{};
    for (std::size_t code = 0; code < classes.size(); ++code) {
        classes[code] = class_of(static_cast<char32_t>(code));
    }
    return classes;
}

struct Character {
    CharacterClass what;
    std::size_t length;
};

Character look(std::string_view text, std::size_t at) {
    static const auto kAscii = ascii_classes();
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < kAscii.size()) {
        return {kAscii[first], 1};
    }
    const Utf8Character character = character_at(text, at);
    return {class_of(character.code), character.length};
}

/// The end of the run of at most `most` characters of class `what` that begins at `at`.
std::size_t run_end(std::string_view text, std::size_t at, CharacterClass what, std::size_t most = ~std::size_t{0}) {
    for (; at < text.size() && most > 0; --most) {
        const Character character = look(text, at);
        if (character.what != what) {
            break;
        }
        at += character.length;
    }
    return at;
}

bool is_line_end(char byte) {
    return byte == '\n' || byte == '\r';
}

/// The end of a contraction ('s 't 're 've 'm 'll 'd) at `at`, where there is an apostrophe; `at` if it is none.
std::size_t contraction_end(std::string_view text, std::size_t at, bool any_case) {
    constexpr std::array<std::string_view, 7> kEndings{"s", "t", "re", "ve", "m", "ll", "d"};
    constexpr std::string_view kLongS = "\u017F";  // whose other case is "s"
    const std::string_view after = text.substr(at + 1);
    if (any_case && after.starts_with(kLongS)) {
        return at + 1 + kLongS.size();
    }
    const auto lower = [any_case](char c) {
        return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    for (const std::string_view ending : kEndings) {
        if (after.size() >= ending.size() && std::equal(ending.begin(), ending.end(), after.begin(),
                                                        [&](char want, char have) { return lower(have) == want; })) {
            return at + 1 + ending.size();
        }
    }
    return at;
}

/// The end of a word that begins with white space no word has taken along: the run but for its last character, which
/// goes to the word that follows, if any.
std::size_t space_end(std::string_view text, std::size_t at) {
    std::size_t last = at;
    std::size_t end = at;
    while (end < text.size()) {
        const Character character = look(text, end);
        if (character.what != CharacterClass::space) {
            return last > at ? last : end;
        }
        last = end;
        end += character.length;
    }
    return end;
}

std::size_t gpt2_end(std::string_view text, std::size_t at) {
    if (text[at] == '\'') {
        if (const std::size_t end = contraction_end(text, at, false); end != at) {
            return end;
        }
    }
    const std::size_t start = text[at] == ' ' && at + 1 < text.size() ? at + 1 : at;
    const CharacterClass what = look(text, start).what;
    return what == CharacterClass::space ? space_end(text, at) : run_end(text, start, what);
}

std::size_t llama3_end(std::string_view text, std::size_t at, std::size_t most_digits) {
    if (text[at] == '\'') {
        if (const std::size_t end = contraction_end(text, at, true); end != at) {
            return end;
        }
    }
    const Character first = look(text, at);
    const std::size_t second = at + first.length;
    const auto second_is = [&](CharacterClass what) { return second < text.size() && look(text, second).what == what; };
    if (first.what == CharacterClass::letter) {
        return run_end(text, at, first.what);
    }
    if (first.what == CharacterClass::number) {
        return run_end(text, at, first.what, most_digits);
    }
    if (!is_line_end(text[at]) && second_is(CharacterClass::letter)) {
        return run_end(text, second, CharacterClass::letter);
    }
    if (first.what == CharacterClass::sign || (text[at] == ' ' && second_is(CharacterClass::sign))) {
        std::size_t end = run_end(text, text[at] == ' ' ? second : at, CharacterClass::sign);
        while (end < text.size() && is_line_end(text[end])) {
            ++end;
        }
        return end;
    }
    const std::size_t spaces = run_end(text, at, CharacterClass::space);
    for (std::size_t end = spaces; end > at; --end) {
        if (is_line_end(text[end - 1])) {
            return end;
        }
    }
    return space_end(text, at);
}

/// Number characters apart from all else, at most `most` of them together.
std::size_t digits_end(std::string_view text, std::size_t at, std::size_t most) {
    const std::size_t numbers = run_end(text, at, CharacterClass::number, most);
    std::size_t end = numbers;
    while (numbers == at && end < text.size()) {
        const Character character = look(text, end);
        if (character.what == CharacterClass::number) {
            break;
        }
        end += character.length;
    }
    return end;
}

std::size_t space_run_end(std::string_view text, std::size_t at) {
    const std::size_t first = std::min(text.find_first_not_of(' ', at), text.size());
    return std::min(text.find(' ', first), text.size());
}

std::size_t word_end(SplitRule rule, std::string_view text, std::size_t at) {
    switch (rule) {
        case SplitRule::gpt2:
            return gpt2_end(text, at);
        case SplitRule::llama3:
            return llama3_end(text, at, 3);
        case SplitRule::qwen2:
            return llama3_end(text, at, 1);
        case SplitRule::single_digits:
            return digits_end(text, at, 1);
        case SplitRule::digit_runs:
            return digits_end(text, at, ~std::size_t{0});
        case SplitRule::before_spaces:
            return std::min(text.find(' ', at + 1), text.size());
        case SplitRule::space_runs:
            return space_run_end(text, at);
    }
    return text.size();
}

}  // namespace

bool crosses_space_runs(std::string_view piece) {
    return !piece.empty() && space_run_end(piece, 0) < piece.size();
}

std::optional<SplitRule> split_rule_of_pattern(std::string_view pattern) {
    constexpr std::array<std::pair<std::string_view, SplitRule>, 3> kPatterns{{
        {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", SplitRule::gpt2},
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
         R"(\s+(?!\S)|\s+)",
         SplitRule::llama3},
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
         R"(\s+(?!\S)|\s+)",
         SplitRule::qwen2},
    }};
    for (const auto& [spelled, rule] : kPatterns) {
        if (spelled == pattern) {
            return rule;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> split_words(std::string_view text, std::span<const SplitRule> rules) {
    std::vector<std::string_view> words;
    if (!text.empty()) {
        words.push_back(text);
    }
    for (const SplitRule rule : rules) {
        std::vector<std::string_view> shorter;
        for (const std::string_view word : words) {
            for (std::size_t at = 0; at < word.size();) {
                const std::size_t end = word_end(rule, word, at);
                shorter.push_back(word.substr(at, end - at));
                at = end;
            }
        }
        words = std::move(shorter);
    }
    return words;
}

}  // namespace palimpsest
