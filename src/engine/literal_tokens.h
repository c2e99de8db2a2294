#pragma once
// Tokens that are found in text by their spelling, before anything is merged: runs of spaces, say, that a vocabulary
// was given by hand. The first in the text is taken, the longest of those that begin there.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace palimpsest {

class LiteralTokens {
  public:
    struct Literal {
        std::string text;
        std::uint32_t token = 0;
        bool takes_left = false;   ///< swallows white space in front
        bool takes_right = false;  ///< swallows white space behind
    };
    /// A stretch of text to be merged, or (then `text` is what it swallows) a literal's token.
    struct Part {
        std::string_view text;
        const Literal* literal = nullptr;
    };

    LiteralTokens() = default;
    /// Empty texts are left out.
    explicit LiteralTokens(std::vector<Literal> literals);

    /// The parts of `text` in order, none of them empty.
    std::vector<Part> split(std::string_view text) const;

  private:
    const Literal* at(std::string_view rest) const;

    std::vector<Literal> literals_;  ///< by first byte, then longest first
    std::array<std::size_t, 257> first_{};
};

}  // namespace palimpsest
