// Proves that Hugging Face folders give the model that they describe: LLaMA's rotary halves make the same logits as the
// neighbouring pairs of the same weights in llama2.c's format and in GGUF; GPT-2's fused and transposed matrices are
// cut right; every type is read. What the engine cannot do exactly, and what a folder lacks, is refused by name.

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "config/json_document.h"
#include "engine/decoder_engine.h"
#include "engine/gguf_model.h"
#include "engine/huggingface_model.h"
#include "engine/llama2c_checkpoint.h"
#include "golden/llama_reference.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/input_errors.h"
#include "support/safetensors_builder.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

std::vector<float> counted(std::size_t count, float first = 0) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), first);
    return values;
}

/// All values of a dense matrix.
std::vector<float> values_of(const WeightMatrix& matrix) {
    std::vector<float> result(std::size_t{matrix.outputs} * matrix.inputs);
    convert_rows(matrix, 0, matrix.stored_rows(), result);
    return result;
}

/// Rows of each head from the order of neighbouring pairs to that of halves.
std::vector<float> to_halves(const WeightMatrix& matrix, std::size_t head_dim) {
    const std::vector<float> from = values_of(matrix);
    std::vector<float> to(from.size());
    for (std::size_t row = 0; row < matrix.outputs; ++row) {
        const std::size_t in_head = row % head_dim;
        const std::size_t moved = row - in_head + in_head / 2 + (in_head % 2) * head_dim / 2;
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(row * matrix.inputs), matrix.inputs,
                    to.begin() + static_cast<std::ptrdiff_t>(moved * matrix.inputs));
    }
    return to;
}

/// The float's upper half: values with at most 8 significant bits stay as they are.
std::vector<std::uint16_t> to_bfloat(const std::vector<float>& values) {
    std::vector<std::uint16_t> result;
    for (const float value : values) {
        result.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U));
    }
    return result;
}

/// A LLaMA folder with counted values; each part can be changed before it is written.
struct LlamaFolder {
    Json config{{"model_type", "llama"},         {"hidden_size", 8},         {"num_hidden_layers", 1},
                {"num_attention_heads", 2},      {"num_key_value_heads", 1}, {"intermediate_size", 12},
                {"max_position_embeddings", 64}, {"vocab_size", 5},          {"rms_norm_eps", 1e-5}};
    std::map<std::string, std::vector<std::uint64_t>> tensors{
        {"model.embed_tokens.weight", {5, 8}},
        {"model.layers.0.input_layernorm.weight", {8}},
        {"model.layers.0.self_attn.q_proj.weight", {8, 8}},
        {"model.layers.0.self_attn.k_proj.weight", {4, 8}},
        {"model.layers.0.self_attn.v_proj.weight", {4, 8}},
        {"model.layers.0.self_attn.o_proj.weight", {8, 8}},
        {"model.layers.0.post_attention_layernorm.weight", {8}},
        {"model.layers.0.mlp.gate_proj.weight", {12, 8}},
        {"model.layers.0.mlp.up_proj.weight", {12, 8}},
        {"model.layers.0.mlp.down_proj.weight", {8, 12}},
        {"model.norm.weight", {8}},
        {"lm_head.weight", {5, 8}},
    };
    std::string dtype = "F32";
    std::size_t misalignment = 0;

    static std::vector<float> values(const std::vector<std::uint64_t>& shape) {
        return counted(std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>()), 1);
    }
    void write(const std::string& folder) const {
        write_file(folder + "/config.json", config.dump());
        SafetensorsBuilder builder;
        for (const auto& [name, shape] : tensors) {
            if (dtype == "F32") {
                builder.add(name, shape, values(shape));
            } else {
                builder.add(name, dtype, shape, bytes_of(to_bfloat(values(shape))));
            }
        }
        write_file(folder + "/model.safetensors", builder.file(misalignment));
    }
    DecoderWeights read() const {
        const ScratchDirectory scratch;
        write(scratch.path().string());
        return read_huggingface_model(scratch.path().string());
    }
    std::string error() const {
        return input_error([&] { read(); });
    }
};

std::string error_with(const char* key, const Json& value) {
    LlamaFolder folder;
    folder.config[key] = value;
    return folder.error();
}

std::vector<float> logits_of(const DecoderWeights& weights) {
    const std::vector<std::uint32_t> tokens{1, 7, 299, 42, 42, 13, 250, 0, 99, 5};
    DecoderEngine engine(weights, {.threads = 1});
    FullCache cache(weights.shape.max_positions, weights.shape.max_positions);
    std::vector<float> result;
    engine.forward(tokens, cache, [&](const LogitsBlock& block) {
        result.insert(result.end(), block.values.begin(), block.values.end());
    });
    return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference = std::max(difference, static_cast<double>(std::abs(a[i] - b[i])));
    }
    return difference;
}

/// A tensor's names in Hugging Face's and GGUF's files.
struct Names {
    const char* huggingface;
    const char* gguf;
};

}  // namespace

TEST_CASE("one model in three formats gives the same logits", "[huggingface]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 3).write(scratch / "tiny.bin");
    const DecoderWeights checkpoint = read_llama2c_model(scratch / "tiny.bin");
    const ModelShape& s = checkpoint.shape;
    SafetensorsBuilder folder;
    GgufBuilder gguf;
    const auto add_matrix = [&](const Names& names, const WeightMatrix& matrix, bool rotary) {
        const std::vector<std::uint64_t> shape{matrix.outputs, matrix.inputs};
        folder.add(names.huggingface, shape, rotary ? to_halves(matrix, s.head_dim) : values_of(matrix));
        gguf.tensor(names.gguf, {shape[1], shape[0]}, values_of(matrix));
    };
    const auto add_norm = [&](const Names& names, const Norm& norm) {
        folder.add(names.huggingface, {norm.weight.size()}, norm.weight);
        gguf.tensor(names.gguf, {norm.weight.size()}, norm.weight);
    };
    add_matrix({"model.embed_tokens.weight", "token_embd.weight"}, checkpoint.token_embedding, false);
    for (std::uint32_t i = 0; i < s.layers; ++i) {
        const DecoderLayerWeights& layer = checkpoint.layers[i];
        const auto matrix = [&](const char* theirs, const char* gguf_name, const Linear& linear, bool rotary = false) {
            const std::string name = fmt::format("model.layers.{}.{}.weight", i, theirs);
            const std::string other = fmt::format("blk.{}.{}.weight", i, gguf_name);
            add_matrix({name.c_str(), other.c_str()}, linear.weight, rotary);
        };
        const auto norm = [&](const char* theirs, const char* gguf_name, const Norm& weights) {
            const std::string name = fmt::format("model.layers.{}.{}.weight", i, theirs);
            const std::string other = fmt::format("blk.{}.{}.weight", i, gguf_name);
            add_norm({name.c_str(), other.c_str()}, weights);
        };
        norm("input_layernorm", "attn_norm", layer.attention_norm);
        matrix("self_attn.q_proj", "attn_q", layer.query, true);
        matrix("self_attn.k_proj", "attn_k", layer.key, true);
        matrix("self_attn.v_proj", "attn_v", layer.value);
        matrix("self_attn.o_proj", "attn_output", layer.output);
        norm("post_attention_layernorm", "ffn_norm", layer.ffn_norm);
        matrix("mlp.gate_proj", "ffn_gate", layer.gate);
        matrix("mlp.up_proj", "ffn_up", layer.up);
        matrix("mlp.down_proj", "ffn_down", layer.down);
    }
    add_norm({"model.norm.weight", "output_norm.weight"}, checkpoint.final_norm);

    const Json config{{"architectures", {"LlamaForCausalLM"}},
                      {"hidden_size", s.hidden},
                      {"num_hidden_layers", s.layers},
                      {"num_attention_heads", s.heads},
                      {"num_key_value_heads", s.kv_heads},
                      {"intermediate_size", s.ffn_hidden},
                      {"max_position_embeddings", s.max_positions},
                      {"vocab_size", s.vocabulary},
                      {"rms_norm_eps", 1e-5},
                      {"tie_word_embeddings", true}};
    write_file(scratch / "config.json", config.dump());
    write_file(scratch / "model.safetensors", folder.file());
    gguf.text("general.architecture", "llama");
    gguf.integer("llama.block_count", s.layers);
    gguf.integer("llama.embedding_length", s.hidden);
    gguf.integer("llama.feed_forward_length", s.ffn_hidden);
    gguf.integer("llama.attention.head_count", s.heads);
    gguf.integer("llama.attention.head_count_kv", s.kv_heads);
    gguf.integer("llama.context_length", s.max_positions);
    gguf.number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    write_file(scratch / "tiny.gguf", gguf.file());

    const std::vector<float> expected = logits_of(checkpoint);
    CHECK(logits_of(read_gguf_weights(read_gguf(scratch / "tiny.gguf"))) == expected);
    const DecoderWeights model = read_huggingface_model(scratch.path().string() + "/");
    CHECK(model.rotary_pairs == RotaryPairs::halves);
    CHECK(model.shape.name == scratch.path().filename().string());
    CHECK(largest_difference(logits_of(model), expected) < 1e-4);
}

TEST_CASE("a LLaMA folder gives its settings and every tensor in its place", "[huggingface]") {
    LlamaFolder folder;
    folder.config["rope_theta"] = 1e6;
    folder.config["_name_or_path"] = "maker/model";
    folder.misalignment = GENERATE(0U, 1U);
    const DecoderWeights w = folder.read();
    CHECK(w.shape.name == "maker/model");
    CHECK(w.shape.family == "llama");
    CHECK(w.rope_theta == 1e6F);
    CHECK(w.norm_epsilon == 1e-5F);
    CHECK_FALSE(w.shape.tied_embeddings);
    CHECK(w.classifier.data != w.token_embedding.data);
    REQUIRE(w.layers.size() == 1);
    const DecoderLayerWeights& layer = w.layers[0];
    CHECK(layer.key.weight.outputs == 4);
    CHECK(layer.down.weight.inputs == 12);
    CHECK(layer.key.bias.empty());
    for (const WeightMatrix& matrix : {w.token_embedding, w.classifier, layer.query.weight, layer.gate.weight}) {
        CHECK(values_of(matrix) == counted(std::size_t{matrix.outputs} * matrix.inputs, 1));
        CHECK(reinterpret_cast<std::uintptr_t>(matrix.data) % alignof(float) == 0);
    }
    CHECK(layer.ffn_norm.weight == counted(8, 1));
}

TEST_CASE("BF16 weights stay as they are; norms become floats", "[huggingface]") {
    LlamaFolder folder;
    folder.dtype = "BF16";
    const DecoderWeights w = folder.read();
    CHECK(w.layers[0].up.weight.type == WeightType::bf16);
    CHECK(values_of(w.layers[0].up.weight) == counted(96, 1));
    CHECK(w.final_norm.weight == counted(8, 1));
    folder.dtype = "I16";
    check_contains(folder.error(), {"tensor model.embed_tokens.weight", "is I16", "F32, F16 or BF16"});
}

TEST_CASE("biases are read where the config or the family says so", "[huggingface]") {
    LlamaFolder folder;
    folder.config["model_type"] = "qwen2";
    check_contains(folder.error(), {"tensor model.layers.0.self_attn.q_proj.bias", "is missing", "[8]"});
    folder.tensors["model.layers.0.self_attn.q_proj.bias"] = {8};
    folder.tensors["model.layers.0.self_attn.k_proj.bias"] = {4};
    folder.tensors["model.layers.0.self_attn.v_proj.bias"] = {4};
    CHECK(folder.read().layers[0].key.bias == counted(4, 1));
    CHECK(folder.read().layers[0].output.bias.empty());
    folder.config["model_type"] = "llama";
    check_contains(folder.error(), {"bias", "no part of a llama model"});
    folder.config["attention_bias"] = true;
    check_contains(folder.error(), {"tensor model.layers.0.self_attn.o_proj.bias", "is missing"});
}

TEST_CASE("a tied model needs no classifier, and has no use for one", "[huggingface]") {
    LlamaFolder folder;
    folder.config["tie_word_embeddings"] = true;
    CHECK(folder.read().classifier.data != nullptr);
    folder.tensors.erase("lm_head.weight");
    CHECK(folder.read().shape.tied_embeddings);
    folder.config["tie_word_embeddings"] = false;
    check_contains(folder.error(), {"tensor lm_head.weight", "is missing"});
}

TEST_CASE("tensors that do not fit the config, and those it does not have, are named", "[huggingface]") {
    LlamaFolder folder;
    folder.tensors["model.layers.0.self_attn.k_proj.weight"] = {8, 8};
    check_contains(folder.error(),
                   {"model.safetensors", "k_proj.weight", "has shape [8, 8]", "accepted: [4, 8], as config.json says"});
    folder = {};
    folder.tensors.erase("model.layers.0.mlp.up_proj.weight");
    check_contains(folder.error(), {"model.safetensors", "mlp.up_proj.weight", "is missing", "[12, 8]"});
    folder = {};
    folder.tensors["model.layers.0.self_attn.q_norm.weight"] = {4};
    check_contains(folder.error(), {"q_norm.weight", "no part of a llama model"});
    folder = {};
    folder.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {2};
    CHECK(folder.error().empty());
    folder = {};
    folder.config["num_hidden_layers"] = 2;
    check_contains(folder.error(), {"model.layers.1.input_layernorm.weight", "is missing"});
}

TEST_CASE("settings that change the numbers and cannot be run are refused", "[huggingface]") {
    CHECK(error_with("rope_scaling", nullptr).empty());
    CHECK(error_with("rope_scaling", {{"type", "default"}}).empty());
    check_contains(error_with("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}),
                   {"config.json", "rope_scaling", "llama3", "\"default\""});
    check_contains(error_with("rope_scaling", {{"factor", 8.0}}), {"rope_scaling"});
    check_contains(error_with("rope_scaling", 3), {"rope_scaling", "value 3"});
    check_contains(error_with("rope_theta", 0), {"rope_theta", "value 0", "above 0"});
    check_contains(error_with("rms_norm_eps", "small"), {"rms_norm_eps", "\"small\"", "above 0"});
    check_contains(error_with("hidden_act", "gelu"), {"hidden_act"});
    check_contains(error_with("partial_rotary_factor", 0.5), {"partial_rotary_factor"});
    check_contains(error_with("attention_bias", 1), {"attention_bias", "true or false"});
    check_contains(error_with("model_type", "minimind"), {"model_type", "minimind"});
    check_contains(error_with("num_key_value_heads", 3), {"num_key_value_heads", "divisor"});
    LlamaFolder folder;
    folder.config["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
    CHECK(folder.read().rope_theta == 5e5F);
    check_contains(input_error([] { read_huggingface_model("/nowhere"); }), {"/nowhere/config.json"});
    const ScratchDirectory scratch;
    const auto error = [&](const std::string& config) {
        write_file(scratch / "config.json", config);
        return input_error([&] { read_huggingface_model(scratch.path().string()); });
    };
    check_contains(error("{}"), {"model_type", "is missing"});
    check_contains(error(R"({"model_type":"opt","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,)"
                         R"("ffn_dim":8,"max_position_embeddings":8,"vocab_size":5})"),
                   {"model_type", "value \"opt\"", "gpt2, llama, mistral, qwen2"});
}

TEST_CASE("a sliding window bounds the positions, up to which it changes nothing", "[huggingface]") {
    LlamaFolder folder;
    folder.config["sliding_window"] = 16;
    CHECK(folder.read().shape.max_positions == 64);  // LLaMA has none
    folder.config["model_type"] = "mistral";
    CHECK(folder.read().shape.max_positions == 16);
    folder.config["sliding_window"] = 0;
    check_contains(folder.error(), {"sliding_window", "value 0"});
    folder.config["sliding_window"] = nullptr;
    CHECK(folder.read().shape.max_positions == 64);
}

TEST_CASE("GPT-2's matrices are stored by inputs, and its projection is cut by columns", "[huggingface]") {
    const std::string prefix = GENERATE("", "transformer.");
    const ScratchDirectory scratch;
    Json config{{"model_type", "gpt2"}, {"n_embd", 4},       {"n_layer", 1},
                {"n_head", 2},          {"n_positions", 10}, {"vocab_size", 6}};
    write_file(scratch / "config.json", config.dump());
    SafetensorsBuilder b;
    const auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
        b.add(prefix + name, shape, LlamaFolder::values(shape));
    };
    add("wte.weight", {6, 4});
    add("wpe.weight", {10, 4});
    for (const std::string name : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
        add(name + ".weight", {4});
        add(name + ".bias", {4});
    }
    add("h.0.attn.bias", {1, 1, 10, 10});  // a mask
    add("h.0.attn.c_attn.weight", {4, 12});
    add("h.0.attn.c_attn.bias", {12});
    add("h.0.attn.c_proj.weight", {4, 4});
    add("h.0.attn.c_proj.bias", {4});
    add("h.0.mlp.c_fc.weight", {4, 16});
    add("h.0.mlp.c_fc.bias", {16});
    add("h.0.mlp.c_proj.weight", {16, 4});
    add("h.0.mlp.c_proj.bias", {4});
    write_file(scratch / "model.safetensors", b.file());
    const auto read = [&] { return read_huggingface_model(scratch.path().string()); };
    const DecoderWeights w = read();
    CHECK(w.shape.positions == PositionEncoding::learned);
    CHECK_FALSE(w.exact_gelu);
    CHECK(w.norm_epsilon == 1e-5F);
    CHECK(w.classifier.data == w.token_embedding.data);
    CHECK(w.position_embedding.outputs == 10);
    const DecoderLayerWeights& layer = w.layers.at(0);
    // Element (input i, output o) of the fused matrix is 12 i + o + 1.
    CHECK(layer.key.weight.transposed);
    CHECK(values_of(layer.query.weight) ==
          std::vector<float>{1, 2, 3, 4, 13, 14, 15, 16, 25, 26, 27, 28, 37, 38, 39, 40});
    CHECK(values_of(layer.key.weight)[4] == 17);
    CHECK(values_of(layer.value.weight)[15] == 48);
    CHECK(layer.query.bias == counted(4, 1));
    CHECK(layer.value.bias == counted(4, 9));
    CHECK(layer.up.weight.outputs == 16);
    CHECK(layer.up.weight.inputs == 4);
    CHECK(layer.down.bias == counted(4, 1));
    CHECK(layer.gate.weight.empty());

    config["activation_function"] = "gelu";
    write_file(scratch / "config.json", config.dump());
    CHECK(read().exact_gelu);
    config["scale_attn_by_inverse_layer_idx"] = true;
    write_file(scratch / "config.json", config.dump());
    check_contains(input_error(read), {"scale_attn_by_inverse_layer_idx", "value true", "false"});
}

}  // namespace palimpsest
