#pragma once
// Byte-pair tokenizer whose pieces have scores (SentencePiece's BPE): llama2.c's tokenizer.bin and the "llama"
// vocabularies of GGUF files (gguf_tokenizer.h).
//
// A text gets a space in front; its characters are looked up, byte by byte where there is no piece (the unknown token
// where there are no bytes either); then the neighbours whose joint piece scores highest are merged again and again,
// the leftmost of equals first. Marks are not recognised in text: "</s>" is four characters.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/literal_tokens.h"
#include "engine/token_piece.h"
#include "engine/tokenizer.h"
#include "engine/word_splitter.h"

namespace palimpsest {

class ScoreBpeTokenizer : public Tokenizer {
  public:
    struct Piece {
        std::string text;  ///< spaces as spaces; of a byte, that byte
        float score = 0;
        PieceKind kind = PieceKind::text;
    };
    struct Options {
        std::optional<Token> begin;
        std::optional<Token> end;
        std::optional<Token> unknown;
        bool add_space = true;        ///< in front of a text, and of what follows a literal
        bool spaces_spelled = false;  ///< U+2581 in a text means a space
    };
    static constexpr Token kUnknown = 0;  ///< in llama2.c's vocabularies, as are the next two
    static constexpr Token kBegin = 1;    ///< of a text
    static constexpr Token kEnd = 2;

    /// A vocabulary in llama2.c's order: the three marks, then (if the vocabulary has them) the 256 bytes.
    explicit ScoreBpeTokenizer(std::vector<Piece> vocabulary);
    ScoreBpeTokenizer(std::vector<Piece> vocabulary, const Options& options);

    /// llama2.c's tokenizer.bin: int32 length of the longest piece, then for each token a float32 score, an int32
    /// length and that many bytes. The file carries no count: `vocabulary` comes from the checkpoint. Throws InputError
    /// naming the token and byte that is wrong or missing.
    static ScoreBpeTokenizer read(const std::string& path, std::uint32_t vocabulary);

    std::uint32_t vocabulary() const override { return static_cast<std::uint32_t>(pieces_.size()); }
    std::vector<Token> encode(std::string_view text) const override;
    /// The piece after the begin mark loses its leading space, which encoding put there.
    std::string decode(Token token, std::optional<Token> previous = std::nullopt) const override;
    std::optional<Token> begin() const override { return options_.begin; }
    std::optional<Token> end() const override { return options_.end; }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::optional<Token> find(std::string_view piece) const;
    /// The tokens of the characters of `text` appended to `tokens`.
    void characters(std::string_view text, std::vector<Token>& tokens) const;

    Options options_;
    std::vector<Piece> pieces_;
    std::unordered_map<std::string, Token, Hash, std::equal_to<>> by_text_;
    std::array<std::optional<Token>, 256> bytes_;
    LiteralTokens literals_;
    std::vector<SplitRule> split_;  ///< for speed alone
};

}  // namespace palimpsest
