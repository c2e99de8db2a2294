#pragma once
// Cuts text into the words within which byte-pair merges are made.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace palimpsest {

enum class SplitRule : std::uint8_t {
    gpt2,           ///< contractions; letters, digits or other signs with a space in front; white space
    llama3,         ///< as gpt2, but any sign may lead letters, digits come in threes, signs take line ends along
    qwen2,          ///< as llama3, but digits come one by one
    single_digits,  ///< every number character on its own
    digit_runs,     ///< runs of number characters on their own
    before_spaces,  ///< a new word at every space
    space_runs,     ///< a new word where a space follows something else
};

/// Whether `piece` goes on behind a cut of `space_runs`. Where no piece of a vocabulary does, merging word by word
/// gives what merging the whole text does, many times faster.
bool crosses_space_runs(std::string_view piece);

/// The rule that a regular expression of a tokenizer.json spells; none if it is not one of those above.
std::optional<SplitRule> split_rule_of_pattern(std::string_view pattern);

/// The words of `text` after all of `rules`, each applied to the words the one before has left. Together they are
/// `text`. Bytes that are no UTF-8 count as signs.
std::vector<std::string_view> split_words(std::string_view text, std::span<const SplitRule> rules);

}  // namespace palimpsest
