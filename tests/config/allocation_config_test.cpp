// cache.allocation in run files: what is read, and where budgets by attention cannot be meant.

#include <fmt/format.h>

#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

/// A right run with budgets by attention; `patch` changes it.
std::string write_run(const ConfigFiles& files, const std::string& patch) {
    nlohmann::json run = small_run();
    run["cache"]["allocation"] = "by_attention";
    run["cache"]["storage"] = "append_gather";
    run.merge_patch(nlohmann::json::parse(patch));
    return files.write("run.json", run);
}

void check_refused(const std::string& patch, const std::vector<std::string>& words) {
    const ConfigFiles files;
    files.write("requests.csv", "arrival_seconds,prompt_tokens,output_tokens\n0,20,4\n");
    files.write("text.txt", "words");
    const std::string path = write_run(files, patch);
    const std::string message = input_error_of([&] { load_run_config(path); });
    for (const std::string& word : words) {
        INFO(message);
        INFO(word);
        CHECK(message.find(word) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("budgets are equal unless asked for by attention", "[allocation]") {
    const ConfigFiles files;
    const RunConfig equal = load_run_config(files.write("run.json", small_run()));
    CHECK(equal.cache.allocation == BudgetAllocation::equal);
    CHECK(equal.resolved["cache"]["allocation"] == "equal");
    const RunConfig uneven = load_run_config(write_run(files, "{}"));
    CHECK(uneven.cache.allocation == BudgetAllocation::by_attention);
    CHECK(uneven.cache.allocation_scope == AllocationScope::layer);
    CHECK(uneven.cache.allocation_floor == 0.2);
    CHECK(uneven.hash != equal.hash);
    for (const char* patch :
         {R"({"cache": {"allocation_scope": "model", "allocation_floor": 0}})", R"({"cache": {"policy": "window"}})",
          R"({"cache": {"prefill": "preset"}})", R"({"attention": {"source": "synthetic"}})"}) {
        CHECK_NOTHROW(load_run_config(write_run(files, patch)));
    }
}

TEST_CASE("budgets by attention are refused where they cannot be meant, with what would do", "[allocation]") {
    const std::string there = "run.json: cache.allocation: value \"by_attention\"";
    for (const char* storage : {"in_place", "compact"}) {
        check_refused(fmt::format(R"({{"cache": {{"storage": "{}"}}}})", storage),
                      {there, "\"equal\" with cache.storage", storage, "by design", "append_gather"});
    }
    check_refused(R"({"cache": {"policy": "full"}})", {there, "\"equal\" with cache.policy \"full\"", "evicts"});
    for (const char* scope : {"layer", "model"}) {
        check_refused(fmt::format(R"({{"cache": {{"scope": "{}"}}}})", scope), {there, "cache.scope \"head\"", scope});
    }
    check_refused(R"({"cache": {"policy": "tova"}})", {there, "cache.scope \"layer\""});  // its own scope
    check_refused(R"({"attention": {"source": "engine", "model": "stories15M", "text": "text.txt"}})",
                  {there, "attention.source \"engine\"", "\"trace\"", "\"synthetic\""});
    check_refused(R"({"workload": {"prompt_tokens": null, "generated_tokens": null,
                                   "requests": {"file": "requests.csv"}}})",
                  {there, "workload.requests"});
    check_refused(R"({"model": null, "workload": {"batch": null, "prompt_tokens": null, "generated_tokens": null,
                      "operators": [{"name": "a", "gemm": {"m": 8, "k": 8, "n": 8}}]}})",
                  {there, "workload.operators"});
    check_refused(R"({"cache": {"allocation": "by_entropy"}})", {"cache.allocation", "by_entropy", "by_attention"});
    check_refused(R"({"cache": {"allocation_scope": "head"}})", {"cache.allocation_scope", "layer"});
    check_refused(R"({"cache": {"allocation_floor": 1.5}})", {"cache.allocation_floor: value 1.5"});
    check_refused(R"({"cache": {"allocation_floor": -0.1}})", {"cache.allocation_floor: value -0.1"});
    check_refused(R"({"cache": {"budget": 6}})", {"cache.budget: value 6", "7 or more"});
}
