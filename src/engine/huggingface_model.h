#pragma once
// Reader of Hugging Face model folders: config.json and model.safetensors (or its shards). LLaMA, Mistral, Qwen2 and
// GPT-2, in F32, F16 or BF16.
//
// What would change the numbers and the engine does not do (scaled rotary positions, other activations, tensors that
// the family does not have) is refused. Of a model with a sliding window of W tokens, max_positions is at most W: up to
// there the window changes nothing.

#include <string>

#include "engine/decoder_weights.h"

namespace palimpsest {

/// Maps the folder's files. `shape.name` is the config's `_name_or_path`, or the folder's name. Throws InputError
/// naming the file and the key or tensor that is wrong or missing.
DecoderWeights read_huggingface_model(const std::string& folder);

}  // namespace palimpsest
