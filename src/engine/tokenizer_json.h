#pragma once
// Hugging Face's tokenizer.json, of type BPE.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/tokenizer.h"

namespace palimpsest {

/// Reads a model directory's tokenizer.json, with the marks that its other files name (tokenizer_marks.h), or such a
/// file alone. tokenizer_json_steps.h says what it may hold besides vocab and merges.
///
/// A text is plain text: added tokens that are special are not recognised in it, those that are not special are.
///
/// `vocabulary` is the number of the model's tokens. A tokenizer with fewer is accepted where a model rounds up: to a
/// multiple of 8, by less than 1024. Throws InputError naming the file and JSON path of what is wrong or cannot be
/// read.
std::unique_ptr<Tokenizer> read_tokenizer_json(const std::string& directory_or_file, std::uint32_t vocabulary);

}  // namespace palimpsest
