#include "engine/huggingface_model.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "config/json_document.h"
#include "config/loader.h"
#include "engine/safetensors.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kWidest = std::uint64_t{1} << 24;  ///< of all heads together

/// The keys of config.json that the shape does not have.
class Settings {
  public:
    explicit Settings(std::string file) : file_(std::move(file)), document_(read_json_file(file_)) {}

    bool flag(const char* key, bool fallback) const {
        const Json value = get(key);
        if (!value.is_null() && !value.is_boolean()) {
            refuse(key, value, "true or false");
        }
        return value.is_null() ? fallback : value.get<bool>();
    }
    float positive(const char* key, double fallback) const { return positive(key, get(key), fallback); }
    float positive(const std::string& key, const Json& value, double fallback) const {
        // A denormal or infinite float would be a division by zero later.
        constexpr double kLeast = 1e-30, kMost = 1e30;
        if (!value.is_null() && !(value.is_number() && value.get<double>() >= kLeast && value.get<double>() <= kMost)) {
            refuse(key, value, "a number above 0");
        }
        return static_cast<float>(value.is_null() ? fallback : value.get<double>());
    }
    /// A key that may only have the value at which it changes nothing.
    void expect(const char* key, const Json& neutral) const {
        const Json value = get(key);
        if (!value.is_null() && value != neutral) {
            refuse(key, value, neutral.dump() + ", or none: the engine does nothing else");
        }
    }
    /// Missing and null are the same.
    Json get(const char* key) const { return document_.value(key, Json()); }

    [[noreturn]] void refuse(const std::string& key, const Json& value, const std::string& accepted) const {
        throw InputError(file_, key, value.is_null() ? "is missing" : quote_value(value), accepted);
    }

  private:
    std::string file_;
    Json document_;
};

/// The base of the rotary angles, unscaled; newer files keep it in rope_parameters.
float rope_theta(const Settings& settings) {
    constexpr double kUsual = 10000;
    double theta = settings.positive("rope_theta", kUsual);
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        const Json rope = settings.get(key);
        if (rope.is_null()) {
            continue;
        }
        const Json unnamed = rope.contains("factor") ? Json() : Json("default");
        const Json type = rope.is_object() ? rope.value("rope_type", rope.value("type", unnamed)) : Json();
        if (type != "default") {
            settings.refuse(key, rope, "null or a rope_type of \"default\": scaled rotary positions are not supported");
        }
        theta = settings.positive(std::string(key) + ".rope_theta", rope.value("rope_theta", Json()), theta);
    }
    return static_cast<float>(theta);
}

ModelShape read_shape(const std::string& folder, const std::string& config) {
    const Json document = read_json_file(config);
    if (!document.is_object() || (!document.contains("model_type") && !document.contains("architectures"))) {
        throw InputError(config, "model_type", "is missing", "the config.json of a Hugging Face model");
    }
    ModelShape shape = load_model(config);
    if (shape.family == "opt") {
        throw InputError(config, "model_type", "value \"opt\"",
                         "a family that the engine runs: gpt2, llama, mistral, qwen2");
    }
    const Json name = document.value("_name_or_path", Json());
    if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
        auto path = std::filesystem::absolute(folder).lexically_normal();
        shape.name = (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
    }
    return shape;
}

ModelTensors read_tensors(const std::string& folder) {
    Safetensors files = read_safetensors_folder(folder);
    return {std::move(files.tensors),
            files.storage,
            {.file = files.first_file, .shape_source = "config.json", .readable = "F32, F16 or BF16"}};
}

std::string layer_prefix(const std::string& prefix, const char* layers, std::uint32_t layer) {
    return fmt::format("{}{}.{}.", prefix, layers, layer);
}

class LlamaReader {
  public:
    LlamaReader(DecoderWeights& weights, ModelTensors& tensors, const Settings& settings)
        : weights_(weights), shape_(weights.shape), tensors_(tensors) {
        const bool attention = settings.flag("attention_bias", false);
        projection_bias_ = attention || shape_.family == "qwen2";
        output_bias_ = attention;
        ffn_bias_ = settings.flag("mlp_bias", false);
        prefix_ = !tensors.has("model.embed_tokens.weight") && tensors.has("embed_tokens.weight") ? "" : "model.";
    }

    void read() {
        weights_.token_embedding = tensors_.matrix(prefix_ + "embed_tokens.weight", shape_.vocabulary, shape_.hidden);
        for (std::uint32_t layer = 0; layer < shape_.layers; ++layer) {
            weights_.layers.push_back(read_layer(layer_prefix(prefix_, "layers", layer)));
        }
        weights_.final_norm.weight = tensors_.vector(prefix_ + "norm.weight", shape_.hidden);
        weights_.classifier = shape_.tied_embeddings
                                  ? weights_.token_embedding
                                  : tensors_.matrix("lm_head.weight", shape_.vocabulary, shape_.hidden);
    }

  private:
    DecoderLayerWeights read_layer(const std::string& layer) {
        const std::uint64_t hidden = shape_.hidden, queries = shape_.q_width(), keys = shape_.kv_width(),
                            inner = shape_.ffn_hidden;
        DecoderLayerWeights w;
        w.attention_norm.weight = tensors_.vector(layer + "input_layernorm.weight", hidden);
        w.query = linear(layer + "self_attn.q_proj", queries, hidden, projection_bias_);
        w.key = linear(layer + "self_attn.k_proj", keys, hidden, projection_bias_);
        w.value = linear(layer + "self_attn.v_proj", keys, hidden, projection_bias_);
        w.output = linear(layer + "self_attn.o_proj", hidden, queries, output_bias_);
        w.ffn_norm.weight = tensors_.vector(layer + "post_attention_layernorm.weight", hidden);
        w.gate = linear(layer + "mlp.gate_proj", inner, hidden, ffn_bias_);
        w.up = linear(layer + "mlp.up_proj", inner, hidden, ffn_bias_);
        w.down = linear(layer + "mlp.down_proj", hidden, inner, ffn_bias_);
        return w;
    }

    Linear linear(const std::string& name, std::uint64_t outputs, std::uint64_t inputs, bool bias) {
        Linear result{tensors_.matrix(name + ".weight", outputs, inputs), {}};
        if (bias) {
            result.bias = tensors_.vector(name + ".bias", outputs);
        }
        return result;
    }

    DecoderWeights& weights_;
    const ModelShape& shape_;
    ModelTensors& tensors_;
    std::string prefix_;
    bool projection_bias_ = false;
    bool output_bias_ = false;
    bool ffn_bias_ = false;
};

/// Its matrices are stored inputs x outputs, and those of query, key and value side by side in one.
class Gpt2Reader {
  public:
    Gpt2Reader(DecoderWeights& weights, ModelTensors& tensors)
        : weights_(weights), shape_(weights.shape), tensors_(tensors) {
        prefix_ = tensors.has("transformer.wte.weight") ? "transformer." : "";
    }

    void read() {
        const std::uint64_t hidden = shape_.hidden;
        weights_.token_embedding = tensors_.matrix(prefix_ + "wte.weight", shape_.vocabulary, hidden);
        weights_.position_embedding = tensors_.matrix(prefix_ + "wpe.weight", shape_.max_positions, hidden);
        for (std::uint32_t layer = 0; layer < shape_.layers; ++layer) {
            weights_.layers.push_back(read_layer(layer_prefix(prefix_, "h", layer)));
        }
        weights_.final_norm = norm(prefix_ + "ln_f");
        weights_.classifier = shape_.tied_embeddings ? weights_.token_embedding
                                                     : tensors_.matrix("lm_head.weight", shape_.vocabulary, hidden);
    }

  private:
    DecoderLayerWeights read_layer(const std::string& layer) {
        const std::uint32_t hidden = shape_.hidden;
        DecoderLayerWeights w;
        w.attention_norm = norm(layer + "ln_1");
        const Linear fused = linear(layer + "attn.c_attn", 3 * std::uint64_t{hidden}, hidden);
        w.query = cut(fused, 0);
        w.key = cut(fused, 1);
        w.value = cut(fused, 2);
        w.output = linear(layer + "attn.c_proj", hidden, hidden);
        w.ffn_norm = norm(layer + "ln_2");
        w.up = linear(layer + "mlp.c_fc", shape_.ffn_hidden, hidden);
        w.down = linear(layer + "mlp.c_proj", hidden, shape_.ffn_hidden);
        return w;
    }

    Norm norm(const std::string& name) {
        return {tensors_.vector(name + ".weight", shape_.hidden), tensors_.vector(name + ".bias", shape_.hidden)};
    }
    Linear linear(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
        return {tensors_.transposed_matrix(name + ".weight", outputs, inputs),
                tensors_.vector(name + ".bias", outputs)};
    }
    Linear cut(const Linear& fused, std::uint32_t part) const {
        const auto bias = fused.bias.begin() + std::ptrdiff_t{part} * shape_.hidden;
        return {cut_outputs(fused.weight, part * shape_.hidden, shape_.hidden), {bias, bias + shape_.hidden}};
    }

    DecoderWeights& weights_;
    const ModelShape& shape_;
    ModelTensors& tensors_;
    std::string prefix_;
};

/// Buffers of masks and angles that older files keep, and the classifier of a model whose embedding stands for it.
bool is_harmless(const std::string& name, bool tied) {
    return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".attn.bias") ||
           name.ends_with(".attn.masked_bias") || (tied && name == "lm_head.weight");
}

void read_gpt2_settings(const Settings& settings, DecoderWeights& weights) {
    settings.expect("scale_attn_weights", true);
    settings.expect("scale_attn_by_inverse_layer_idx", false);
    settings.expect("add_cross_attention", false);
    weights.norm_epsilon = settings.positive("layer_norm_epsilon", 1e-5);
    weights.exact_gelu = settings.get("activation_function") == "gelu";
}

void read_llama_settings(const Settings& settings, DecoderWeights& weights) {
    settings.expect("partial_rotary_factor", 1.0);
    weights.norm_epsilon = settings.positive("rms_norm_eps", 1e-6);
    weights.rope_theta = rope_theta(settings);
    weights.rotary_pairs = RotaryPairs::halves;
    ModelShape& shape = weights.shape;
    if (std::uint64_t{shape.heads} * shape.head_dim > kWidest) {
        settings.refuse("num_attention_heads", shape.heads,
                        fmt::format("heads of {} that make at most {}", shape.head_dim, kWidest));
    }
    const Json window = settings.get("sliding_window");
    const bool slides =
        shape.family == "mistral" || (shape.family == "qwen2" && settings.flag("use_sliding_window", false));
    if (slides && !window.is_null()) {
        if (!window.is_number_unsigned() || window == 0U) {
            settings.refuse("sliding_window", window, "null, or an integer, 1 or more");
        }
        shape.max_positions =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(shape.max_positions, window.get<std::uint64_t>()));
    }
}

}  // namespace

DecoderWeights read_huggingface_model(const std::string& folder) {
    const std::string config = (std::filesystem::path(folder) / "config.json").string();
    DecoderWeights weights;
    weights.shape = read_shape(folder, config);
    const Settings settings(config);
    const bool gpt2 = weights.shape.family == "gpt2";
    if (gpt2) {
        read_gpt2_settings(settings, weights);
    } else {
        read_llama_settings(settings, weights);
    }
    ModelTensors tensors = read_tensors(folder);
    if (gpt2) {
        Gpt2Reader(weights, tensors).read();
    } else {
        LlamaReader(weights, tensors, settings).read();
    }
    const bool tied = weights.shape.tied_embeddings;
    tensors.expect_all_taken(weights.shape.family, [tied](const std::string& name) { return is_harmless(name, tied); });
    weights.storage = tensors.storage();
    return weights;
}

}  // namespace palimpsest
