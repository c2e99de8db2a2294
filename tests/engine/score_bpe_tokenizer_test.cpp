// Byte-pair encoding on a small vocabulary by hand, and against repeated search for the best pair on random text.

#include <algorithm>
#include <cstring>
#include <random>

#include "engine/score_bpe_tokenizer.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

using Token = ScoreBpeTokenizer::Token;
using Piece = ScoreBpeTokenizer::Piece;

/// Marks, 256 bytes (as characters or as "<0x41>"), then the given pieces; a piece's score falls with its place.
std::vector<Piece> vocabulary_of(const std::vector<std::string>& pieces, bool spelled_bytes = true) {
    std::vector<Piece> vocabulary = {{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}};
    for (unsigned byte = 0; byte < 256; ++byte) {
        if (spelled_bytes) {
            constexpr const char* kDigits = "0123456789ABCDEF";
            vocabulary.push_back({std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0});
        } else if (byte < 128) {
            vocabulary.push_back({std::string(1, static_cast<char>(byte)), 0});
        } else {
            vocabulary.push_back({{static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))}, 0});
        }
    }
    float score = 0;
    for (const auto& piece : pieces) {
        vocabulary.push_back({piece, score -= 1});
    }
    return vocabulary;
}

std::vector<std::string> pieces_of(const ScoreBpeTokenizer& tokenizer, const std::string& text) {
    std::vector<std::string> pieces;
    for (const Token token : tokenizer.encode(text)) {
        pieces.emplace_back(tokenizer.decode(token));
    }
    return pieces;
}

std::string joined(const ScoreBpeTokenizer& tokenizer, const std::vector<Token>& tokens) {
    std::string text;
    Token previous = ScoreBpeTokenizer::kBegin;
    for (const Token token : tokens) {
        text += tokenizer.decode(token, previous);
        previous = token;
    }
    return text;
}

void write_tokenizer(const std::string& path, const std::vector<Piece>& vocabulary) {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](auto value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
    put(std::int32_t{27});
    for (const auto& piece : vocabulary) {
        put(piece.score);
        put(static_cast<std::int32_t>(piece.text.size()));
        file << piece.text;
    }
}

/// Merges as the definition says: search all neighbours for the best, the first of equals, until there is none.
std::vector<std::string> merged_slowly(const std::vector<Piece>& vocabulary, std::vector<std::string> parts) {
    for (;;) {
        const Piece* best = nullptr;
        std::size_t where = 0;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            for (std::size_t t = 3 + 256; t < vocabulary.size(); ++t) {
                if (vocabulary[t].text == parts[i] + parts[i + 1] &&
                    (best == nullptr || vocabulary[t].score > best->score)) {
                    best = &vocabulary[t];
                    where = i;
                }
            }
        }
        if (best == nullptr) {
            return parts;
        }
        parts[where] = best->text;
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
}

std::string error_of(const std::string& path, std::uint32_t vocabulary) {
    try {
        ScoreBpeTokenizer::read(path, vocabulary);
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the best-scored pair is merged first, whatever its place", "[tokenizer]") {
    // "ab" scores higher than "bc", which the text meets first in "xbc".
    const ScoreBpeTokenizer tokenizer(vocabulary_of({" ", "a", "b", "c", "ab", "bc", "abc"}));
    CHECK(pieces_of(tokenizer, "abc") == std::vector<std::string>{" ", "abc"});
    CHECK(pieces_of(tokenizer, "bcab") == std::vector<std::string>{" ", "bc", "ab"});
    CHECK(tokenizer.encode("").empty());
}

TEST_CASE("characters without a token become bytes, and bytes become characters again", "[tokenizer]") {
    const bool spelled = GENERATE(true, false);
    const ScoreBpeTokenizer tokenizer(vocabulary_of({" ", "a", "é"}, spelled));
    const std::string text = "aé\n€a\xFFz";
    const auto tokens = tokenizer.encode(text);
    CHECK(tokens[1] == 3 + 256 + 1);  // the letter's own token, not the byte's
    CHECK(tokens[2] == 3 + 256 + 2);
    CHECK(tokens[3] == 3 + '\n');
    CHECK(joined(tokenizer, tokens) == text);
}

TEST_CASE("marks decode to nothing and a text's first piece loses its space", "[tokenizer]") {
    const ScoreBpeTokenizer tokenizer(vocabulary_of({" ", "a", " a"}));
    const Token a = tokenizer.encode("a").front();
    CHECK(tokenizer.decode(a) == " a");
    CHECK(tokenizer.decode(a, ScoreBpeTokenizer::kBegin) == "a");
    CHECK(tokenizer.decode(ScoreBpeTokenizer::kBegin).empty());
    CHECK(tokenizer.decode(ScoreBpeTokenizer::kEnd).empty());
    CHECK(tokenizer.decode(100000).empty());
}

TEST_CASE("merging by queue equals merging by repeated search on random text", "[tokenizer]") {
    std::mt19937 random(9);
    for (int round = 0; round < 40; ++round) {
        std::vector<std::string> pieces = {" ", "a", "b", "c"};
        for (int i = 0; i < 12; ++i) {
            const std::string piece = pieces[random() % pieces.size()] + pieces[random() % pieces.size()];
            if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) {
                pieces.push_back(piece);
            }
        }
        std::vector<Piece> vocabulary = vocabulary_of(pieces);
        for (auto& piece : vocabulary) {
            piece.score = static_cast<float>(random() % 5);  // ties are frequent
        }
        std::string text;
        std::vector<std::string> characters = {" "};
        for (int i = 0; i < 60; ++i) {
            text += " abc"[random() % 4];
            characters.emplace_back(1, text.back());
        }
        REQUIRE(pieces_of(ScoreBpeTokenizer(vocabulary), text) == merged_slowly(vocabulary, characters));
    }
}

TEST_CASE("a tokenizer file is read back, and one that is damaged is refused with the place", "[tokenizer]") {
    const ScratchDirectory scratch;
    const auto vocabulary = vocabulary_of({" ", "a", "b", "ab"});
    const auto size = static_cast<std::uint32_t>(vocabulary.size());
    write_tokenizer(scratch / "tokenizer.bin", vocabulary);
    CHECK(pieces_of(ScoreBpeTokenizer::read(scratch / "tokenizer.bin", size), "ab") ==
          std::vector<std::string>{" ", "ab"});

    CHECK(error_of(scratch / "tokenizer.bin", size + 1).find("ends inside token 263 of 264") != std::string::npos);
    CHECK(error_of(scratch / "tokenizer.bin", size - 1).find("bytes follow token 262") != std::string::npos);
    std::string bytes = content_of(scratch / "tokenizer.bin");
    const std::int32_t length = 1 << 20;
    std::memcpy(bytes.data() + 8, &length, 4);
    std::ofstream(scratch / "bad.bin", std::ios::binary) << bytes;
    CHECK(error_of(scratch / "bad.bin", size).find("byte 8: token 0 of 263 has length 1048576") != std::string::npos);
    CHECK_THROWS_AS(ScoreBpeTokenizer::read(scratch / "none.bin", size), InputError);
}

}  // namespace palimpsest
