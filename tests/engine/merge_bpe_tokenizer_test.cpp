// Merging by rank on small vocabularies by hand, against repeated search on random text, and there and back.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/merge_bpe_tokenizer.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Token = Tokenizer::Token;
using Pieces = std::vector<std::string>;

/// Texts as given, then the joint texts of `merges` ("left|right").
MergeBpeVocabulary vocabulary_of(const Pieces& symbols, const Pieces& merges) {
    MergeBpeVocabulary vocabulary;
    std::map<std::string, Token> ids;
    const auto id_of = [&](const std::string& text) {
        const auto [entry, is_new] = ids.emplace(text, static_cast<Token>(vocabulary.pieces.size()));
        if (is_new) {
            vocabulary.pieces.push_back({text, PieceKind::text});
        }
        return entry->second;
    };
    for (const auto& symbol : symbols) {
        id_of(symbol);
    }
    for (const auto& merge : merges) {
        const std::string left = merge.substr(0, merge.find('|'));
        const std::string right = merge.substr(merge.find('|') + 1);
        vocabulary.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
    }
    return vocabulary;
}

Pieces all_bytes() {
    Pieces bytes;
    for (unsigned byte = 0; byte < 256; ++byte) {
        bytes.emplace_back(1, static_cast<char>(byte));
    }
    return bytes;
}

Pieces pieces_of(const Tokenizer& tokenizer, std::string_view text) {
    Pieces pieces;
    for (const Token token : tokenizer.encode(text)) {
        pieces.push_back(tokenizer.decode(token));
    }
    return pieces;
}

std::string there_and_back(const Tokenizer& tokenizer, std::string_view text) {
    std::string result;
    std::optional<Token> previous = tokenizer.begin();
    for (const Token token : tokenizer.encode(text)) {
        result += tokenizer.decode(token, previous);
        previous = token;
    }
    return result;
}

std::string random_bytes(std::mt19937& random, std::size_t most) {
    std::string text(random() % most, ' ');
    for (char& byte : text) {
        byte = static_cast<char>(random() % 3 == 0 ? random() % 256 : " ab\xC3\xA9\n"[random() % 6]);
    }
    return text;
}

}  // namespace

TEST_CASE("the merge of lowest rank goes first, whatever its place", "[tokenizer]") {
    const MergeBpeTokenizer tokenizer(vocabulary_of({"a", "b", "c"}, {"b|c", "a|b", "ab|c", "a|bc"}), {});
    CHECK(pieces_of(tokenizer, "abc") == Pieces{"abc"});  // b|c before a|b, then a|bc
    CHECK(pieces_of(tokenizer, "aab") == Pieces{"a", "ab"});
    CHECK(pieces_of(tokenizer, "bcab") == Pieces{"bc", "ab"});
    CHECK(tokenizer.encode("").empty());
    CHECK(tokenizer.encode("x").empty());  // neither a piece nor an unknown token
    CHECK(tokenizer.decode(1000).empty());
}

TEST_CASE("merges stay within words", "[tokenizer]") {
    const auto vocabulary = vocabulary_of({"a", " "}, {"a| ", " |a", "a|a"});
    CHECK(pieces_of(MergeBpeTokenizer(vocabulary, {}), "a a") == Pieces{"a ", "a"});
    CHECK(pieces_of(MergeBpeTokenizer(vocabulary, {.split = {SplitRule::gpt2}}), "a a") == Pieces{"a", " a"});
}

TEST_CASE("merging by queue equals merging by repeated search", "[tokenizer]") {
    std::mt19937 random(3);
    for (int round = 0; round < 60; ++round) {
        Pieces known = {" ", "a", "b"};
        Pieces merges;
        while (merges.size() < 10) {
            const std::string left = known[random() % known.size()];
            const std::string right = known[random() % known.size()];
            if (std::find(merges.begin(), merges.end(), left + "|" + right) == merges.end()) {
                merges.push_back(left + "|" + right);
                known.push_back(left + right);
            }
        }
        std::string text;
        Pieces parts;
        for (int i = 0; i < 50; ++i) {
            text += " ab"[random() % 3];
            parts.emplace_back(1, text.back());
        }
        for (std::size_t rank = 0; rank < merges.size();) {  // the first rank that is there, its first place
            std::size_t at = 0;
            while (at + 1 < parts.size() && parts[at] + "|" + parts[at + 1] != merges[rank]) {
                ++at;
            }
            if (at + 1 >= parts.size()) {
                ++rank;
                continue;
            }
            parts[at] += parts[at + 1];
            parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
            rank = 0;
        }
        const bool bytes = round % 2 == 0;
        const MergeBpeTokenizer tokenizer(vocabulary_of({" ", "a", "b"}, merges), {.symbols_are_bytes = bytes});
        REQUIRE(pieces_of(tokenizer, text) == parts);
    }
}

TEST_CASE("a tokenizer over bytes gives any bytes back", "[tokenizer]") {
    std::mt19937 random(7);
    auto vocabulary = vocabulary_of(all_bytes(), {" |a", "\xC3|\xA9", "a|b", " a|b"});
    vocabulary.begin = 0;
    for (const SplitRule rule : {SplitRule::gpt2, SplitRule::llama3, SplitRule::single_digits}) {
        const MergeBpeTokenizer tokenizer(vocabulary, {.split = {rule}});
        for (int round = 0; round < 300; ++round) {
            const std::string text = random_bytes(random, 80);
            REQUIRE(there_and_back(tokenizer, text) == text);
        }
    }
}

TEST_CASE("a tokenizer over characters with a byte fallback gives any bytes back", "[tokenizer]") {
    auto vocabulary = vocabulary_of({" ", "a", "é"}, {" |a", " | ", "é|a"});
    vocabulary.begin = static_cast<Token>(vocabulary.pieces.size());
    vocabulary.pieces.push_back({"<s>", PieceKind::mark});
    for (const std::string& byte : all_bytes()) {
        vocabulary.pieces.push_back({byte, PieceKind::byte});
    }
    const MergeBpeTokenizer tokenizer(vocabulary, {.symbols_are_bytes = false, .leading_space = LeadingSpace::always});
    std::mt19937 random(8);
    for (int round = 0; round < 500; ++round) {
        const std::string text = random_bytes(random, 80);
        REQUIRE(there_and_back(tokenizer, text) == text);
    }
    CHECK(pieces_of(tokenizer, "a\u2581a€") == Pieces{" a", " a", "\xE2", "\x82", "\xAC"});
    CHECK(there_and_back(tokenizer, "<s>") == "<s>");
}

TEST_CASE("the space in front of a text depends on the rule", "[tokenizer]") {
    auto vocabulary = vocabulary_of({" ", "a"}, {" |a"});
    vocabulary.literals = {{.text = "L", .token = 3}};
    vocabulary.pieces.push_back({"L", PieceKind::literal});
    const auto pieces = [&](LeadingSpace rule, std::string_view text) {
        return pieces_of(MergeBpeTokenizer(vocabulary, {.symbols_are_bytes = false, .leading_space = rule}), text);
    };
    CHECK(pieces(LeadingSpace::none, "aLa") == Pieces{"a", "L", "a"});
    CHECK(pieces(LeadingSpace::always, " aLa") == Pieces{" ", " a", "L", " a"});
    CHECK(pieces(LeadingSpace::unless_there, " aLa") == Pieces{" a", "L", " a"});
    CHECK(pieces(LeadingSpace::first_unless_there, "aLa") == Pieces{" a", "L", "a"});
    CHECK(pieces(LeadingSpace::first_unless_there, "La") == Pieces{"L", "a"});
}

TEST_CASE("characters without a piece are unknown, one by one or fused", "[tokenizer]") {
    auto vocabulary = vocabulary_of({"a", "?"}, {});
    vocabulary.pieces[1].kind = PieceKind::mark;
    vocabulary.unknown = 1;
    CHECK(MergeBpeTokenizer(vocabulary, {.symbols_are_bytes = false}).encode("aéé a") ==
          std::vector<Token>{0, 1, 1, 1, 0});
    CHECK(MergeBpeTokenizer(vocabulary, {.symbols_are_bytes = false, .fuse_unknown = true}).encode("aéé a") ==
          std::vector<Token>{0, 1, 0});
}

TEST_CASE("a word that is a piece can be taken whole", "[tokenizer]") {
    auto vocabulary = vocabulary_of({"a", "b", "abb"}, {"b|b"});
    CHECK(pieces_of(MergeBpeTokenizer(vocabulary, {}), "abb") == Pieces{"a", "bb"});
    CHECK(pieces_of(MergeBpeTokenizer(vocabulary, {.whole_words = true}), "abb") == Pieces{"abb"});
}

}  // namespace palimpsest
