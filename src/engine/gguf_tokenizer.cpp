#include "engine/gguf_tokenizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "engine/byte_letters.h"
#include "engine/merge_bpe_tokenizer.h"
#include "engine/score_bpe_tokenizer.h"
#include "engine/utf8.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Token = Tokenizer::Token;

enum class GgufTokenType : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

[[noreturn]] void refuse(const std::string& file, const std::string& field, const std::string& what,
                         const std::string& accepted) {
    throw InputError(file, "tokenizer.ggml." + field, what, accepted);
}

/// Fields that do not fit each other.
void check(const GgufVocabulary& vocabulary, const std::string& file) {
    const std::size_t tokens = vocabulary.tokens.size();
    if (tokens == 0) {
        refuse(file, "tokens", "missing or empty", "the vocabulary's tokens");
    }
    if (!vocabulary.types.empty() && vocabulary.types.size() != tokens) {
        refuse(file, "token_type", fmt::format("{} types of {} tokens", vocabulary.types.size(), tokens),
               "one for each token");
    }
    for (const std::int32_t type : vocabulary.types) {
        if (type < static_cast<std::int32_t>(GgufTokenType::normal) ||
            type > static_cast<std::int32_t>(GgufTokenType::byte)) {
            refuse(file, "token_type", fmt::format("value {}", type), "1 to 6");
        }
    }
    const auto check_mark = [&](const char* field, std::optional<Token> mark) {
        if (mark && *mark >= tokens) {
            refuse(file, field, fmt::format("value {}", *mark), fmt::format("a token below {}", tokens));
        }
    };
    check_mark("bos_token_id", vocabulary.begin);
    check_mark("eos_token_id", vocabulary.end);
    check_mark("unknown_token_id", vocabulary.unknown);
}

PieceKind kind_of(const GgufVocabulary& vocabulary, Token token) {
    if (token == vocabulary.begin || token == vocabulary.end || token == vocabulary.unknown) {
        return PieceKind::mark;
    }
    switch (vocabulary.types.empty() ? GgufTokenType::normal : static_cast<GgufTokenType>(vocabulary.types[token])) {
        case GgufTokenType::normal:
            return PieceKind::text;
        case GgufTokenType::user_defined:
            return PieceKind::literal;
        case GgufTokenType::byte:
            return PieceKind::byte;
        default:
            return PieceKind::mark;
    }
}

std::unique_ptr<Tokenizer> make_score_tokenizer(const GgufVocabulary& vocabulary, const std::string& file) {
    const std::size_t count = vocabulary.tokens.size();
    if (vocabulary.scores.size() != count) {
        refuse(file, "scores", fmt::format("{} scores of {} tokens", vocabulary.scores.size(), count),
               "one for each token");
    }
    std::vector<ScoreBpeTokenizer::Piece> pieces(count);
    std::optional<Token> unknown = vocabulary.unknown;
    for (Token token = 0; token < count; ++token) {
        const std::string& text = vocabulary.tokens[token];
        auto& piece = pieces[token];
        piece = {text, vocabulary.scores[token], kind_of(vocabulary, token)};
        if (!std::isfinite(piece.score)) {
            refuse(file, "scores", fmt::format("{} has the score {}", quote_value(text), piece.score),
                   "finite numbers");
        }
        if (!unknown && !vocabulary.types.empty() &&
            vocabulary.types[token] == static_cast<std::int32_t>(GgufTokenType::unknown)) {
            unknown = token;
        }
        if (piece.kind == PieceKind::byte) {
            const auto byte = byte_spelled(text);
            if (!byte) {
                refuse(file, "tokens", fmt::format("the byte token {} is {}", token, quote_value(text)),
                       "\"<0x00>\" to \"<0xFF>\"");
            }
            piece.text = *byte;
        } else if (piece.kind == PieceKind::text && text.find(' ') != std::string::npos) {
            piece.kind = PieceKind::silent;  // no text has spaces when pieces are looked up
        } else {
            piece.text = replaced(text, kSpaceSpelled, " ");
        }
    }
    return std::make_unique<ScoreBpeTokenizer>(std::move(pieces),
                                               ScoreBpeTokenizer::Options{.begin = vocabulary.begin,
                                                                          .end = vocabulary.end,
                                                                          .unknown = unknown,
                                                                          .add_space = vocabulary.add_space,
                                                                          .spaces_spelled = true});
}

/// What the names that converters give to the ways of cutting words mean.
MergeBpeRules rules_of(const std::string& pre_tokenizer, const std::string& file) {
    struct Known {
        std::string_view name;
        bool single_digits;
        SplitRule rule;
        bool whole_words;
    };
    constexpr std::array<Known, 8> kKnown{{{"", false, SplitRule::gpt2, false},
                                           {"gpt-2", false, SplitRule::gpt2, false},
                                           {"starcoder", true, SplitRule::gpt2, false},
                                           {"smollm", true, SplitRule::gpt2, false},
                                           {"llama-bpe", false, SplitRule::llama3, true},
                                           {"llama-v3", false, SplitRule::llama3, true},
                                           {"llama3", false, SplitRule::llama3, true},
                                           {"qwen2", false, SplitRule::qwen2, false}}};
    for (const Known& known : kKnown) {
        if (known.name == pre_tokenizer) {
            MergeBpeRules rules{.whole_words = known.whole_words};
            if (known.single_digits) {
                rules.split.push_back(SplitRule::single_digits);
            }
            rules.split.push_back(known.rule);
            return rules;
        }
    }
    refuse(file, "pre", quote_value(pre_tokenizer), "gpt-2, llama-bpe, qwen2, smollm or starcoder");
}

std::unique_ptr<Tokenizer> make_merge_tokenizer(const GgufVocabulary& vocabulary, const std::string& file) {
    const std::size_t count = vocabulary.tokens.size();
    MergeBpeVocabulary result;
    result.begin = vocabulary.begin;
    result.end = vocabulary.end;
    result.unknown = vocabulary.unknown;
    result.pieces.resize(count);
    std::unordered_map<std::string_view, Token> spelled(count);
    for (Token token = 0; token < count; ++token) {
        const std::string& text = vocabulary.tokens[token];
        spelled.emplace(text, token);
        auto& piece = result.pieces[token];
        piece = {text, kind_of(vocabulary, token)};
        if (piece.kind == PieceKind::literal) {
            result.literals.push_back({.text = text, .token = token});
        } else if (piece.kind != PieceKind::mark) {
            auto bytes = bytes_of_letters(text);
            piece = bytes ? MergeBpeVocabulary::Piece{std::move(*bytes), PieceKind::text}
                          : MergeBpeVocabulary::Piece{text, PieceKind::silent};
        }
    }
    for (const std::string& merge : vocabulary.merges) {
        const std::size_t space = std::min(merge.find(' ', 1), merge.size());
        const std::string_view left = std::string_view(merge).substr(0, space);
        const std::string_view right = std::string_view(merge).substr(std::min(space + 1, merge.size()));
        const std::array<std::string, 3> texts{std::string(left), std::string(right),
                                               std::string(left) + std::string(right)};
        std::array<Token, 3> tokens{};
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto found = spelled.find(texts[i]);
            if (found == spelled.end()) {
                refuse(file, "merges",
                       fmt::format("{}, but {} is not in tokens", quote_value(merge), quote_value(texts[i])),
                       "\"LEFT RIGHT\" of two tokens whose joint text is one, too");
            }
            tokens[i] = found->second;
        }
        result.merges.push_back({tokens[0], tokens[1], tokens[2]});
    }
    return std::make_unique<MergeBpeTokenizer>(std::move(result), rules_of(vocabulary.pre_tokenizer, file));
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(const GgufVocabulary& vocabulary, const std::string& file) {
    check(vocabulary, file);
    if (vocabulary.model == "llama") {
        return make_score_tokenizer(vocabulary, file);
    }
    if (vocabulary.model == "gpt2") {
        return make_merge_tokenizer(vocabulary, file);
    }
    refuse(file, "model", vocabulary.model.empty() ? "missing" : quote_value(vocabulary.model), "llama or gpt2");
}

}  // namespace palimpsest
