#include "engine/bpe_tokenizer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <queue>

#include "engine/mapped_file.h"
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

/// Bytes of the UTF-8 character that begins at `first`; a stray byte counts as one.
std::size_t character_length(std::string_view text, std::size_t first) {
    std::size_t length = 1;
    while (length < 4 && first + length < text.size() &&
           (static_cast<unsigned char>(text[first + length]) & 0xC0) == 0x80) {
        ++length;
    }
    return length;
}

}  // namespace

BpeTokenizer::BpeTokenizer(std::vector<Piece> vocabulary) : pieces_(std::move(vocabulary)) {
    has_bytes_ = pieces_.size() >= kFirstByte + 256;
    for (unsigned byte = 0; byte < 256 && has_bytes_; ++byte) {
        has_bytes_ = spells_byte(pieces_[kFirstByte + byte].text, byte);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        bytes_[byte] = static_cast<char>(byte);
    }
    // Marks and byte tokens are not found by their text: "a" is the letter's own token, not the byte 0x61.
    const Token first_text = has_bytes_ ? kFirstByte + 256 : kFirstByte;
    for (Token token = first_text; token < pieces_.size(); ++token) {
        by_text_.emplace(pieces_[token].text, token);
    }
}

BpeTokenizer BpeTokenizer::read(const std::string& path, std::uint32_t vocabulary) {
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
    return BpeTokenizer(std::move(pieces));
}

std::optional<BpeTokenizer::Token> BpeTokenizer::find(std::string_view piece) const {
    const auto found = by_text_.find(piece);
    return found == by_text_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<BpeTokenizer::Token> BpeTokenizer::characters(std::string_view text) const {
    std::vector<Token> tokens;
    if (const auto space = find(" ")) {
        tokens.push_back(*space);
    }
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text, i);
        if (const auto token = find(text.substr(i, length))) {
            tokens.push_back(*token);
        } else if (has_bytes_) {
            for (const char byte : text.substr(i, length)) {
                tokens.push_back(kFirstByte + static_cast<unsigned char>(byte));
            }
        } else {
            tokens.push_back(kUnknown);
        }
        i += length;
    }
    return tokens;
}

std::vector<BpeTokenizer::Token> BpeTokenizer::encode(std::string_view text) const {
    if (text.empty()) {
        return {};
    }
    // A linked list of tokens and a queue of possible merges: what repeated search for the best pair does, in n log n.
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    struct Node {
        Token token;
        std::size_t previous, next;
        bool alive = true;
    };
    struct Merge {
        float score;
        std::size_t left, right;
        Token left_token, right_token, joint;
        bool operator<(const Merge& other) const {
            return score != other.score ? score < other.score : left > other.left;
        }
    };
    std::vector<Node> nodes;
    for (const Token token : characters(text)) {
        nodes.push_back({token, nodes.empty() ? kNone : nodes.size() - 1, nodes.size() + 1});
    }
    nodes.back().next = kNone;

    std::priority_queue<Merge> merges;
    std::string joint;
    const auto offer = [&](std::size_t left, std::size_t right) {
        if (left == kNone || right == kNone || is_byte(nodes[left].token) || is_byte(nodes[right].token)) {
            return;
        }
        joint = pieces_[nodes[left].token].text;
        joint += pieces_[nodes[right].token].text;
        if (const auto token = find(joint)) {
            merges.push({pieces_[*token].score, left, right, nodes[left].token, nodes[right].token, *token});
        }
    };
    for (std::size_t i = 1; i < nodes.size(); ++i) {
        offer(i - 1, i);
    }
    while (!merges.empty()) {
        const Merge best = merges.top();
        merges.pop();
        Node& left = nodes[best.left];
        Node& right = nodes[best.right];
        // Either side may have been merged since.
        if (!left.alive || !right.alive || left.next != best.right || left.token != best.left_token ||
            right.token != best.right_token) {
            continue;
        }
        left.token = best.joint;
        left.next = right.next;
        right.alive = false;
        if (right.next != kNone) {
            nodes[right.next].previous = best.left;
        }
        offer(left.previous, best.left);
        offer(best.left, left.next);
    }
    std::vector<Token> tokens;
    for (std::size_t i = 0; i != kNone; i = nodes[i].next) {
        tokens.push_back(nodes[i].token);
    }
    return tokens;
}

std::string_view BpeTokenizer::decode(Token token, Token previous) const {
    if (token >= pieces_.size() || token < kFirstByte) {
        return {};
    }
    if (is_byte(token)) {
        return {&bytes_[token - kFirstByte], 1};
    }
    std::string_view piece = pieces_[token].text;
    if (previous == kBegin && piece.starts_with(' ')) {
        piece.remove_prefix(1);
    }
    return piece;
}

}  // namespace palimpsest
