#pragma once
// Reader of llama2.c checkpoints, format version 0: seven little-endian int32 (hidden, ffn_hidden, layers, heads,
// kv_heads, vocabulary, max_positions; a negative vocabulary says that the classifier is not tied to the embedding),
// then the tensors as float32, each for all layers.

#include <string>

#include "engine/decoder_weights.h"

namespace palimpsest {

/// Maps the file. `shape.name` is the file's name without its suffix, or its folder's where that is just "model".
/// Throws InputError naming the header field or the tensor that is wrong or missing.
DecoderWeights read_llama2c_model(const std::string& path);

}  // namespace palimpsest
