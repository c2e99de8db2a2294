// `palimpsest evaluate` as a user runs it: what it prints and writes, and how it ends.

#include <set>

#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/letter_model.h"
#include "support/tool.h"

namespace palimpsest {
namespace {

struct Letters {
    Letters() {
        write_letter_model(scratch / "tiny", LlamaReference({}, 4));
        std::ofstream(scratch / "text.txt") << "a cat sat on a mat and ran\n<|endoftext|>\n"
                                            << "the dog sat on the log and the log sank in the lake\n";
    }
    ToolResult evaluate(const std::string& arguments) const {
        return run_tool("evaluate --model '" + scratch / "tiny" + "' --text '" + scratch / "text.txt" + "' " +
                        arguments);
    }
    ScratchDirectory scratch;
};

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("evaluate prints a table and writes the same as JSON", "[evaluate]") {
    const Letters letters;
    const std::string report = letters.scratch / "report.json";
    const ToolResult run = letters.evaluate(
        "--length 24 --texts 2 --policy window,streaming_llm --budget 1/2,8 --set cache.sinks=1 "
        "--report '" +
        report + "'");
    INFO(run.out << run.err);
    REQUIRE(run.exit_code == 0);
    CHECK(holds(run.out, "tiny (llama2.c)"));
    CHECK(holds(run.out, "streaming_llm"));
    CHECK(run.err.empty());  // no progress line in a pipe
    const auto json = nlohmann::json::parse(content_of(report));
    CHECK(json.at("text").at("scored_from_position") == 12);
    REQUIRE(json.at("policies").size() == 4);
    const auto& last = json.at("policies")[3];
    CHECK(last.at("policy") == "streaming_llm");
    CHECK(last.at("slots") == 8);
    CHECK(last.at("cache").at("sinks") == 1);
    CHECK(last.at("by_text").size() == 2);
    CHECK(last.at("relative_perplexity").get<double>() > 0);
    CHECK(json.at("full").at("scored_tokens") == json.at("policies")[0].at("scored_tokens"));

    // The same but for the times.
    const ToolResult again = letters.evaluate(
        "--length 24 --texts 2 --policy window,streaming_llm --budget 1/2,8 --set cache.sinks=1 "
        "--quiet --report '" +
        report + "2'");
    CHECK(again.out.empty());
    auto first = json, second = nlohmann::json::parse(content_of(report + "2"));
    first.erase("simulation");
    second.erase("simulation");
    CHECK(first == second);
}

TEST_CASE("evaluate runs every policy that evicts", "[evaluate]") {
    const Letters letters;
    const std::string report = letters.scratch / "report.json";
    const ToolResult run =
        letters.evaluate("--length 24 --texts 1 --all-policies --budget 12 --quiet --report '" + report + "'");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    std::set<std::string> names;
    const auto json = nlohmann::json::parse(content_of(report));
    for (const auto& policy : json.at("policies")) {
        names.insert(policy.at("policy"));
        CHECK(policy.at("slots") == 12);
    }
    CHECK(names == std::set<std::string>{"rce", "accumulated", "window", "streaming_llm", "h2o", "tova", "voting",
                                         "kelle", "snapkv", "keyformer", "observed", "roco", "random", "oracle"});
}

TEST_CASE("evaluate refuses bad input with exit code 2 and says what would do", "[evaluate]") {
    const Letters letters;
    const auto refused = [&](const std::string& arguments, const std::string& part) {
        const ToolResult run = letters.evaluate(arguments);
        INFO(arguments << ": " << run.err);
        CHECK(run.exit_code == 2);
        CHECK(holds(run.err, part));
    };
    refused("--length 40", "the context");
    refused("--length 24 --texts 9", "the text ends after");
    refused("--length 24 --texts 1 --budget 0/4", "--budget");
    refused("--length 24 --texts 1 --budget 3/2", "--budget");
    refused("--length 24 --texts 1 --budget many", "a share of the text");
    refused("--length 24 --texts 1 --budget 3 --set cache.sinks=2 --set cache.recent=1", "protects");
    refused("--length 24 --texts 1 --policy lru", "cache.policy");
    refused("--length 24 --texts 1 --set cache.sink=2", "cache.sink");
    refused("--length 24 --texts 1 --set dram.channels=2", "a path below cache");
    refused("--length 24 --texts 1 --set cache.policy=h2o", "the option --policy");
    refused("--length 24 --texts 1 --set cache.budget=9", "the option --budget");
    CHECK(letters.evaluate("--length 24 --texts 1 --report /nonexistent/report.json").exit_code == 1);
    CHECK(run_tool("evaluate --model /nonexistent --text x").exit_code == 2);
    CHECK(run_tool("evaluate --model '" + letters.scratch / "tiny" + "' --text /nonexistent").exit_code == 2);
}

}  // namespace palimpsest
