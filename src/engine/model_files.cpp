#include "engine/model_files.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "engine/gguf.h"
#include "engine/gguf_model.h"
#include "engine/gguf_tokenizer.h"
#include "engine/huggingface_model.h"
#include "engine/llama2c_checkpoint.h"
#include "engine/model_tensors.h"
#include "engine/safetensors.h"
#include "engine/score_bpe_tokenizer.h"
#include "engine/tokenizer_json.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

/// Where scripts/fetch-model puts models.
fs::path fetched_models() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const fs::path base =
        cache != nullptr && *cache != '\0' ? fs::path(cache) : fs::path(home != nullptr ? home : "") / ".cache";
    return base / "palimpsest" / "models";
}

/// The type that most of a model's weights have.
std::string format_of(const char* container, const DecoderWeights& weights) {
    return fmt::format("{}, {}", container, weight_type_name(weights.layers.front().down.weight.type));
}

LoadedModel open_huggingface(const std::string& folder) {
    LoadedModel model;
    model.weights = read_huggingface_model(folder);
    model.tokenizer = read_tokenizer_json(folder, model.weights.shape.vocabulary);
    model.format = format_of("Hugging Face", model.weights);
    model.weight_file = read_safetensors_folder(folder).first_file;
    return model;
}

LoadedModel open_llama2c(const fs::path& folder) {
    LoadedModel model;
    model.weight_file = folder / "model.bin";
    model.weights = read_llama2c_model(model.weight_file);
    model.tokenizer = std::make_unique<ScoreBpeTokenizer>(
        ScoreBpeTokenizer::read(folder / "tokenizer.bin", model.weights.shape.vocabulary));
    model.format = "llama2.c";
    return model;
}

LoadedModel open_gguf(const std::string& path) {
    const GgufFile file = read_gguf(path);
    LoadedModel model;
    model.weights = read_gguf_weights(file);
    model.tokenizer = make_tokenizer(read_gguf_vocabulary(file, model.weights.shape.vocabulary), path);
    model.format = format_of("GGUF", model.weights);
    model.weight_file = path;
    return model;
}

}  // namespace

std::string find_model(const std::string& path_or_name) {
    if (is_there(path_or_name)) {
        return path_or_name;
    }
    const fs::path fetched = fetched_models() / path_or_name;
    if (path_or_name.find('/') == std::string::npos && is_there(fetched)) {
        return fetched;
    }
    throw InputError(path_or_name, "", "is neither a file nor a directory, nor a model in " + fetched_models().string(),
                     "a model directory, a GGUF file, or the name of a model that scripts/fetch-model got");
}

LoadedModel open_model(const std::string& path_or_name) {
    const std::string path = find_model(path_or_name);
    if (is_there(fs::path(path) / "config.json")) {
        return open_huggingface(path);
    }
    if (is_there(fs::path(path) / "model.bin")) {
        return open_llama2c(path);
    }
    if (fs::is_regular_file(path)) {
        return open_gguf(path);
    }
    throw InputError(path, "", "holds neither config.json nor model.bin",
                     "config.json, model.safetensors and tokenizer.json (Hugging Face), or model.bin and tokenizer.bin "
                     "(llama2.c), or a GGUF file in place of the directory");
}

}  // namespace palimpsest
