#pragma once
// Byte-pair tokenizer whose merges have ranks: GPT-2's over bytes, and LLaMA's over characters with spaces spelled
// U+2581. Read from tokenizer.json (tokenizer_json.h) or from a "gpt2" vocabulary of a GGUF file (gguf_tokenizer.h).
//
// A text is first searched for literal tokens. What is between them is cut into words; within a word the symbols,
// bytes or characters, are merged, the pair of lowest rank first. A text is plain text: marks are not recognised in it,
// "</s>" is four characters.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/literal_tokens.h"
#include "engine/pair_merger.h"
#include "engine/token_piece.h"
#include "engine/tokenizer.h"
#include "engine/word_splitter.h"

namespace palimpsest {

/// Whether a text gets a space in front.
enum class LeadingSpace : std::uint8_t {
    none,
    always,              ///< also what follows a literal token
    unless_there,        ///< as always, but not where there is one already
    first_unless_there,  ///< as unless_there, but only at the beginning of the text
};

struct MergeBpeRules {
    bool symbols_are_bytes = true;  ///< else characters, and U+2581 in a text means a space
    bool compose = false;           ///< the text is brought to Unicode's normalisation form C first
    bool whole_words = false;       ///< a word that is a piece is that token, whatever merges would make of it
    bool fuse_unknown = false;      ///< neighbouring characters without a piece share one unknown token
    LeadingSpace leading_space = LeadingSpace::none;
    std::vector<SplitRule> split = {};  ///< none: the text is one word
};

struct MergeBpeVocabulary {
    struct Piece {
        std::string text;  ///< the bytes it stands for
        PieceKind kind = PieceKind::mark;
    };
    struct Merge {
        Tokenizer::Token left = 0, right = 0, joint = 0;
    };
    std::vector<Piece> pieces;  ///< by id
    std::vector<Merge> merges;  ///< by rank; ids of pieces
    std::vector<LiteralTokens::Literal> literals;
    std::optional<Tokenizer::Token> begin, end, unknown;
};

class MergeBpeTokenizer : public Tokenizer {
  public:
    MergeBpeTokenizer(MergeBpeVocabulary vocabulary, MergeBpeRules rules);

    std::uint32_t vocabulary() const override { return static_cast<std::uint32_t>(vocabulary_.pieces.size()); }
    std::vector<Token> encode(std::string_view text) const override;
    /// The piece after the begin mark loses its leading space where encoding puts one there.
    std::string decode(Token token, std::optional<Token> previous = std::nullopt) const override;
    std::optional<Token> begin() const override { return vocabulary_.begin; }
    std::optional<Token> end() const override { return vocabulary_.end; }

  private:
    using Merger = PairMerger<std::uint32_t>;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    struct HashPair {
        std::size_t operator()(std::uint64_t pair) const;
    };

    std::optional<Token> find(std::string_view piece) const;
    std::string normalised(std::string_view text, bool first) const;
    /// The symbols of `word` appended to `tokens`.
    void symbols(std::string_view word, std::vector<Token>& tokens) const;

    MergeBpeVocabulary vocabulary_;
    MergeBpeRules rules_;
    LiteralTokens literals_;
    std::unordered_map<std::string, Token, Hash, std::equal_to<>> by_text_;
    std::unordered_map<std::uint64_t, Merger::Joint, HashPair> joints_;  ///< by left and right
    std::array<std::optional<Token>, 256> bytes_;                        ///< for characters that have no piece
    std::array<std::optional<Token>, 256> byte_symbols_;                 ///< pieces of one byte
};

}  // namespace palimpsest
