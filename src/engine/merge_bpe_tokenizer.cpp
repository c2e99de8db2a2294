#include "engine/merge_bpe_tokenizer.h"

#include <algorithm>
#include <utility>

#include "engine/utf8.h"

namespace palimpsest {
namespace {

std::uint64_t pair_of(Tokenizer::Token left, Tokenizer::Token right) {
    return std::uint64_t{left} << 32 | right;
}

bool merges_cross_space_runs(const MergeBpeVocabulary& vocabulary) {
    return std::any_of(vocabulary.merges.begin(), vocabulary.merges.end(), [&](const auto& merge) {
        const std::string joint = vocabulary.pieces[merge.left].text + vocabulary.pieces[merge.right].text;
        return crosses_space_runs(replaced(joint, kSpaceSpelled, " "));
    });
}

}  // namespace

std::size_t MergeBpeTokenizer::HashPair::operator()(std::uint64_t pair) const {
    pair *= 0x9E3779B97F4A7C15;  // the standard library's hash of a number is that number
    return static_cast<std::size_t>(pair ^ pair >> 29);
}

MergeBpeTokenizer::MergeBpeTokenizer(MergeBpeVocabulary vocabulary, MergeBpeRules rules)
    : vocabulary_(std::move(vocabulary)), rules_(std::move(rules)), literals_(std::exchange(vocabulary_.literals, {})) {
    by_text_.reserve(vocabulary_.pieces.size());
    for (Token token = 0; token < vocabulary_.pieces.size(); ++token) {
        const auto& [text, kind] = vocabulary_.pieces[token];
        if (kind == PieceKind::byte && text.size() == 1) {
            bytes_[static_cast<unsigned char>(text.front())] = token;
        } else if (kind == PieceKind::text) {
            by_text_.emplace(text, token);
        }
    }
    for (unsigned byte = 0; byte < byte_symbols_.size(); ++byte) {
        byte_symbols_[byte] = find(std::string(1, static_cast<char>(byte)));
    }
    joints_.reserve(vocabulary_.merges.size());
    for (std::uint32_t rank = 0; rank < vocabulary_.merges.size(); ++rank) {
        const auto& merge = vocabulary_.merges[rank];
        if (vocabulary_.pieces[merge.joint].kind != PieceKind::mark) {  // no text leads to a mark
            joints_.emplace(pair_of(merge.left, merge.right), Merger::Joint{rank, merge.joint});
        }
    }
    // Unknown characters are fused across spaces only where a space is unknown, too.
    if (rules_.split.empty() && !rules_.whole_words && find(" ") && !merges_cross_space_runs(vocabulary_)) {
        rules_.split.push_back(SplitRule::space_runs);
    }
    vocabulary_.merges = {};
}

std::optional<MergeBpeTokenizer::Token> MergeBpeTokenizer::find(std::string_view piece) const {
    const auto found = by_text_.find(piece);
    return found == by_text_.end() ? std::nullopt : std::optional(found->second);
}

std::string MergeBpeTokenizer::normalised(std::string_view text, bool first) const {
    std::string result = rules_.compose ? composed(text) : std::string(text);
    if (!rules_.symbols_are_bytes) {
        result = replaced(result, kSpaceSpelled, " ");
    }
    const bool wanted =
        rules_.leading_space == LeadingSpace::always ||
        (!result.starts_with(' ') && (rules_.leading_space == LeadingSpace::unless_there ||
                                      (rules_.leading_space == LeadingSpace::first_unless_there && first)));
    return wanted ? " " + result : result;
}

void MergeBpeTokenizer::symbols(std::string_view word, std::vector<Token>& tokens) const {
    const auto unknown = [&] {
        if (vocabulary_.unknown && !(rules_.fuse_unknown && !tokens.empty() && tokens.back() == *vocabulary_.unknown)) {
            tokens.push_back(*vocabulary_.unknown);
        }
    };
    if (rules_.symbols_are_bytes) {
        for (const char byte : word) {
            if (const auto token = byte_symbols_[static_cast<unsigned char>(byte)]) {
                tokens.push_back(*token);
            } else {
                unknown();
            }
        }
        return;
    }
    for (std::size_t at = 0; at < word.size();) {
        const std::string_view character = word.substr(at, character_at(word, at).length);
        at += character.size();
        if (const auto token = find(character)) {
            tokens.push_back(*token);
            continue;
        }
        const std::size_t before = tokens.size();
        for (const char byte : character) {
            const auto token = bytes_[static_cast<unsigned char>(byte)];
            if (!token) {
                tokens.resize(before);  // all of its bytes, or the character as a whole is unknown
                unknown();
                break;
            }
            tokens.push_back(*token);
        }
    }
}

std::vector<MergeBpeTokenizer::Token> MergeBpeTokenizer::encode(std::string_view text) const {
    Merger merger;
    const auto find_joint = [this](Token left, Token right) -> std::optional<Merger::Joint> {
        const auto found = joints_.find(pair_of(left, right));
        return found == joints_.end() ? std::nullopt : std::optional(found->second);
    };
    std::vector<Token> tokens;
    std::vector<Token> merged;
    for (const LiteralTokens::Part& part : literals_.split(text)) {
        if (part.literal != nullptr) {
            tokens.push_back(part.literal->token);
            continue;
        }
        const std::string plain = normalised(part.text, part.text.data() == text.data());
        for (const std::string_view word : split_words(plain, rules_.split)) {
            const auto whole = rules_.whole_words ? find(word) : std::nullopt;
            if (whole) {
                tokens.push_back(*whole);
                continue;
            }
            merged.clear();
            symbols(word, merged);
            merger.merge(merged, find_joint);
            tokens.insert(tokens.end(), merged.begin(), merged.end());
        }
    }
    return tokens;
}

std::string MergeBpeTokenizer::decode(Token token, std::optional<Token> previous) const {
    if (token >= vocabulary_.pieces.size() || vocabulary_.pieces[token].kind == PieceKind::mark) {
        return {};
    }
    const auto& [text, kind] = vocabulary_.pieces[token];
    const bool spaced = rules_.leading_space != LeadingSpace::none && previous && previous == vocabulary_.begin;
    return spaced && kind == PieceKind::text && text.starts_with(' ') ? text.substr(1) : text;
}

}  // namespace palimpsest
