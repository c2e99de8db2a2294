#pragma once
// What every tokenizer does: text to tokens of a model's vocabulary and back.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace palimpsest {

class Tokenizer {
  public:
    using Token = std::uint32_t;

    virtual ~Tokenizer() = default;

    virtual std::uint32_t vocabulary() const = 0;
    /// The tokens of `text`, UTF-8, without begin or end marks. Never fails: what has no piece goes byte by byte, or to
    /// the unknown token where the vocabulary has no bytes.
    virtual std::vector<Token> encode(std::string_view text) const = 0;
    /// The bytes `token` stands for; none for marks. `previous` is the token before it, where there is one.
    virtual std::string decode(Token token, std::optional<Token> previous = std::nullopt) const = 0;
    /// The mark that a text starts with, if the model was trained with one.
    virtual std::optional<Token> begin() const = 0;
    /// The mark that ends a text.
    virtual std::optional<Token> end() const = 0;
};

}  // namespace palimpsest
