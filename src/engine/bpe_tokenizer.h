#pragma once
// Byte-pair tokenizer with scores, as llama2.c's tokenizer.bin holds it: int32 length of the longest piece, then for
// each token a float32 score, an int32 length and that many bytes.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace palimpsest {

class BpeTokenizer {
  public:
    using Token = std::uint32_t;
    struct Piece {
        std::string text;
        float score = 0;
    };
    static constexpr Token kUnknown = 0;
    static constexpr Token kBegin = 1;  ///< of a text
    static constexpr Token kEnd = 2;

    explicit BpeTokenizer(std::vector<Piece> vocabulary);
    /// The file carries no count: `vocabulary` comes from the checkpoint. Throws InputError naming the token and byte
    /// that is wrong or missing.
    static BpeTokenizer read(const std::string& path, std::uint32_t vocabulary);

    std::uint32_t vocabulary() const { return static_cast<std::uint32_t>(pieces_.size()); }
    /// The tokens of `text`, without begin or end marks: a space in front, characters looked up (bytes where there is
    /// none), then the neighbours whose joint piece scores highest merged again and again, the leftmost of equals
    /// first.
    std::vector<Token> encode(std::string_view text) const;
    /// The bytes `token` stands for; none for the marks. The piece after the begin mark loses its leading space.
    std::string_view decode(Token token, Token previous = kUnknown) const;

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    static constexpr Token kFirstByte = 3;  ///< where the vocabulary has the 256 bytes, byte 0 is this token

    bool is_byte(Token token) const { return has_bytes_ && token >= kFirstByte && token < kFirstByte + 256; }
    std::optional<Token> find(std::string_view piece) const;
    std::vector<Token> characters(std::string_view text) const;

    std::vector<Piece> pieces_;
    std::unordered_map<std::string, Token, Hash, std::equal_to<>> by_text_;
    bool has_bytes_ = false;
    std::array<char, 256> bytes_{};  ///< what the byte tokens decode to
};

}  // namespace palimpsest
