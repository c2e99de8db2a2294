#pragma once
// The tokenizer of a GGUF file.

#include <memory>
#include <string>

#include "engine/gguf_vocabulary.h"
#include "engine/tokenizer.h"

namespace palimpsest {

/// A ScoreBpeTokenizer of a "llama" vocabulary, a MergeBpeTokenizer of a "gpt2" one. Control tokens are not recognised
/// in a text, user-defined ones are. `file` is named in the InputError that is thrown, with the field, where the
/// vocabulary is wrong or of another kind. That it is as large as the model's is the caller's to see.
std::unique_ptr<Tokenizer> make_tokenizer(const GgufVocabulary& vocabulary, const std::string& file);

}  // namespace palimpsest
