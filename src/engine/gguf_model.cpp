#include "engine/gguf_model.h"

#include <filesystem>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kWidest = std::uint64_t{1} << 24;

/// Keys of one architecture: "llama.block_count".
class ArchitectureKeys {
  public:
    ArchitectureKeys(const GgufMetadata& metadata, std::string architecture)
        : metadata_(metadata), architecture_(std::move(architecture)) {}

    std::uint32_t count(const std::string& name) const { return count(name, metadata_.integer(key(name))); }
    std::uint32_t count(const std::string& name, std::uint64_t fallback) const {
        return count(name, std::optional(metadata_.integer(key(name)).value_or(fallback)));
    }
    float positive(const std::string& name, std::optional<double> fallback) const {
        // A denormal or infinite float would be a division by zero later.
        constexpr double kLeast = 1e-30, kMost = 1e30;
        const auto given = metadata_.number(key(name));
        const auto value = given ? given : fallback;
        if (!value || !(*value >= kLeast && *value <= kMost)) {
            refuse(name, "a number above 0");
        }
        return static_cast<float>(*value);
    }
    /// A key that may only have the value at which it changes nothing.
    void expect(const std::string& name, double neutral) const {
        if (metadata_.number(key(name)).value_or(neutral) != neutral) {
            refuse(name, fmt::format("{}, or none: the engine does nothing else", neutral));
        }
    }
    std::optional<std::string> text(const std::string& name) const { return metadata_.text(key(name)); }

    [[noreturn]] void refuse(const std::string& name, const std::string& accepted) const {
        metadata_.refuse(key(name), accepted);
    }

  private:
    std::string key(const std::string& name) const { return architecture_ + "." + name; }
    std::uint32_t count(const std::string& name, std::optional<std::uint64_t> value) const {
        if (!value || *value < 1 || *value > kWidest) {
            refuse(name, fmt::format("an integer, 1 to {}", kWidest));
        }
        return static_cast<std::uint32_t>(*value);
    }

    const GgufMetadata& metadata_;
    std::string architecture_;
};

/// What both architectures share.
ModelShape read_shape(const GgufFile& file, const ArchitectureKeys& keys, const std::string& architecture) {
    ModelShape shape;
    shape.name = file.metadata.text("general.name").value_or("");
    if (shape.name.empty()) {
        shape.name = std::filesystem::path(file.path).stem().string();
    }
    shape.family = architecture;
    shape.layers = keys.count("block_count");
    shape.hidden = keys.count("embedding_length");
    shape.ffn_hidden = keys.count("feed_forward_length");
    shape.heads = keys.count("attention.head_count");
    shape.kv_heads = keys.count("attention.head_count_kv", shape.heads);
    shape.max_positions = keys.count("context_length");
    if (shape.heads % shape.kv_heads != 0) {
        keys.refuse("attention.head_count_kv", fmt::format("a divisor of the {} heads", shape.heads));
    }
    shape.head_dim = keys.count("attention.key_length", shape.hidden / shape.heads);
    if (std::uint64_t{shape.heads} * shape.head_dim > kWidest) {
        keys.refuse("attention.key_length", fmt::format("heads that make at most {}", kWidest));
    }
    // Only the embedding says how many tokens there are, for sure.
    const auto embedding = file.tensors.find("token_embd.weight");
    if (embedding != file.tensors.end() && embedding->second.shape.size() == 2 &&
        embedding->second.shape[0] <= kWidest) {
        shape.vocabulary = static_cast<std::uint32_t>(embedding->second.shape[0]);
    }
    shape.tied_embeddings = !file.tensors.contains("output.weight");
    return shape;
}

class LayerReader {
  public:
    LayerReader(const ModelShape& shape, ModelTensors& tensors, std::uint32_t layer)
        : shape_(shape), tensors_(tensors), prefix_(fmt::format("blk.{}.", layer)) {}

    DecoderLayerWeights read_llama() {
        const std::uint64_t hidden = shape_.hidden, queries = shape_.q_width(), keys = shape_.kv_width(),
                            inner = shape_.ffn_hidden;
        DecoderLayerWeights w;
        w.attention_norm.weight = tensors_.vector(prefix_ + "attn_norm.weight", hidden);
        w.query = linear("attn_q", queries, hidden);
        w.key = linear("attn_k", keys, hidden);
        w.value = linear("attn_v", keys, hidden);
        w.output = linear("attn_output", hidden, queries);
        w.ffn_norm.weight = tensors_.vector(prefix_ + "ffn_norm.weight", hidden);
        w.gate = linear("ffn_gate", inner, hidden);
        w.up = linear("ffn_up", inner, hidden);
        w.down = linear("ffn_down", hidden, inner);
        return w;
    }

    DecoderLayerWeights read_gpt2() {
        const std::uint64_t hidden = shape_.hidden;
        DecoderLayerWeights w;
        w.attention_norm = norm("attn_norm");
        const Linear fused = biased("attn_qkv", 3 * hidden, hidden);
        w.query = cut(fused, 0);
        w.key = cut(fused, 1);
        w.value = cut(fused, 2);
        w.output = biased("attn_output", hidden, hidden);
        w.ffn_norm = norm("ffn_norm");
        w.up = biased("ffn_up", shape_.ffn_hidden, hidden);
        w.down = biased("ffn_down", hidden, shape_.ffn_hidden);
        return w;
    }

  private:
    Norm norm(const std::string& name) {
        return {tensors_.vector(prefix_ + name + ".weight", shape_.hidden),
                tensors_.vector(prefix_ + name + ".bias", shape_.hidden)};
    }
    Linear biased(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
        return {tensors_.matrix(prefix_ + name + ".weight", outputs, inputs),
                tensors_.vector(prefix_ + name + ".bias", outputs)};
    }
    /// With a bias where the file has one: nothing else says so.
    Linear linear(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
        return tensors_.has(prefix_ + name + ".bias")
                   ? biased(name, outputs, inputs)
                   : Linear{tensors_.matrix(prefix_ + name + ".weight", outputs, inputs), {}};
    }
    Linear cut(const Linear& fused, std::uint32_t part) const {
        const auto bias = fused.bias.begin() + std::ptrdiff_t{part} * shape_.hidden;
        return {cut_outputs(fused.weight, part * shape_.hidden, shape_.hidden), {bias, bias + shape_.hidden}};
    }

    const ModelShape& shape_;
    ModelTensors& tensors_;
    std::string prefix_;
};

void read_llama_settings(const ArchitectureKeys& keys, DecoderWeights& weights) {
    ModelShape& shape = weights.shape;
    shape.normalisation = Normalisation::rms_norm;
    shape.activation = Activation::silu_gated;
    shape.positions = PositionEncoding::rope;
    weights.rotary_pairs = RotaryPairs::neighbours;
    weights.norm_epsilon = keys.positive("attention.layer_norm_rms_epsilon", std::nullopt);
    weights.rope_theta = keys.positive("rope.freq_base", 10000);
    if (shape.head_dim % 2 != 0) {
        keys.refuse("attention.key_length", fmt::format("heads of an even width, not {}", shape.head_dim));
    }
    keys.expect("attention.value_length", shape.head_dim);
    keys.expect("rope.dimension_count", shape.head_dim);
    keys.expect("rope.scale_linear", 1);
    keys.expect("expert_count", 0);
    if (keys.text("rope.scaling.type").value_or("none") != "none") {
        keys.refuse("rope.scaling.type", "\"none\": scaled rotary positions are not supported");
    }
}

void read_gpt2_settings(const ArchitectureKeys& keys, DecoderWeights& weights) {
    ModelShape& shape = weights.shape;
    shape.normalisation = Normalisation::layer_norm;
    shape.activation = Activation::gelu;
    shape.positions = PositionEncoding::learned;
    weights.norm_epsilon = keys.positive("attention.layer_norm_epsilon", std::nullopt);
    if (shape.kv_heads != shape.heads || std::uint64_t{shape.heads} * shape.head_dim != shape.hidden) {
        keys.refuse("attention.head_count",
                    fmt::format("heads that divide the width, {}, each with its own keys", shape.hidden));
    }
}

}  // namespace

DecoderWeights read_gguf_weights(const GgufFile& file) {
    const std::string architecture = file.metadata.text("general.architecture").value_or("");
    if (architecture != "llama" && architecture != "gpt2") {
        file.metadata.refuse("general.architecture", "\"llama\" or \"gpt2\"");
    }
    const bool gpt2 = architecture == "gpt2";
    const ArchitectureKeys keys(file.metadata, architecture);
    DecoderWeights weights;
    weights.shape = read_shape(file, keys, architecture);
    if (gpt2) {
        read_gpt2_settings(keys, weights);
    } else {
        read_llama_settings(keys, weights);
    }
    const ModelShape& shape = weights.shape;
    ModelTensors tensors(file.tensors, file.storage,
                         {.file = file.path,
                          .shape_source = "the metadata",
                          .readable = "F32, F16, BF16 or Q8_0",
                          .columns_first = true});
    weights.token_embedding = tensors.matrix("token_embd.weight", shape.vocabulary, shape.hidden);
    if (gpt2) {
        weights.position_embedding = tensors.matrix("position_embd.weight", shape.max_positions, shape.hidden);
        weights.final_norm.bias = tensors.vector("output_norm.bias", shape.hidden);
    }
    for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
        LayerReader reader(shape, tensors, layer);
        weights.layers.push_back(gpt2 ? reader.read_gpt2() : reader.read_llama());
    }
    weights.final_norm.weight = tensors.vector("output_norm.weight", shape.hidden);
    weights.classifier = shape.tied_embeddings ? weights.token_embedding
                                               : tensors.matrix("output.weight", shape.vocabulary, shape.hidden);
    tensors.expect_all_taken(architecture, [](const std::string&) { return false; });
    weights.storage = tensors.storage();
    return weights;
}

GgufVocabulary read_gguf_vocabulary(const GgufFile& file, std::uint32_t vocabulary) {
    const GgufMetadata& metadata = file.metadata;
    const std::string prefix = "tokenizer.ggml.";
    GgufVocabulary result;
    result.model = metadata.text(prefix + "model").value_or("");
    if (result.model != "llama" && result.model != "gpt2") {
        metadata.refuse(prefix + "model", "\"llama\" or \"gpt2\"");
    }
    result.tokens = metadata.texts(prefix + "tokens").value_or(std::vector<std::string>{});
    if (result.tokens.size() != vocabulary) {
        metadata.refuse(prefix + "tokens",
                        fmt::format("{} strings, one for each row of token_embd.weight", vocabulary));
    }
    result.scores = metadata.floats(prefix + "scores").value_or(std::vector<float>{});
    result.types = metadata.integers(prefix + "token_type").value_or(std::vector<std::int32_t>{});
    const auto expect_length = [&](const std::string& key, std::size_t size, bool needed) {
        if (size != vocabulary && (needed || size != 0)) {
            metadata.refuse(prefix + key, fmt::format("{} numbers, one for each token", vocabulary));
        }
    };
    expect_length("scores", result.scores.size(), result.model == "llama");
    expect_length("token_type", result.types.size(), false);
    const auto merges = metadata.texts(prefix + "merges");
    if (!merges && result.model == "gpt2") {
        metadata.refuse(prefix + "merges", "an array of strings, \"left right\"");
    }
    result.merges = merges.value_or(std::vector<std::string>{});
    const auto mark = [&](const std::string& key) -> std::optional<std::uint32_t> {
        const auto id = metadata.integer(prefix + key);
        if (id && *id >= vocabulary) {
            metadata.refuse(prefix + key, fmt::format("a token, 0 to {}", vocabulary - 1));
        }
        return id ? std::optional(static_cast<std::uint32_t>(*id)) : std::nullopt;
    };
    result.pre_tokenizer = metadata.text(prefix + "pre").value_or("");
    result.add_space = metadata.flag(prefix + "add_space_prefix").value_or(true);
    result.begin = mark("bos_token_id");
    result.end = mark("eos_token_id");
    result.unknown = mark("unknown_token_id");
    result.add_begin = metadata.flag(prefix + "add_bos_token").value_or(result.model == "llama");
    return result;
}

}  // namespace palimpsest
