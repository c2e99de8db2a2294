// Any bytes as a GGUF file, and what can be read of it as a model and its tokenizer.

#include <optional>

#include "engine/gguf_model.h"
#include "engine/gguf_tokenizer.h"
#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"
#include "support/tiny_gguf.h"

namespace palimpsest {
namespace {

void read_rows(const WeightMatrix& matrix) {
    std::vector<float> row(matrix.stored_columns());
    for (std::uint32_t i = 0; i < matrix.stored_rows(); ++i) {
        convert_rows(matrix, i, 1, row);
    }
}

/// The same with metadata of other types, which no reader asks for, and a vocabulary with merges.
GgufBuilder other_metadata() {
    GgufBuilder b = tiny_llama_gguf(false);
    b.flag("flag", true);
    b.array("nested", 9, 1, bytes_of(std::vector<std::uint32_t>{0, 1, 0}) + "x");
    b.pair("wide", 12, bytes_of(std::vector<double>{0.5}));
    b.text("tokenizer.ggml.model", "gpt2");
    b.texts("tokenizer.ggml.tokens", {"a", "b", "ab"});
    b.texts("tokenizer.ggml.merges", {"a b"});
    b.text("tokenizer.ggml.pre", "gpt-2");
    return b;
}

}  // namespace

const unsigned kFuzzMutations = 10000;

void fuzz_one(std::string_view input) {
    const InputFile bytes(input);
    const GgufFile file = read_gguf(bytes.path());
    std::optional<InputError> refused;  // of the first part; the second is read all the same
    std::uint32_t vocabulary = 3;
    try {
        const DecoderWeights weights = read_gguf_weights(file);
        vocabulary = weights.shape.vocabulary;
        read_rows(weights.token_embedding);
        read_rows(weights.layers.front().down.weight);
    } catch (const InputError& error) {
        refused = error;
    }
    const auto tokenizer = make_tokenizer(read_gguf_vocabulary(file, vocabulary), file.path);
    for (const Tokenizer::Token token : tokenizer->encode("ab a\n\xff\u2581b")) {
        tokenizer->decode(token);
    }
    if (refused) {
        throw InputError(*refused);
    }
}

std::vector<std::string> fuzz_seeds() {
    return {tiny_llama_gguf(true).file(), other_metadata().file()};
}

}  // namespace palimpsest
