// Proves that GGUF files give their metadata, vocabulary and tensors, and models of both architectures; and that a file
// that is cut, that claims more than it holds, or that holds what cannot be read is refused by key or tensor.

#include <numeric>

#include "engine/gguf_model.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/input_errors.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kHuge = std::uint64_t{1} << 60;

std::string read_error(const std::string& bytes) {
    const ScratchDirectory scratch;
    write_file(scratch / "a.gguf", bytes);
    return input_error([&] { read_gguf(scratch / "a.gguf"); });
}

DecoderWeights read_model(const GgufBuilder& builder) {
    const ScratchDirectory scratch;
    write_file(scratch / "tiny.gguf", builder.file());
    return read_gguf_weights(read_gguf(scratch / "tiny.gguf"));
}

std::string model_error(const GgufBuilder& builder) {
    return input_error([&] { read_model(builder); });
}

std::vector<float> counted(std::size_t count, float first) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), first);
    return values;
}

std::vector<float> row(const WeightMatrix& matrix, std::uint32_t index) {
    std::vector<float> result(matrix.stored_columns());
    convert_rows(matrix, index, 1, result);
    return result;
}

/// Width 8 of 2 heads, 1 KV head, 12 inner, 5 tokens, one layer.
struct TinyLlama {
    std::string leave_out;  ///< a key or tensor
    std::uint32_t key_type = GgufBuilder::kF32;
    std::vector<std::uint64_t> key_dimensions{8, 4};

    GgufBuilder build() const {
        GgufBuilder b;
        const auto key = [&](const std::string& name, std::uint32_t value) {
            if (name != leave_out) {
                b.integer("llama." + name, value);
            }
        };
        const auto tensor = [&](const std::string& name, const std::vector<std::uint64_t>& dimensions, float first) {
            if (name != leave_out) {
                const std::uint64_t count = dimensions.size() == 1 ? dimensions[0] : dimensions[0] * dimensions[1];
                b.tensor(name + ".weight", dimensions, counted(count, first));
            }
        };
        b.text("general.architecture", "llama");
        b.text("general.name", "tiny model");
        key("block_count", 1);
        key("embedding_length", 8);
        key("feed_forward_length", 12);
        key("attention.head_count", 2);
        key("attention.head_count_kv", 1);
        key("context_length", 64);
        key("rope.dimension_count", 4);
        if (leave_out != "attention.layer_norm_rms_epsilon") {
            b.number("llama.attention.layer_norm_rms_epsilon", 1e-6F);
        }
        b.number("llama.rope.freq_base", 500000);
        tensor("token_embd", {8, 5}, 0);
        tensor("output_norm", {8}, 100);
        tensor("blk.0.attn_norm", {8}, 200);
        tensor("blk.0.attn_q", {8, 8}, 300);
        if (leave_out != "blk.0.attn_k") {
            b.tensor("blk.0.attn_k.weight", key_type, key_dimensions, bytes_of(counted(32, 400)));
        }
        tensor("blk.0.attn_v", {8, 4}, 500);
        tensor("blk.0.attn_output", {8, 8}, 600);
        tensor("blk.0.ffn_norm", {8}, 700);
        tensor("blk.0.ffn_gate", {8, 12}, 800);
        tensor("blk.0.ffn_up", {8, 12}, 900);
        tensor("blk.0.ffn_down", {12, 8}, 1000);
        return b;
    }
};

}  // namespace

TEST_CASE("metadata of every type is read by key", "[gguf]") {
    const ScratchDirectory scratch;
    GgufBuilder builder;
    builder.pair("u8", 0, "\xff");
    builder.pair("i8", 1, "\xff");
    builder.pair("u16", 2, "\xff\xff");
    builder.pair("i16", 3, bytes_of(std::vector<std::int16_t>{-2}));
    builder.integer("u32", 7);
    builder.pair("i32", 5, bytes_of(std::vector<std::int32_t>{9}));
    builder.number("f32", 0.5F);
    builder.flag("bool", true);
    builder.text("text", "some text");
    builder.pair("u64", 10, bytes_of(std::vector<std::uint64_t>{kHuge}));
    builder.pair("i64", 11, bytes_of(std::vector<std::int64_t>{11}));
    builder.pair("f64", 12, bytes_of(std::vector<double>{0.25}));
    builder.texts("texts", {"a", "", "ccc"});
    builder.numbers("numbers", {1, 2});
    builder.numbers("none", {});
    builder.integers("integers", {-1, 1});
    const std::string inner = bytes_of(std::vector<std::uint32_t>{0}) + bytes_of(std::vector<std::uint64_t>{2}) + "ab";
    builder.array("nested", 9, 2, inner + inner);
    builder.integer("last", 1);
    write_file(scratch / "a.gguf", builder.file());
    const GgufFile file = read_gguf(scratch / "a.gguf");
    const GgufMetadata& m = file.metadata;
    CHECK(file.version == 3);
    CHECK(m.integer("u8") == 255U);
    CHECK(m.integer("u16") == 65535U);
    CHECK(m.integer("u32") == 7U);
    CHECK(m.integer("i32") == 9U);
    CHECK(m.integer("u64") == kHuge);
    CHECK(m.integer("i64") == 11U);
    CHECK(m.number("f32") == 0.5);
    CHECK(m.number("f64") == 0.25);
    CHECK(m.number("u32") == 7.0);
    CHECK(m.flag("bool") == true);
    CHECK(m.text("text") == "some text");
    CHECK(m.texts("texts") == std::vector<std::string>{"a", "", "ccc"});
    CHECK(m.floats("numbers") == std::vector<float>{1, 2});
    CHECK(m.floats("none") == std::vector<float>{});
    CHECK(m.integers("integers") == std::vector<std::int32_t>{-1, 1});
    CHECK(m.integer("last") == 1U);
    CHECK_FALSE(m.integer("absent"));
    check_contains(input_error([&] { m.integer("i8"); }), {"a.gguf", "i8", "value -1", "0 or more"});
    check_contains(input_error([&] { m.integer("text"); }), {"value \"some text\""});
    check_contains(input_error([&] { m.flag("u32"); }), {"value 7", "true or false"});
    check_contains(input_error([&] { m.floats("texts"); }), {"an array of 3", "float32"});
}

TEST_CASE("a file that is no GGUF, cut, or claims what it does not hold is refused", "[gguf]") {
    check_contains(read_error(""), {"a.gguf", "byte 0", "version 2 or 3"});
    check_contains(read_error(std::string(100, 'x')), {"byte 0", "no GGUF header"});
    GgufBuilder old;
    old.version = 1;
    check_contains(read_error(old.file()), {"byte 4", "version 1"});
    const auto header = [](std::uint64_t tensors, std::uint64_t pairs, const std::string& rest) {
        return "GGUF" + bytes_of(std::vector<std::uint32_t>{3}) + bytes_of(std::vector{tensors, pairs}) + rest;
    };
    check_contains(read_error(header(kHuge, 0, "")), {"byte", "1152921504606846976 tensors"});
    check_contains(read_error(header(0, kHuge, "")), {"metadata entries"});
    GgufBuilder texts;
    texts.array("words", 8, kHuge, "");
    check_contains(read_error(texts.file()), {"elements of words"});
    GgufBuilder bytes;
    bytes.array("codes", 0, 1000, "");
    check_contains(read_error(bytes.file()), {"elements of codes"});
    GgufBuilder length;
    length.pair("word", 8, bytes_of(std::vector{kHuge}));
    check_contains(read_error(length.file()), {"word takes 1152921504606846976 bytes"});
    GgufBuilder type;
    type.pair("odd", 13, "abcdefgh");
    check_contains(read_error(type.file()), {"odd has type 13", "0 to 12"});
    GgufBuilder twice;
    twice.integer("key", 1);
    twice.integer("key", 1);
    check_contains(read_error(twice.file()), {"key key appears twice"});
    std::string nest;
    for (int depth = 0; depth < 100000; ++depth) {
        nest += bytes_of(std::vector<std::uint32_t>{9}) + bytes_of(std::vector<std::uint64_t>{1});
    }
    GgufBuilder deep;
    deep.pair("deep", 9, nest);
    check_contains(read_error(deep.file()), {"deep nests arrays"});
}

TEST_CASE("every cut of a whole file is refused", "[gguf]") {
    const std::string whole = TinyLlama{}.build().file();
    CHECK(read_error(whole).empty());
    std::size_t read = 0;
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        read += read_error(whole.substr(0, size)).empty() ? 1 : 0;
    }
    CHECK(read == 0);
}

TEST_CASE("a tensor that lies wrong is refused by name", "[gguf]") {
    const auto error = [](std::uint32_t type, const std::vector<std::uint64_t>& dimensions, std::uint64_t offset) {
        GgufBuilder b;
        b.tensor("first", {8}, counted(8, 0));
        b.tensor_at("second", type, dimensions, offset);
        return read_error(b.file() + std::string(64, '\0'));
    };
    CHECK(error(GgufBuilder::kF32, {8}, 32).empty());
    CHECK(error(GgufBuilder::kQ4K, {256}, 32).empty());  // of no use, but no error yet
    CHECK(error(77, {256}, 32).empty());
    check_contains(error(GgufBuilder::kF32, {8}, 0), {"overlaps", "first", "second"});
    check_contains(error(GgufBuilder::kF32, {8}, 33), {"tensor second", "33", "multiple of 32"});
    check_contains(error(GgufBuilder::kF32, {8}, kHuge), {"tensor second", "begins at 1152921504606846976"});
    check_contains(error(GgufBuilder::kF32, {100}, 32), {"tensor second", "takes 400 bytes, and 64 are left"});
    check_contains(error(GgufBuilder::kF32, {kHuge, kHuge}, 32), {"tensor second", "has a dimension of"});
    check_contains(error(GgufBuilder::kF32, {0}, 32), {"tensor second", "has a dimension of 0"});
    check_contains(error(GgufBuilder::kQ8, {8}, 32), {"tensor second", "rows of 8", "multiple of 32"});
    check_contains(error(GgufBuilder::kF32, {1, 1, 1, 1, 1}, 32), {"tensor second", "5 dimensions"});
    check_contains(error(GgufBuilder::kF32, {}, 32), {"tensor second", "0 dimensions"});
    GgufBuilder twice;
    twice.tensor("same", {8}, counted(8, 0));
    twice.tensor("same", {8}, counted(8, 0));
    check_contains(read_error(twice.file()), {"tensor same", "appears twice"});
    GgufBuilder alignment;
    alignment.integer("general.alignment", 48);
    check_contains(read_error(alignment.file()), {"general.alignment", "value 48", "power of two"});
}

TEST_CASE("tensors are found by the alignment that the file asks for", "[gguf]") {
    const ScratchDirectory scratch;
    GgufBuilder builder;
    builder.alignment = 256;
    builder.integer("general.alignment", 256);
    builder.tensor("a", {3}, {1, 2, 3});
    builder.tensor("b", {2}, {4, 5});
    write_file(scratch / "a.gguf", builder.file());
    const GgufFile file = read_gguf(scratch / "a.gguf");
    CHECK(*reinterpret_cast<const float*>(file.tensors.at("a").data) == 1);
    CHECK(*reinterpret_cast<const float*>(file.tensors.at("b").data) == 4);
}

TEST_CASE("a LLaMA file gives its shape and every tensor in its place", "[gguf]") {
    const DecoderWeights w = read_model(TinyLlama{}.build());
    CHECK(w.shape.name == "tiny model");
    CHECK(w.shape.layers == 1);
    CHECK(w.shape.head_dim == 4);
    CHECK(w.shape.kv_width() == 4);
    CHECK(w.shape.vocabulary == 5);
    CHECK(w.shape.max_positions == 64);
    CHECK(w.shape.tied_embeddings);
    CHECK(w.shape.activation == Activation::silu_gated);
    CHECK(w.rotary_pairs == RotaryPairs::neighbours);
    CHECK(w.rope_theta == 500000);
    CHECK(w.norm_epsilon == 1e-6F);
    CHECK(w.position_embedding.empty());
    CHECK(w.classifier.data == w.token_embedding.data);
    CHECK(row(w.token_embedding, 1)[2] == 10);
    CHECK(w.final_norm.weight[7] == 107);
    const DecoderLayerWeights& layer = w.layers.at(0);
    CHECK(layer.attention_norm.weight[1] == 201);
    CHECK(row(layer.query.weight, 7)[7] == 363);
    CHECK(row(layer.key.weight, 3)[0] == 424);
    CHECK(row(layer.value.weight, 0)[1] == 501);
    CHECK(row(layer.output.weight, 1)[0] == 608);
    CHECK(layer.ffn_norm.weight[2] == 702);
    CHECK(row(layer.gate.weight, 11)[0] == 888);
    CHECK(row(layer.up.weight, 1)[0] == 908);
    CHECK(row(layer.down.weight, 1)[0] == 1012);
    CHECK(layer.query.bias.empty());
}

TEST_CASE("what a LLaMA file lacks, or has besides, is named", "[gguf]") {
    const auto without = [](const std::string& name) {
        TinyLlama tiny;
        tiny.leave_out = name;
        return model_error(tiny.build());
    };
    check_contains(without("blk.0.attn_v"), {"tiny.gguf", "tensor blk.0.attn_v.weight", "is missing", "[8, 4]"});
    check_contains(without("block_count"), {"tiny.gguf", "llama.block_count", "is missing", "1 to"});
    check_contains(without("attention.layer_norm_rms_epsilon"), {"layer_norm_rms_epsilon", "is missing"});
    check_contains(without("token_embd"), {"token_embd.weight", "is missing"});
    TinyLlama tiny;
    tiny.key_type = GgufBuilder::kQ4K;
    check_contains(model_error(tiny.build()), {"tensor blk.0.attn_k.weight", "is Q4_K", "F32, F16, BF16 or Q8_0"});
    tiny.key_type = GgufBuilder::kF32;
    tiny.key_dimensions = {4, 8};
    check_contains(model_error(tiny.build()),
                   {"tensor blk.0.attn_k.weight", "has shape [4, 8]", "[8, 4]", "the metadata"});
    const auto with = [](const auto& change) {
        GgufBuilder b = TinyLlama{}.build();
        change(b);
        return model_error(b);
    };
    check_contains(with([](GgufBuilder& b) {
                       b.tensor("rope_freqs.weight", {2}, {1, 2});
                   }),
                   {"tensor rope_freqs.weight", "no part of a llama model"});
    check_contains(with([](GgufBuilder& b) { b.text("llama.rope.scaling.type", "yarn"); }), {"\"yarn\"", "\"none\""});
    check_contains(with([](GgufBuilder& b) { b.integer("llama.expert_count", 8); }), {"llama.expert_count", "value 8"});
    check_contains(with([](GgufBuilder& b) { b.number("llama.rope.scale_linear", 2); }), {"scale_linear"});
    GgufBuilder other;
    other.text("general.architecture", "mamba");
    check_contains(model_error(other), {"general.architecture", "\"mamba\"", "\"llama\" or \"gpt2\""});
    check_contains(model_error(GgufBuilder{}), {"general.architecture", "is missing"});
}

TEST_CASE("a GPT-2 file's fused projection is cut into query, key and value, in Q8_0 too", "[gguf]") {
    constexpr std::uint64_t kHidden = 32;
    GgufBuilder b;
    b.text("general.architecture", "gpt2");
    b.integer("gpt2.block_count", 1);
    b.integer("gpt2.embedding_length", kHidden);
    b.integer("gpt2.feed_forward_length", 64);
    b.integer("gpt2.attention.head_count", 2);
    b.integer("gpt2.context_length", 16);
    b.number("gpt2.attention.layer_norm_epsilon", 1e-5F);
    const auto tensor = [&](const std::string& name, const std::vector<std::uint64_t>& dimensions, float first) {
        std::uint64_t count = 1;
        for (const std::uint64_t n : dimensions) {
            count *= n;
        }
        b.tensor(name, dimensions, counted(count, first));
    };
    tensor("token_embd.weight", {kHidden, 7}, 0);
    tensor("position_embd.weight", {kHidden, 16}, 0);
    for (const std::string name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) {
        tensor(name + ".weight", {kHidden}, 0);
        tensor(name + ".bias", {kHidden}, 10);
    }
    // Row r of the fused projection: scale 1, codes r.
    std::string fused;
    for (unsigned r = 0; r < 3 * kHidden; ++r) {
        fused += bytes_of(std::vector<std::uint16_t>{0x3c00}) + std::string(32, static_cast<char>(r));
    }
    b.tensor("blk.0.attn_qkv.weight", GgufBuilder::kQ8, {kHidden, 3 * kHidden}, fused);
    tensor("blk.0.attn_qkv.bias", {3 * kHidden}, 0);
    tensor("blk.0.attn_output.weight", {kHidden, kHidden}, 0);
    tensor("blk.0.attn_output.bias", {kHidden}, 0);
    tensor("blk.0.ffn_up.weight", {kHidden, 64}, 0);
    tensor("blk.0.ffn_up.bias", {64}, 0);
    tensor("blk.0.ffn_down.weight", {64, kHidden}, 0);
    tensor("blk.0.ffn_down.bias", {kHidden}, 0);

    const DecoderWeights w = read_model(b);
    CHECK(w.shape.name == "tiny");
    CHECK(w.shape.positions == PositionEncoding::learned);
    CHECK(w.shape.kv_heads == 2);
    CHECK_FALSE(w.exact_gelu);
    CHECK(w.position_embedding.outputs == 16);
    const DecoderLayerWeights& layer = w.layers.at(0);
    CHECK(layer.gate.weight.empty());
    CHECK(layer.ffn_norm.bias[1] == 11);
    CHECK(row(layer.query.weight, 3)[5] == 3);
    CHECK(row(layer.key.weight, 3)[5] == 35);
    CHECK(row(layer.value.weight, 31)[0] == 95);
    CHECK(layer.value.bias == counted(kHidden, 64));
}

TEST_CASE("the vocabulary is handed on as it is in the file", "[gguf]") {
    const auto read = [](const GgufBuilder& builder, std::uint32_t vocabulary) {
        const ScratchDirectory scratch;
        write_file(scratch / "a.gguf", builder.file());
        return read_gguf_vocabulary(read_gguf(scratch / "a.gguf"), vocabulary);
    };
    GgufBuilder b;
    b.text("tokenizer.ggml.model", "llama");
    b.texts("tokenizer.ggml.tokens", {"<unk>", "<s>", "a"});
    b.numbers("tokenizer.ggml.scores", {0, 0, -1});
    b.integers("tokenizer.ggml.token_type", {2, 3, 1});
    b.integer("tokenizer.ggml.bos_token_id", 1);
    const GgufVocabulary v = read(b, 3);
    CHECK(v.tokens[2] == "a");
    CHECK(v.scores[2] == -1);
    CHECK(v.types[1] == 3);
    CHECK(v.begin == 1U);
    CHECK_FALSE(v.end);
    CHECK(v.add_begin);
    check_contains(input_error([&] { read(b, 4); }), {"tokenizer.ggml.tokens", "an array of 3", "4 strings"});

    GgufBuilder words;
    words.text("tokenizer.ggml.model", "gpt2");
    words.texts("tokenizer.ggml.tokens", {"a", "b", "ab"});
    check_contains(input_error([&] { read(words, 3); }), {"tokenizer.ggml.merges", "is missing"});
    words.texts("tokenizer.ggml.merges", {"a b"});
    words.integer("tokenizer.ggml.eos_token_id", 2);
    CHECK(read(words, 3).merges == std::vector<std::string>{"a b"});
    CHECK(read(words, 3).end == 2U);
    CHECK_FALSE(read(words, 3).add_begin);
    words.integer("tokenizer.ggml.bos_token_id", 3);
    check_contains(input_error([&] { read(words, 3); }), {"bos_token_id", "value 3", "0 to 2"});

    GgufBuilder scoreless;
    scoreless.text("tokenizer.ggml.model", "llama");
    scoreless.texts("tokenizer.ggml.tokens", {"a"});
    check_contains(input_error([&] { read(scoreless, 1); }), {"tokenizer.ggml.scores", "is missing"});
    GgufBuilder unknown;
    unknown.text("tokenizer.ggml.model", "bert");
    check_contains(input_error([&] { read(unknown, 1); }), {"tokenizer.ggml.model", "\"bert\""});
}

}  // namespace palimpsest
