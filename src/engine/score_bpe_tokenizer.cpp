#include "engine/score_bpe_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/mapped_file.h"
#include "engine/pair_merger.h"
#include "engine/utf8.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kWhat = "a llama2.c tokenizer of as many tokens as the checkpoint's vocabulary";

/// A byte as text: exporters wrote byte tokens either as "<0x41>" or as the character of that number in UTF-8.
bool spells_byte(std::string_view piece, unsigned byte) {
    std::string character;
    if (byte < 0x80) {
        character = static_cast<char>(byte);
    } else {
        character = {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
    }
    return piece == character || piece == fmt::format("<0x{:02X}>", byte);
}

/// The kinds of a vocabulary in llama2.c's order, which has none written down.
std::vector<ScoreBpeTokenizer::Piece> in_llama2c_order(std::vector<ScoreBpeTokenizer::Piece> pieces) {
    constexpr std::size_t kMarks = 3;
    for (std::size_t token = 0; token < std::min(kMarks, pieces.size()); ++token) {
        pieces[token].kind = PieceKind::mark;
    }
    bool has_bytes = pieces.size() >= kMarks + 256;
    for (unsigned byte = 0; byte < 256 && has_bytes; ++byte) {
        has_bytes = spells_byte(pieces[kMarks + byte].text, byte);
    }
    for (unsigned byte = 0; byte < 256 && has_bytes; ++byte) {
        pieces[kMarks + byte].kind = PieceKind::byte;
        pieces[kMarks + byte].text = static_cast<char>(byte);
    }
    return pieces;
}

}  // namespace

ScoreBpeTokenizer::ScoreBpeTokenizer(std::vector<Piece> vocabulary)
    : ScoreBpeTokenizer(in_llama2c_order(std::move(vocabulary)), {.begin = kBegin, .end = kEnd, .unknown = kUnknown}) {}

ScoreBpeTokenizer::ScoreBpeTokenizer(std::vector<Piece> vocabulary, const Options& options)
    : options_(options), pieces_(std::move(vocabulary)) {
    std::vector<LiteralTokens::Literal> literals;
    for (Token token = 0; token < pieces_.size(); ++token) {
        const Piece& piece = pieces_[token];
        if (piece.kind == PieceKind::text) {
            by_text_.emplace(piece.text, token);
        } else if (piece.kind == PieceKind::byte && piece.text.size() == 1) {
            bytes_[static_cast<unsigned char>(piece.text.front())] = token;
        } else if (piece.kind == PieceKind::literal) {
            literals.push_back({.text = piece.text, .token = token});
        }
    }
    literals_ = LiteralTokens(std::move(literals));
    if (std::none_of(by_text_.begin(), by_text_.end(),
                     [](const auto& entry) { return crosses_space_runs(entry.first); })) {
        split_ = {SplitRule::space_runs};
    }
}

ScoreBpeTokenizer ScoreBpeTokenizer::read(const std::string& path, std::uint32_t vocabulary) {
    const MappedFile file(path, kWhat);
    const auto bytes = file.bytes();
    std::size_t offset = 0;
    const auto take = [&](void* target, std::size_t size, const std::string& name) {
        if (size > bytes.size() - offset) {
            throw InputError(path, fmt::format("byte {}", offset),
                             fmt::format("the file has {} bytes and ends inside {}", bytes.size(), name), kWhat);
        }
        if (size > 0) {
            std::memcpy(target, bytes.data() + offset, size);
        }
        offset += size;
    };
    std::int32_t longest = 0;
    take(&longest, sizeof longest, "the length of the longest piece");
    if (longest < 1 || longest > 4096) {
        throw InputError(path, "byte 0", fmt::format("longest piece of {} bytes", longest),
                         fmt::format("1 to 4096, as in {}", kWhat));
    }
    std::vector<Piece> pieces(vocabulary);
    for (Token token = 0; token < vocabulary; ++token) {
        const std::string name = fmt::format("token {} of {}", token, vocabulary);
        std::int32_t length = 0;
        take(&pieces[token].score, sizeof(float), name);
        take(&length, sizeof length, name);
        // The longest piece is counted without the marks by some exporters, so a piece may be a little longer.
        if (length < 0 || length > longest + 16 || !std::isfinite(pieces[token].score)) {
            throw InputError(path, fmt::format("byte {}", offset - sizeof length),
                             fmt::format("{} has length {} and score {}", name, length, pieces[token].score),
                             fmt::format("a length of 0 to {} and a finite score, as in {}", longest, kWhat));
        }
        pieces[token].text.resize(static_cast<std::size_t>(length));
        take(pieces[token].text.data(), pieces[token].text.size(), name);
    }
    if (offset != bytes.size()) {
        throw InputError(path, fmt::format("byte {}", offset),
                         fmt::format("{} bytes follow token {}", bytes.size() - offset, vocabulary), kWhat);
    }
    return ScoreBpeTokenizer(std::move(pieces));
}

std::optional<ScoreBpeTokenizer::Token> ScoreBpeTokenizer::find(std::string_view piece) const {
    const auto found = by_text_.find(piece);
    return found == by_text_.end() ? std::nullopt : std::optional(found->second);
}

void ScoreBpeTokenizer::characters(std::string_view text, std::vector<Token>& tokens) const {
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view character = text.substr(at, character_at(text, at).length);
        at += character.size();
        if (const auto token = find(character)) {
            tokens.push_back(*token);
            continue;
        }
        for (const char byte : character) {
            if (const auto token = bytes_[static_cast<unsigned char>(byte)]) {
                tokens.push_back(*token);
            } else if (options_.unknown) {
                tokens.push_back(*options_.unknown);
                break;  // one for the whole character
            }
        }
    }
}

std::vector<ScoreBpeTokenizer::Token> ScoreBpeTokenizer::encode(std::string_view text) const {
    using Merger = PairMerger<float>;
    Merger merger;
    std::string joint;
    const auto find_joint = [&](Token left, Token right) -> std::optional<Merger::Joint> {
        if (pieces_[left].kind != PieceKind::text || pieces_[right].kind != PieceKind::text) {
            return std::nullopt;
        }
        joint = pieces_[left].text;
        joint += pieces_[right].text;
        const auto token = find(joint);
        return token ? std::optional(Merger::Joint{-pieces_[*token].score, *token}) : std::nullopt;
    };
    std::vector<Token> tokens;
    std::vector<Token> merged;
    for (const LiteralTokens::Part& part : literals_.split(text)) {
        if (part.literal != nullptr) {
            tokens.push_back(part.literal->token);
            continue;
        }
        std::string spaced = options_.add_space ? " " : "";
        spaced += options_.spaces_spelled ? replaced(part.text, kSpaceSpelled, " ") : part.text;
        for (const std::string_view word : split_words(spaced, split_)) {
            merged.clear();
            characters(word, merged);
            merger.merge(merged, find_joint);
            tokens.insert(tokens.end(), merged.begin(), merged.end());
        }
    }
    return tokens;
}

std::string ScoreBpeTokenizer::decode(Token token, std::optional<Token> previous) const {
    if (token >= pieces_.size() || pieces_[token].kind == PieceKind::mark) {
        return {};
    }
    const std::string& piece = pieces_[token].text;
    const bool first = options_.add_space && previous && previous == options_.begin;
    return first && pieces_[token].kind == PieceKind::text && piece.starts_with(' ') ? piece.substr(1) : piece;
}

}  // namespace palimpsest
