#pragma once
// A model from disk: its weights and its tokenizer, whichever format they are in.

#include <memory>
#include <string>

#include "engine/decoder_weights.h"
#include "engine/tokenizer.h"

namespace palimpsest {

struct LoadedModel {
    DecoderWeights weights;
    std::unique_ptr<Tokenizer> tokenizer;
    std::string format;       ///< "llama2.c", "Hugging Face, F16", "GGUF, Q8_0": for reports
    std::string weight_file;  ///< the (first) file that holds weights, for its checksum
};

/// A file or directory as it is, or the name of a model that scripts/fetch-model got. Throws InputError where there is
/// neither.
std::string find_model(const std::string& path_or_name);

/// What find_model() finds is a directory with config.json, model.safetensors (or its shards and index) and
/// tokenizer.json (Hugging Face), a directory with model.bin and tokenizer.bin (llama2.c), or a GGUF file. Throws
/// InputError naming the file and the tensor or field that is wrong or missing.
LoadedModel open_model(const std::string& path_or_name);

}  // namespace palimpsest
