// Proves that a model opens with its tokenizer from each of the formats, and that a path which is none says what would
// be.

#include <filesystem>

#include "engine/model_files.h"
#include "golden/llama_reference.h"
#include "support/catch.h"
#include "support/input_errors.h"
#include "support/safetensors_builder.h"
#include "support/scratch_directory.h"
#include "support/tiny_gguf.h"

namespace palimpsest {
namespace {

std::string error_of(const std::string& path) {
    return input_error([&] { open_model(path); });
}

/// llama2.c's tokenizer.bin with `count` pieces, single letters after the three marks.
std::string tokenizer_bin(std::uint32_t count) {
    std::string bytes = bytes_of(std::vector<std::int32_t>{5});
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string piece = i == 0 ? "<unk>" : i < 3 ? "<s>" : std::string(1, static_cast<char>('a' + i - 3));
        bytes += bytes_of(std::vector<float>{0}) + bytes_of(std::vector{static_cast<std::int32_t>(piece.size())});
        bytes += piece;
    }
    return bytes;
}

}  // namespace

TEST_CASE("a GGUF file opens with its own vocabulary", "[model_files]") {
    const ScratchDirectory scratch;
    write_file(scratch / "tiny.gguf", tiny_llama_gguf(true).file());
    const LoadedModel model = open_model(scratch / "tiny.gguf");
    CHECK(model.format == "GGUF, F32");
    CHECK(model.weight_file == scratch / "tiny.gguf");
    CHECK(model.weights.shape.name == "tiny");
    CHECK(model.tokenizer->vocabulary() == 3);
    CHECK(model.tokenizer->begin() == 0U);
    write_file(scratch / "tiny.gguf", tiny_llama_gguf(false).file());
    check_contains(error_of(scratch / "tiny.gguf"), {"tokenizer.ggml.model", "is missing"});
}

TEST_CASE("a llama2.c folder opens with its tokenizer.bin", "[model_files]") {
    const ScratchDirectory scratch;
    ReferenceShape shape;
    shape.vocabulary = 20;
    LlamaReference(shape, 1).write(scratch / "model.bin");
    check_contains(error_of(scratch.path().string()), {"tokenizer.bin"});
    write_file(scratch / "tokenizer.bin", tokenizer_bin(20));
    const LoadedModel model = open_model(scratch.path().string());
    CHECK(model.format == "llama2.c");
    CHECK(model.weights.shape.name == scratch.path().filename().string());
    CHECK(model.tokenizer->vocabulary() == 20);
    write_file(scratch / "tokenizer.bin", tokenizer_bin(19));
    check_contains(error_of(scratch.path().string()), {"tokenizer.bin"});
}

TEST_CASE("a Hugging Face folder without tokenizer.json is no whole model", "[model_files]") {
    const ScratchDirectory scratch;
    const std::filesystem::path tiny =
        std::filesystem::path(PALIMPSEST_SOURCE_DIR) / "tests/engine/data/tiny-llama-f32";
    for (const char* name : {"config.json", "model.safetensors"}) {
        std::filesystem::copy(tiny / name, scratch / name);
    }
    check_contains(error_of(scratch.path().string()), {"tokenizer.json"});
}

TEST_CASE("a path that is no model says what would be one", "[model_files]") {
    const ScratchDirectory scratch;
    check_contains(error_of(scratch / "none"), {"none", "scripts/fetch-model"});
    check_contains(error_of(scratch.path().string()), {"neither config.json nor model.bin", "GGUF"});
    write_file(scratch / "model.txt", "words");
    check_contains(error_of(scratch / "model.txt"), {"model.txt", "no GGUF header"});
}

}  // namespace palimpsest
