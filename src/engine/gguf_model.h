#pragma once
// The model in a GGUF file: its weights, architectures "llama" (LLaMA, Mistral, TinyLlama, ...) and "gpt2", and its
// vocabulary.

#include "engine/decoder_weights.h"
#include "engine/gguf.h"
#include "engine/gguf_vocabulary.h"

namespace palimpsest {

/// `shape.name` is the file's general.name, or the file's own name. Refuses what would change the numbers and the
/// engine does not do: experts, scaled rotary positions, tensors that the architecture does not have. Throws InputError
/// naming the key or tensor that is wrong or missing.
DecoderWeights read_gguf_weights(const GgufFile& file);
/// As many tokens as `vocabulary`, the model's.
GgufVocabulary read_gguf_vocabulary(const GgufFile& file, std::uint32_t vocabulary);

}  // namespace palimpsest
