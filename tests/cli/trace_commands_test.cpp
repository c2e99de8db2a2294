// `palimpsest record` and `inspect` as a user runs them: what they print, and how they end.

#include <array>
#include <cstdio>
#include <string>

#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "golden/llama_reference.h"
#include "support/catch.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

struct Outcome {
    int exit_code = -1;
    std::string output;  ///< standard output and error
};

Outcome tool(const std::string& arguments) {
    const std::string command = std::string("'") + PALIMPSEST_TOOL + "' " + arguments + " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Outcome outcome;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        outcome.output.append(buffer.data(), n);
    }
    const int status = ::pclose(pipe);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

const std::string kShipped = std::string("'") + PALIMPSEST_SOURCE_DIR + "/configs/traces/stories15M.ptrace'";

bool holds(const Outcome& outcome, const std::string& text) {
    return outcome.output.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("inspect says what is in the shipped trace", "[inspect]") {
    const Outcome all = tool("inspect " + kShipped);
    INFO(all.output);
    CHECK(all.exit_code == 0);
    CHECK(holds(all, "stories15M: 6 layers, 6 query heads"));
    CHECK(holds(all, "4 sequences of 320 positions"));
    CHECK(holds(all, "top 12.5 %"));

    const Outcome head = tool("inspect " + kShipped + " --layer 2 --head 3");
    CHECK(head.exit_code == 0);
    CHECK(holds(head, "queries downwards"));
    CHECK(holds(head, "█"));
    const Outcome row = tool("inspect " + kShipped + " --layer 2 --head 3 --position 200");
    CHECK(row.exit_code == 0);
    CHECK(holds(row, "over keys 0 to 200"));
}

TEST_CASE("inspect gives the same as JSON", "[inspect]") {
    const Outcome all = tool("inspect " + kShipped + " --json");
    CHECK(all.exit_code == 0);
    const auto json = nlohmann::json::parse(all.output);
    CHECK(json.at("length") == 320);
    CHECK(json.at("by_layer").size() == 6);
    CHECK(json.at("mean").at("mass_top_eighth") > 0.8);
    const auto row = nlohmann::json::parse(tool("inspect " + kShipped + " --position 7 --json").output).at("row");
    CHECK(row.at("probabilities").size() == 8);
}

TEST_CASE("inspect refuses what is not there with exit code 2", "[inspect]") {
    const Outcome layer = tool("inspect " + kShipped + " --layer 6");
    CHECK(layer.exit_code == 2);
    CHECK(holds(layer, "--layer: 6"));
    CHECK(holds(layer, "0 to 5"));
    CHECK(tool("inspect /nonexistent.ptrace").exit_code == 2);
    CHECK(tool(std::string("inspect '") + PALIMPSEST_TOOL + "'").exit_code == 2);
}

TEST_CASE("record refuses bad input with exit code 2, and leaves nothing", "[record]") {
    const ScratchDirectory scratch;
    LlamaReference({}, 1).write(scratch / "model.bin");
    std::filesystem::copy(scratch / "model.bin", scratch / "tokenizer.bin");  // not what its name says
    const auto record = [&](const std::string& model) {
        return tool("record --model '" + model + "' --text '" + scratch / "model.bin" + "' --out '" +
                    scratch / "t.ptrace" + "'");
    };
    CHECK(record("/nonexistent").exit_code == 2);
    const Outcome tokenizer = record(scratch.path().string());
    CHECK(tokenizer.exit_code == 2);
    CHECK(holds(tokenizer, "tokenizer"));
    CHECK(tool("record --out x").exit_code == 2);
    CHECK(scratch.entries() == 2);
}

}  // namespace palimpsest
