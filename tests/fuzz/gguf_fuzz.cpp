// Any bytes as a GGUF file, and what can be read of it as a model with its vocabulary.

#include <optional>

#include "engine/gguf_model.h"
#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"
#include "support/gguf_builder.h"

namespace palimpsest {
namespace {

void read_rows(const WeightMatrix& matrix) {
    std::vector<float> row(matrix.stored_columns());
    for (std::uint32_t i = 0; i < matrix.stored_rows(); ++i) {
        convert_rows(matrix, i, 1, row);
    }
}

std::string zeros(std::uint64_t count) {
    return std::string(count * sizeof(float), '\0');
}

GgufBuilder tiny_llama(bool scores) {
    GgufBuilder b;
    b.text("general.architecture", "llama");
    b.integer("llama.block_count", 1);
    b.integer("llama.embedding_length", 4);
    b.integer("llama.feed_forward_length", 4);
    b.integer("llama.attention.head_count", 2);
    b.integer("llama.context_length", 8);
    b.number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    if (scores) {
        b.text("tokenizer.ggml.model", "llama");
        b.texts("tokenizer.ggml.tokens", {"<s>", "a", "ab"});
        b.numbers("tokenizer.ggml.scores", {0, -1, -2});
        b.integers("tokenizer.ggml.token_type", {3, 1, 1});
        b.integer("tokenizer.ggml.bos_token_id", 0);
    }
    b.tensor("token_embd.weight", GgufBuilder::kF32, {4, 3}, zeros(12));
    for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) {
        b.tensor(name, GgufBuilder::kF32, {4}, zeros(4));
    }
    for (const char* name :
         {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight",
          "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
        b.tensor(name, GgufBuilder::kF32, {4, 4}, zeros(16));
    }
    return b;
}

/// The same with metadata of other types, which no reader asks for, and a vocabulary with merges.
GgufBuilder other_metadata() {
    GgufBuilder b = tiny_llama(false);
    b.flag("flag", true);
    b.array("nested", 9, 1, bytes_of(std::vector<std::uint32_t>{0, 1, 0}) + "x");
    b.pair("wide", 12, bytes_of(std::vector<double>{0.5}));
    b.text("tokenizer.ggml.model", "gpt2");
    b.texts("tokenizer.ggml.tokens", {"a", "b", "ab"});
    b.texts("tokenizer.ggml.merges", {"a b"});
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
    read_gguf_vocabulary(file, vocabulary);
    if (refused) {
        throw InputError(*refused);
    }
}

std::vector<std::string> fuzz_seeds() {
    return {tiny_llama(true).file(), other_metadata().file()};
}

}  // namespace palimpsest
