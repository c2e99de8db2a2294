#pragma once
// From a text file to the token sequences that a model is run over.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer.h"

namespace palimpsest {

/// A line that separates the documents of a text file.
inline constexpr std::string_view kDocumentSeparator = "<|endoftext|>";

/// The documents of `text`, without white space around them; empty ones are left out.
std::vector<std::string> split_documents(std::string_view text);

struct SequencePlan {
    std::uint32_t sequences = 1;
    std::uint32_t length = 1;       ///< tokens each
    std::uint64_t skip_tokens = 0;  ///< of the text, before the first sequence
    std::uint32_t at_least = 0;     ///< sequences that will do where the text has no more; 0: all
};

using TokenSequence = std::vector<Tokenizer::Token>;

/// Cuts `documents` into sequences of exactly `plan.length` tokens that share no token. A document begins with the
/// begin mark, where the model has one, and so does every sequence. A sequence goes on through the documents until it
/// is full; the rest of its last document is left out when there are several, and is where the next sequence goes on
/// when there is only one. Throws InputError naming `file` when the text is too short.
std::vector<TokenSequence> cut_sequences(const std::vector<TokenSequence>& documents, const SequencePlan& plan,
                                         std::optional<Tokenizer::Token> begin, const std::string& file);

/// The sequences of a text file, UTF-8.
std::vector<TokenSequence> read_sequences(const std::string& file, const Tokenizer& tokenizer,
                                          const SequencePlan& plan);

}  // namespace palimpsest
