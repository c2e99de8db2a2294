#include "config/huggingface.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace palimpsest {
namespace {

/// What a family calls the counts, and what it is when the file does not say.
struct Family {
    const char* model_type;
    const char* architecture;
    const char* layers;
    const char* hidden;
    const char* heads;
    const char* kv_heads;  ///< null: one KV head a query head
    const char* ffn_hidden;
    const char* positions;
    const char* activation;
    const char* normalisation;
    const char* encoding;
    bool tied;  ///< when tie_word_embeddings is absent
};

constexpr std::array<Family, 5> kFamilies{{
    {"gpt2", "GPT2LMHeadModel", "n_layer", "n_embd", "n_head", nullptr, "n_inner", "n_positions", "activation_function",
     "layer_norm", "learned", true},
    {"opt", "OPTForCausalLM", "num_hidden_layers", "hidden_size", "num_attention_heads", nullptr, "ffn_dim",
     "max_position_embeddings", "activation_function", "layer_norm", "learned", true},
    {"llama", "LlamaForCausalLM", "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
     "intermediate_size", "max_position_embeddings", "hidden_act", "rms_norm", "rope", false},
    {"mistral", "MistralForCausalLM", "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
     "intermediate_size", "max_position_embeddings", "hidden_act", "rms_norm", "rope", false},
    {"qwen2", "Qwen2ForCausalLM", "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
     "intermediate_size", "max_position_embeddings", "hidden_act", "rms_norm", "rope", false},
}};

const Family* family_of(const Json& document) {
    const auto find = [](auto member, const Json& name) -> const Family* {
        const auto found = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& family) {
            return name.is_string() && name == family.*member;
        });
        return found == kFamilies.end() ? nullptr : &*found;
    };
    if (document.contains("model_type")) {
        return find(&Family::model_type, document["model_type"]);
    }
    const Json& architectures = document["architectures"];
    return architectures.is_array() && !architectures.empty() ? find(&Family::architecture, architectures[0]) : nullptr;
}

std::string our_activation(const std::string& theirs) {
    if (theirs == "relu") {
        return "relu";
    }
    return theirs == "silu" ? "silu_gated" : "gelu";
}

class Importer {
  public:
    Importer(const SectionLayer& layer, const Family& family, Diagnostics& diagnostics)
        : in_(layer), family_(family), diagnostics_(diagnostics) {
        out_ = {layer.file, layer.prefix, Json::object(), {}};
    }

    SectionLayer run() {
        out_.document["family"] = family_.model_type;
        if (in_.document.contains("_name_or_path") && in_.document["_name_or_path"].is_string() &&
            !in_.document["_name_or_path"].get<std::string>().empty()) {
            out_.document["name"] = in_.document["_name_or_path"];
        }
        count("layers", family_.layers);
        count("hidden", family_.hidden);
        count("heads", family_.heads);
        count("vocabulary", "vocab_size");
        const bool old_gpt2 = !given(family_.positions) && given("n_ctx") && std::string(family_.model_type) == "gpt2";
        if (old_gpt2) {
            count("max_positions", "n_ctx");
        } else if (given(family_.positions)) {
            count("max_positions", family_.positions);
        } else {
            out_.document["max_positions"] = std::string(family_.model_type) == "gpt2" ? 1024 : 2048;
        }
        if (family_.kv_heads != nullptr) {
            optional("kv_heads", family_.kv_heads);
            optional("head_dim", "head_dim");
        }
        if (std::string(family_.model_type) == "gpt2") {
            optional("ffn_hidden", family_.ffn_hidden);
        } else {
            count("ffn_hidden", family_.ffn_hidden);
        }
        settings();
        check_opt();
        return out_;
    }

  private:
    bool given(const char* key) const { return in_.document.contains(key) && !in_.document[key].is_null(); }

    void optional(const char* ours, const char* theirs) {
        out_.renames[ours] = theirs;
        if (given(theirs)) {
            out_.document[ours] = in_.document[theirs];
        }
    }

    void count(const char* ours, const char* theirs) {
        optional(ours, theirs);
        if (!given(theirs)) {
            diagnostics_.add(in_.file, path(theirs),
                             fmt::format("is missing from a {} config.json", family_.model_type),
                             "an integer, 1 or more");
        }
    }

    void settings() {
        out_.document["normalisation"] = family_.normalisation;
        out_.document["positions"] = family_.encoding;
        const bool gated = std::string(family_.activation) == "hidden_act";
        const std::string fallback = std::string(family_.model_type) == "opt" ? "relu" : gated ? "silu" : "gelu_new";
        const Json activation = given(family_.activation) ? in_.document[family_.activation] : Json(fallback);
        out_.document["activation"] = our_activation(activation.is_string() ? activation.get<std::string>() : fallback);
        const bool tied = given("tie_word_embeddings") && in_.document["tie_word_embeddings"].is_boolean()
                              ? in_.document["tie_word_embeddings"].get<bool>()
                              : family_.tied;
        out_.document["tied_embeddings"] = tied;
    }

    /// OPT-350M projects narrow embeddings to the hidden width; the machine has no such projection.
    void check_opt() {
        if (given("word_embed_proj_dim") && given("hidden_size") &&
            in_.document["word_embed_proj_dim"] != in_.document["hidden_size"]) {
            diagnostics_.add(in_.file, path("word_embed_proj_dim"), quote_value(in_.document["word_embed_proj_dim"]),
                             fmt::format("hidden_size, {}", in_.document["hidden_size"].dump()));
        }
    }

    std::string path(const std::string& key) const { return in_.prefix.empty() ? key : join_path(in_.prefix, key); }

    const SectionLayer& in_;
    const Family& family_;
    Diagnostics& diagnostics_;
    SectionLayer out_;
};

}  // namespace

bool is_huggingface_config(const Json& document) {
    return document.is_object() && (document.contains("model_type") || document.contains("architectures"));
}

SectionLayer import_huggingface(const SectionLayer& layer, Diagnostics& diagnostics) {
    const Family* family = family_of(layer.document);
    if (family == nullptr) {
        std::vector<std::string> names;
        names.reserve(kFamilies.size());
        for (const Family& known : kFamilies) {
            names.emplace_back(layer.document.contains("model_type") ? known.model_type : known.architecture);
        }
        const std::string key = layer.document.contains("model_type") ? "model_type" : "architectures";
        diagnostics.add(layer.file, layer.prefix.empty() ? key : join_path(layer.prefix, key),
                        quote_value(layer.document[key]), "one of " + join_names(names));
        return {layer.file, layer.prefix, Json::object(), {}};
    }
    return Importer(layer, *family, diagnostics).run();
}

}  // namespace palimpsest
