// Words of text: by hand, and against the regular expressions they stand for, matched slowly by definition.

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "engine/utf8.h"
#include "engine/word_splitter.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text, const std::vector<SplitRule>& rules) {
    const auto views = split_words(text, rules);
    return {views.begin(), views.end()};
}

using Code = char32_t;
using CodeSet = std::function<bool(Code)>;

/// `most` to `least` characters of a set, as many as the rest of the pattern allows.
struct Item {
    CodeSet set;
    std::size_t least, most;
};
struct Alternative {
    std::vector<Item> items;
    bool no_word_follows = false;  ///< (?!\S)
};
constexpr std::size_t kAny = 1000;

constexpr std::size_t kNoMatch = ~std::size_t{0};

std::size_t match(const Alternative& pattern, std::size_t item, const std::vector<Code>& text, std::size_t at) {
    if (item == pattern.items.size()) {
        return pattern.no_word_follows && at < text.size() && !is_space(text[at]) ? kNoMatch : at;
    }
    const auto& [set, least, most] = pattern.items[item];
    std::size_t taken = 0;
    while (taken < most && at + taken < text.size() && set(text[at + taken])) {
        ++taken;
    }
    for (;; --taken) {
        if (taken < least) {
            return kNoMatch;
        }
        if (const std::size_t end = match(pattern, item + 1, text, at + taken); end != kNoMatch || taken == 0) {
            return end;
        }
    }
}

CodeSet one_of(const std::u32string& codes) {
    return [codes](Code code) { return codes.find(code) != std::u32string::npos; };
}

bool is_sign(Code code) {
    return !is_space(code) && !is_letter(code) && !is_number(code);
}

/// 's|'t|'re|'ve|'m|'ll|'d, each letter as a string of what it may be.
void add_contractions(std::vector<Alternative>& pattern, bool any_case) {
    for (const std::u32string_view ending : {U"s", U"t", U"re", U"ve", U"m", U"ll", U"d"}) {
        Alternative contraction{{{one_of(U"'"), 1, 1}}};
        for (const Code letter : ending) {
            std::u32string forms(1, letter);
            if (any_case) {
                forms += letter - 32;
                forms += letter == U's' ? U"\u017F" : U"";
            }
            contraction.items.push_back({one_of(forms), 1, 1});
        }
        pattern.push_back(contraction);
    }
}

std::vector<Alternative> gpt2_pattern() {
    std::vector<Alternative> pattern;
    add_contractions(pattern, false);
    for (const CodeSet& set : {CodeSet(is_letter), CodeSet(is_number), CodeSet(is_sign)}) {
        pattern.push_back({{{one_of(U" "), 0, 1}, {set, 1, kAny}}});
    }
    pattern.push_back({{{is_space, 1, kAny}}, true});
    pattern.push_back({{{is_space, 1, kAny}}});
    return pattern;
}

std::vector<Alternative> llama3_pattern(std::size_t digits) {
    const CodeSet line_end = one_of(U"\r\n");
    const CodeSet leader = [=](Code code) { return !line_end(code) && !is_letter(code) && !is_number(code); };
    std::vector<Alternative> pattern;
    add_contractions(pattern, true);
    pattern.push_back({{{leader, 0, 1}, {is_letter, 1, kAny}}});
    pattern.push_back({{{is_number, 1, digits}}});
    pattern.push_back({{{one_of(U" "), 0, 1}, {is_sign, 1, kAny}, {line_end, 0, kAny}}});
    pattern.push_back({{{is_space, 0, kAny}, {line_end, 1, kAny}}});
    pattern.push_back({{{is_space, 1, kAny}}, true});
    pattern.push_back({{{is_space, 1, kAny}}});
    return pattern;
}

/// The words of `text` as the first alternative that matches gives them.
Words matched_slowly(const std::vector<Alternative>& pattern, std::string_view text) {
    std::vector<Code> codes;
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Character character = character_at(text, at);
        codes.push_back(character.code);
        starts.push_back(at);
        at += character.length;
    }
    starts.push_back(text.size());
    Words words;
    for (std::size_t at = 0; at < codes.size();) {
        std::size_t end = kNoMatch;
        for (const Alternative& alternative : pattern) {
            end = match(alternative, 0, codes, at);
            if (end != kNoMatch) {
                break;
            }
        }
        REQUIRE(end > at);
        REQUIRE(end <= codes.size());
        words.emplace_back(text.substr(starts[at], starts[end] - starts[at]));
        at = end;
    }
    return words;
}

std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> kPool = {
        " ", " ", " ", "\n", "\r", "\t", "\u00a0", "\u3000", "\u0085", "a",    "B",    "'",       "'", "s",
        "S", "l", "l", "r",  "e",  "v",  "V",      "\u017F", "d",      "m",    "T",    "1",       "2", "٣",
        "½", "Ⅷ", ".", ",",  "-",  "é",  "日",     "\u0301", "😀",      "\xff", "\x80", "\xe2\x82"};
    std::string text;
    for (std::size_t length = random() % 24; length > 0; --length) {
        text += kPool[random() % kPool.size()];
    }
    return text;
}

}  // namespace

TEST_CASE("GPT-2's words take the space in front along", "[tokenizer]") {
    const std::vector<SplitRule> rules{SplitRule::gpt2};
    CHECK(words_of("I'm  fine, it's 2024!\n", rules) ==
          Words{"I", "'m", " ", " fine", ",", " it", "'s", " 2024", "!", "\n"});
    CHECK(words_of("DON'T", rules) == Words{"DON", "'", "T"});
    CHECK(words_of("a \n b", rules) == Words{"a", " \n", " b"});
    CHECK(words_of("a   ", rules) == Words{"a", "   "});
    CHECK(words_of("", rules).empty());
}

TEST_CASE("LLaMA 3's words hold three digits, Qwen2's one, and line ends belong to signs", "[tokenizer]") {
    CHECK(words_of("(it'S 12345);\n\n x", {SplitRule::llama3}) == Words{"(it", "'S", " ", "123", "45", ");\n\n", " x"});
    CHECK(words_of("12 a\n \n b", {SplitRule::qwen2}) == Words{"1", "2", " a", "\n \n", " b"});
}

TEST_CASE("rules follow each other, and digits and spaces can be cut off", "[tokenizer]") {
    CHECK(words_of("ab 12c", {SplitRule::single_digits, SplitRule::gpt2}) == Words{"ab", " ", "1", "2", "c"});
    CHECK(words_of("ab12c", {SplitRule::digit_runs}) == Words{"ab", "12", "c"});
    CHECK(words_of(" a  b", {SplitRule::before_spaces}) == Words{" a", " ", " b"});
    CHECK(words_of(" a  b c  ", {SplitRule::space_runs}) == Words{" a", "  b", " c", "  "});
    CHECK(crosses_space_runs("a b"));
    CHECK_FALSE(crosses_space_runs("  ab"));
    CHECK(words_of("ab", {}) == Words{"ab"});
}

TEST_CASE("words are what the regular expressions match", "[tokenizer]") {
    std::mt19937 random(5);
    for (const auto& [rule, pattern] :
         {std::pair(SplitRule::gpt2, gpt2_pattern()), std::pair(SplitRule::llama3, llama3_pattern(3)),
          std::pair(SplitRule::qwen2, llama3_pattern(1))}) {
        for (int round = 0; round < 4000; ++round) {
            const std::string text = random_text(random);
            CAPTURE(text, static_cast<int>(rule));
            REQUIRE(words_of(text, {rule}) == matched_slowly(pattern, text));
        }
    }
}

TEST_CASE("a pattern is known by its spelling", "[tokenizer]") {
    CHECK(split_rule_of_pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") ==
          SplitRule::gpt2);
    CHECK_FALSE(split_rule_of_pattern(R"(\s+)"));
}

TEST_CASE("characters have Unicode's classes, and bytes that are none have no class", "[tokenizer]") {
    CHECK(is_letter(U'é'));
    CHECK(is_letter(U'日'));
    CHECK_FALSE(is_letter(U'\u0301'));  // a mark
    CHECK(is_number(U'½'));
    CHECK(is_number(U'Ⅷ'));
    CHECK(is_space(U'\u3000'));
    CHECK_FALSE(is_space(U'\u200B'));
    CHECK_FALSE(is_letter(Utf8Character::kInvalid));
    CHECK_FALSE(is_number(Utf8Character::kInvalid));
    for (const std::string text : {"\xFF", "\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"}) {
        CHECK(character_at(text, 0).code == Utf8Character::kInvalid);
        CHECK(character_at(text, 0).length == 1);
    }
    CHECK(character_at("€", 0).code == U'€');
    CHECK(composed("e\u0301") == "é");
    CHECK(composed("e\u0301\xFF") == "e\u0301\xFF");
}

}  // namespace palimpsest
