// `validate` and `presets` as a user calls them: what they print, and what they refuse.
#include <algorithm>
#include <cstdio>
#include <functional>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

using namespace palimpsest;

namespace {

/// What `action` prints to standard output.
std::string output_of(const ScratchDirectory& scratch, const std::function<void()>& action) {
    const std::string path = scratch / "stdout";
    std::fflush(stdout);
    const int saved = ::dup(STDOUT_FILENO);
    FILE* file = std::fopen(path.c_str(), "w");
    ::dup2(::fileno(file), STDOUT_FILENO);
    const auto restore = [&] {
        std::fflush(stdout);
        ::dup2(saved, STDOUT_FILENO);
        ::close(saved);
        std::fclose(file);
    };
    try {
        action();
    } catch (...) {
        restore();
        throw;
    }
    restore();
    return content_of(path);
}

/// Runs the tool's command line in this process.
std::string run_tool(std::vector<std::string> arguments) {
    const ScratchDirectory scratch;
    return output_of(scratch, [&] {
        CLI::App app;
        add_validate_command(app);
        add_presets_command(app);
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        app.parse(arguments);
    });
}

std::string shipped(const std::string& name) {
    return std::string(PALIMPSEST_SOURCE_DIR) + "/configs/" + name;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("validate says what a good file describes, file by file", "[validate]") {
    const std::string text = run_tool({"validate", shipped("quickstart.json"), shipped("dram/hbm2.json")});
    CHECK(contains(text, "OK: " + shipped("quickstart.json") + ": quickstart: "));
    CHECK(contains(text, "batch 4, 256 prompt + 64 generated tokens, rce with budget 64"));
    CHECK(contains(text, "256.0 GB/s"));
    CHECK(contains(run_tool({"validate", "--set", "cache.budget=128", shipped("quickstart.json")}), "budget 128"));
}

TEST_CASE("validate names every error of every file", "[validate]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "a.json") << R"({"model": "gpt2", "cache": {"bugdet": 1, "recent": -1}})";
    std::ofstream(scratch / "b.json") << "{";
    std::string message;
    try {
        run_tool({"validate", scratch / "a.json", shipped("quickstart.json"), scratch / "b.json"});
    } catch (const InputError& error) {
        message = error.what();
    }
    CHECK(contains(message, "a.json: cache.bugdet: unknown key, did you mean \"budget\"?"));
    CHECK(contains(message, "a.json: cache.recent: value -1"));
    CHECK(contains(message, "b.json: line 1, column 2"));
    CHECK_THROWS_AS(run_tool({"validate", "--set", "x=1", shipped("dram/hbm2.json")}), InputError);
}

TEST_CASE("validate refuses a run that does not fit its DRAM and says what takes how much", "[validate]") {
    const std::string file = shipped("examples/llama-2-7b.json");
    CHECK(contains(run_tool({"validate", file}), "OK: " + file));
    try {
        run_tool({"validate", file, "--set", "workload.batch=64", "--set", "workload.prompt_tokens=1008", "--set",
                  "cache.budget=1024"});
        FAIL("accepted");
    } catch (const InputError& error) {
        const std::string text = error.what();
        CAPTURE(text);
        // 16 GiB. 64 requests of 1024 slots, 32 layers, K and V of 4096 bytes take all of it.
        CHECK(contains(text, file + ": dram.organisation: "));
        CHECK(contains(text, "has 17179869184 bytes, and the run needs "));
        CHECK(contains(text, " are missing. Weights "));
        CHECK(contains(text, "KV cache 17179869184, "));
    }
    // Single operators have no model to fit.
    CHECK_NOTHROW(run_tool({"validate", shipped("examples/operators.json")}));
}

TEST_CASE("presets lists all that ships, as a table and as JSON", "[presets]") {
    const std::string table = run_tool({"presets"});
    for (const char* name : {"gpt2-xl", "llama-3-8b", "default", "hbm2", "65nm", "streaming_llm"}) {
        INFO(name);
        CHECK(contains(table, name));
    }
    const auto all = nlohmann::json::parse(run_tool({"presets", "--json"}));
    CHECK(all["models"].size() >= 9);
    CHECK(all["dram"].size() >= 6);
    CHECK(all["policies"].size() >= 5);
    CHECK(all["hardware"][0]["rows"] == 32);
}

TEST_CASE("presets show prints one file as it is", "[presets]") {
    CHECK(run_tool({"presets", "show", "models/gpt2"}) == content_of(shipped("models/gpt2.json")));
    CHECK(run_tool({"presets", "show", "hbm2"}) == content_of(shipped("dram/hbm2.json")));
    CHECK_THROWS_AS(run_tool({"presets", "show", "gpt9"}), InputError);
}

TEST_CASE("the schema knows the policies that there are", "[presets]") {
    const auto all = nlohmann::json::parse(run_tool({"presets", "--json"}));
    const auto schema = nlohmann::json::parse(content_of(shipped("schema/run.schema.json")));
    std::vector<std::string> names;
    for (const auto& policy : all["policies"]) {
        names.push_back(policy["name"]);
    }
    CHECK(schema["properties"]["cache"]["properties"]["policy"]["enum"] == nlohmann::json(names));
}
