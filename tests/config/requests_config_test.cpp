// workload.requests in run files: what is read, what the resolved document says, what cannot be meant.

#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

constexpr const char* kRequests = "arrival_seconds,prompt_tokens,output_tokens\n0,20,4\n0.5,60,8\n1,40,100\n";

/// A right run; `patch` changes it.
std::string write_run(const ConfigFiles& files, const std::string& patch = "{}") {
    files.write("requests.csv", kRequests);
    nlohmann::json run = nlohmann::json::parse(R"({
        "model": "stories15M",
        "workload": {"batch": 4, "requests": {"file": "requests.csv"}},
        "cache": {"budget": 16, "sinks": 2, "recent": 4}
    })");
    run.merge_patch(nlohmann::json::parse(patch));
    return files.write("run.json", run);
}

std::string refusal(const std::string& patch) {
    const ConfigFiles files;
    const std::string path = write_run(files, patch);
    return input_error_of([&] { load_run_config(path); });
}

void check_refused(const std::string& patch, const std::vector<std::string>& words) {
    const std::string message = refusal(patch);
    for (const std::string& word : words) {
        INFO(message);
        INFO(word);
        CHECK(message.find(word) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("the longest request says what the cache is laid out for", "[requests]") {
    const ConfigFiles files;
    const RunConfig run = load_run_config(write_run(files));
    REQUIRE(run.workload.requests);
    CHECK(run.workload.requests->list.requests.size() == 3);
    CHECK(run.workload.prompt_tokens == 60);
    CHECK(run.workload.prompt_tokens + run.workload.generated_tokens == 140);
    const auto& resolved = run.resolved["workload"];
    CHECK_FALSE(resolved.contains("prompt_tokens"));
    CHECK(resolved["requests"]["file"] == "requests.csv");
    CHECK(resolved["requests"]["checksum"].get<std::string>().size() == 32);
    CHECK(resolved["requests"]["too_long"] == "error");
    // The resolved document can be run again.
    const std::string again = files.write("again.json", nlohmann::json(run.resolved));
    CHECK(load_run_config(again).hash == run.hash);
    files.write("requests.csv", std::string(kRequests) + "2,9,9\n");
    CHECK(input_error_of([&] { load_run_config(again); }).find("workload.requests.checksum") != std::string::npos);
}

TEST_CASE("requests that cannot be served as configured are refused with their path", "[requests]") {
    check_refused(R"({"workload": {"generated_tokens": 8}})",
                  {"workload.generated_tokens: is given beside workload.requests", "one of the two"});
    check_refused(R"({"workload": {"prompt_tokens": 8}})", {"workload.prompt_tokens"});
    check_refused(R"({"workload": {"requests": {"file": "other.csv"}}})",
                  {"workload.requests.file", "other.csv", "is not a file"});
    check_refused(R"({"workload": {"requests": {"file": null}}})", {"workload.requests.file: is missing"});
    check_refused(R"({"workload": {"requests": {"fromat": "azure"}}})", {"did you mean \"format\"?"});
    check_refused(R"({"workload": {"requests": {"format": "azure"}}})",
                  {"requests.csv: line 1", "TIMESTAMP, ContextTokens, GeneratedTokens"});
    check_refused(R"({"workload": {"requests": {"time_scale": -1}}})", {"workload.requests.time_scale: value -1"});
    check_refused(R"({"workload": {"requests": {"step_tokens": 3}}})",
                  {"workload.requests.step_tokens: value 3", "4 or more"});
    check_refused(R"({"workload": {"requests": {"slo": {"time_to_first_token_ms": -5}}}})",
                  {"workload.requests.slo.time_to_first_token_ms: value -5"});
    check_refused(R"({"workload": {"requests": {"max_prompt_tokens": 50}}})",
                  {"requests.csv: line 3, column prompt_tokens", "\"60\"", "at most 50"});
    check_refused(R"({"model": {"base": "stories15M", "max_positions": 130}})",
                  {"requests.csv: line 4, column output_tokens", "\"100\"", "at most 90"});
    check_refused(R"({"workload": {"requests": {"max_prompt_tokens": 1, "too_long": "reject"}}})",
                  {"holds no request that is short enough", "clamp"});
    check_refused(R"({"cache": {"prefill": "one_shot"}})", {"cache.prefill: value \"one_shot\"", "chunked"});
    check_refused(R"({"cache": {"policy": "full", "placement": "bank_interleaved"}})",
                  {"cache.placement: value \"bank_interleaved\"", "packed"});
}
