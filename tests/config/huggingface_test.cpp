// Hugging Face config.json files of five families become model shapes.
#include "config/huggingface.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

ModelShape import(const std::string& text) {
    const ConfigFiles files;
    return load_model(files.write("config.json", text));
}

std::string error_of(const std::string& text) {
    return input_error_of([&] { import(text); });
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("GPT-2: null inner width is four times the width, embeddings are tied", "[huggingface]") {
    const ModelShape m =
        import(R"({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 1024, "n_layer": 24,
        "n_head": 16, "n_inner": null, "n_positions": 1024, "vocab_size": 50257, "activation_function": "gelu_new",
        "resid_pdrop": 0.1, "task_specific_params": {"text-generation": {"max_length": 50}}})");
    CHECK(m.family == "gpt2");
    CHECK(m.layers == 24);
    CHECK(m.kv_heads == 16);
    CHECK(m.head_dim == 64);
    CHECK(m.ffn_hidden == 4096);
    CHECK(m.max_positions == 1024);
    CHECK(m.activation == Activation::gelu);
    CHECK(m.normalisation == Normalisation::layer_norm);
    CHECK(m.positions == PositionEncoding::learned);
    CHECK(m.tied_embeddings);
}

TEST_CASE("OPT: relu, and the narrow embeddings of OPT-350M are refused", "[huggingface]") {
    const std::string text =
        R"({"model_type": "opt", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "ffn_dim": 4096, "max_position_embeddings": 2048, "vocab_size": 50272, "activation_function": "relu",
        "word_embed_proj_dim": WIDTH})";
    const auto with = [&](const std::string& width) { return std::string(text).replace(text.find("WIDTH"), 5, width); };
    const ModelShape m = import(with("1024"));
    CHECK(m.family == "opt");
    CHECK(m.activation == Activation::relu);
    CHECK(m.ffn_hidden == 4096);
    const std::string error = error_of(with("512"));
    CHECK(contains(error, "config.json: word_embed_proj_dim: value 512"));
    CHECK(contains(error, "1024"));
}

TEST_CASE("LLaMA: KV heads and head dimension default to the query heads'", "[huggingface]") {
    const ModelShape m = import(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
        "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008, "max_position_embeddings": 4096,
        "vocab_size": 32000, "hidden_act": "silu", "rms_norm_eps": 1e-05, "rope_scaling": null})");
    CHECK(m.family == "llama");
    CHECK(m.kv_heads == 32);
    CHECK(m.head_dim == 128);
    CHECK(m.activation == Activation::silu_gated);
    CHECK(m.normalisation == Normalisation::rms_norm);
    CHECK(m.positions == PositionEncoding::rope);
    CHECK_FALSE(m.tied_embeddings);
}

TEST_CASE("Mistral: grouped queries and a head dimension of its own", "[huggingface]") {
    const ModelShape m = import(R"({"model_type": "mistral", "hidden_size": 5120, "num_hidden_layers": 40,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 14336,
        "max_position_embeddings": 131072, "vocab_size": 131072, "hidden_act": "silu", "sliding_window": null})");
    CHECK(m.family == "mistral");
    CHECK(m.kv_heads == 8);
    CHECK(m.group() == 4);
    CHECK(m.head_dim == 128);
    CHECK(m.q_width() == 4096);
}

TEST_CASE("Qwen2: tied embeddings where the file says so", "[huggingface]") {
    const ModelShape m =
        import(R"({"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
        "num_key_value_heads": 2, "intermediate_size": 4864, "max_position_embeddings": 131072, "vocab_size": 151936,
        "hidden_act": "silu", "tie_word_embeddings": true})");
    CHECK(m.family == "qwen2");
    CHECK(m.group() == 7);
    CHECK(m.head_dim == 64);
    CHECK(m.tied_embeddings);
}

TEST_CASE("the architecture is used where the model type is missing", "[huggingface]") {
    const ModelShape m = import(R"({"architectures": ["GPT2LMHeadModel"], "n_embd": 768, "n_layer": 12, "n_head": 12,
        "n_ctx": 512, "vocab_size": 50257})");
    CHECK(m.family == "gpt2");
    CHECK(m.max_positions == 512);
}

TEST_CASE("a config that is no model shape is refused by its own keys", "[huggingface]") {
    const std::string unknown = error_of(R"({"model_type": "bert", "hidden_size": 768})");
    CHECK(contains(unknown, "config.json: model_type: value \"bert\""));
    for (const char* family : {"gpt2", "opt", "llama", "mistral", "qwen2"}) {
        CHECK(contains(unknown, family));
    }
    CHECK(contains(error_of(R"({"architectures": ["BertModel"]})"), "architectures: value [\"BertModel\"]"));
    CHECK(contains(error_of(R"({"model_type": "gpt2", "n_embd": 768, "n_head": 12, "vocab_size": 50257})"),
                   "n_layer: is missing from a gpt2 config.json"));
    CHECK(contains(
        error_of(R"({"model_type": "gpt2", "n_embd": "768", "n_head": 12, "n_layer": 2, "vocab_size": 50257})"),
        "n_embd: value \"768\""));
    CHECK(contains(
        error_of(R"({"model_type": "llama", "hidden_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8,
        "num_key_value_heads": 3, "intermediate_size": 1024, "vocab_size": 100})"),
        "config.json: num_key_value_heads: value 3"));
    CHECK(contains(
        error_of(R"({"model_type": "llama", "hidden_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8,
        "intermediate_size": 1024, "vocab_size": 100, "hidden_act": "gelu"})"),
        "hidden_act: value \"gelu\""));
}

TEST_CASE("a Hugging Face file, or its text in place, is a run's model", "[huggingface]") {
    const ConfigFiles files;
    const nlohmann::json config =
        nlohmann::json::parse(R"({"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 2,
        "n_positions": 64, "vocab_size": 100})");
    files.write("hub/tiny/config.json", config);
    nlohmann::json run = small_run();
    run["model"] = "hub/tiny/config.json";
    CHECK(load_run_config(files.write("run.json", run)).model.layers == 2);
    run["model"] = config;
    CHECK(load_run_config(files.write("inline.json", run)).model.hidden == 64);
    CHECK(load_run_config(files.path("inline.json"), {"model.layers=5"}).model.layers == 5);
}
