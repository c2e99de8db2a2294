// Everything that ships loads, and is what it says it is.
#include "config/references.h"
#include "config/validate.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("every shipped preset and example is valid", "[presets]") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shipped(""))) {
        const std::filesystem::path& path = entry.path();
        const std::string folder = path.parent_path().filename().string();
        const bool config = path.extension() == ".json" || path.extension() == ".csv";
        if (config && (folder == "configs" || folder == "models" || folder == "hardware" || folder == "dram" ||
                       folder == "cost" || folder == "examples" || folder == "paper")) {
            INFO(path);
            CHECK(input_error_of([&] { validate_file(path.string()); }) == "");
            ++files;
        }
    }
    CHECK(files >= 20);
}

TEST_CASE("the model presets have the shapes that their papers give", "[presets]") {
    struct Expected {
        const char* name;
        std::uint32_t layers, hidden, heads, kv_heads, head_dim;
        double million_parameters;
    };
    for (const Expected& e : {Expected{"gpt2", 12, 768, 12, 12, 64, 124},
                              {"gpt2-small", 12, 768, 12, 12, 64, 124},
                              {"gpt2-medium", 24, 1024, 16, 16, 64, 355},
                              {"gpt2-xl", 48, 1600, 25, 25, 64, 1557},
                              {"opt-125m", 12, 768, 12, 12, 64, 125},
                              {"opt-1.3b", 24, 2048, 32, 32, 64, 1316},
                              {"llama-2-7b", 32, 4096, 32, 32, 128, 6738},
                              {"llama-3-8b", 32, 4096, 32, 8, 128, 8030},
                              {"tinyllama-1.1b", 22, 2048, 32, 4, 64, 1100},
                              {"stories15M", 6, 288, 6, 6, 48, 15.2}}) {
        INFO(e.name);
        const ModelShape model = load_model(e.name);
        CHECK(model.layers == e.layers);
        CHECK(model.hidden == e.hidden);
        CHECK(model.heads == e.heads);
        CHECK(model.kv_heads == e.kv_heads);
        CHECK(model.head_dim == e.head_dim);
        CHECK(static_cast<double>(model.parameters()) / 1e6 == Approx(e.million_parameters).epsilon(0.005));
    }
}

TEST_CASE("the quickstart is what the README promises", "[presets]") {
    const RunConfig run = load_run_config(shipped("quickstart.json"));
    CHECK(run.name == "quickstart");
    CHECK(run.model.vocabulary == 50257);
    CHECK(run.model.layers == 12);
    CHECK(run.workload.batch == 4);
    CHECK(run.workload.prompt_tokens == 256);
    CHECK(run.workload.generated_tokens == 64);
    CHECK(run.cache.policy == "rce");
    CHECK(run.cache.budget == 64);
    CHECK(std::holds_alternative<AttentionTraceSource>(run.attention));
    CHECK(run.dram.name == "LPDDR4-3200");
    CHECK(run.cost.node == "65 nm");

    const RunConfig full = load_run_config(shipped("quickstart-full.json"));
    nlohmann::json a = run.resolved;
    nlohmann::json b = full.resolved;
    for (nlohmann::json* document : {&a, &b}) {
        document->erase("name");
        for (const char* of_the_policy : {"policy", "sinks", "recent"}) {
            (*document)["cache"].erase(of_the_policy);
        }
    }
    CHECK(a == b);
}

TEST_CASE("a document's kind is told by its schema or its keys", "[presets]") {
    CHECK(document_kind(small_run()) == "run");
    CHECK(document_kind({{"$schema", "../schema/dram.schema.json"}}) == "dram");
    CHECK(document_kind({{"model_type", "gpt2"}}) == "model");
    CHECK(document_kind(read_json_file(shipped("cost/65nm.json"))) == "cost");
    CHECK(input_error_of([] { validate_file(shipped("schema/run.schema.json")); }).find("is a JSON Schema") !=
          std::string::npos);
}
