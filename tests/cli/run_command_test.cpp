// run and compare with a real simulation of a small machine: files, tables, and what is left when writing fails.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "palimpsest/error.h"
#include "palimpsest/run.h"
#include "support/catch.h"
#include "support/tool.h"

using namespace palimpsest;
using Json = nlohmann::ordered_json;

namespace {

const std::string kTiny = PALIMPSEST_SOURCE_DIR "/configs/examples/tiny.json";

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Json json_file(const std::string& path) {
    std::ifstream file(path);
    return Json::parse(file);
}

}  // namespace

TEST_CASE("run prints a table and writes the same report that the library gives", "[cli][run]") {
    const ScratchDirectory scratch;
    const ToolResult result = run_tool("run " + kTiny + " --out " + (scratch / "out"));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(says(result.out, "Latency"));
    CHECK(says(result.out, "Where the cycles went"));
    CHECK(result.err.empty());
    Json written = json_file(scratch / "out/report.json");
    Json library = Json::parse(run_file(kTiny).report_json);
    written.erase("simulation");
    library.erase("simulation");
    written.erase("tool");
    library.erase("tool");
    CHECK(written == library);
}

TEST_CASE("run prints json or nothing where it is asked to", "[cli][run]") {
    const ToolResult json = run_tool("run --json " + kTiny);
    REQUIRE(json.exit_code == 0);
    CHECK(Json::parse(json.out)["schema_version"] == 1);
    const ToolResult quiet = run_tool("run --quiet " + kTiny);
    CHECK(quiet.exit_code == 0);
    CHECK(quiet.out.empty());
}

TEST_CASE("a waveform and its save file come with a run", "[cli][run][vcd]") {
    const ScratchDirectory scratch;
    const std::string vcd = scratch / "run.vcd";
    const ToolResult traced = run_tool("run --json " + kTiny + " --vcd " + vcd + " --vcd-window 1us:3us");
    INFO(traced.err);
    REQUIRE(traced.exit_code == 0);
    CHECK(says(content_of(vcd), "$enddefinitions"));
    CHECK(says(content_of(scratch / "run.gtkw"), "[dumpfile]"));
    CHECK(scratch.entries() == 2);
    // It may go into a directory that --out is yet to make.
    CHECK(run_tool("run --quiet " + kTiny + " --out " + (scratch / "out") + " --vcd " + (scratch / "out/run.vcd"))
              .exit_code == 0);
}

TEST_CASE("a run is the same with a waveform and without", "[cli][run][vcd]") {
    const ScratchDirectory scratch;
    // With several channels, masters meet at one edge: nothing that only a waveform needs may change their order.
    for (const std::string setting : {"dram.organisation.channels=1", "dram.organisation.channels=2",
                                      "dram.organisation.channels=4", "dram.organisation.ranks=2"}) {
        CAPTURE(setting);
        const std::string command = "run --json " + kTiny + " --set " + setting;
        Json with = Json::parse(run_tool(command + " --vcd " + (scratch / "run.vcd")).out);
        Json without = Json::parse(run_tool(command).out);
        with.erase("simulation");
        without.erase("simulation");
        CHECK(with == without);
    }
}

TEST_CASE("requests that come one by one are served, reported and shown in waveforms", "[cli][run][serving]") {
    const ScratchDirectory scratch;
    const std::string serving = PALIMPSEST_SOURCE_DIR "/configs/examples/serving.json";
    const std::string vcd = scratch / "run.vcd";
    const ToolResult result =
        run_tool("run " + serving + " --set workload.requests.limit=6 --out " + (scratch / "out") + " --vcd " + vcd +
                 " --vcd-window 0us:5000us --vcd-blocks host");
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(says(result.out, "time to first token"));
    const Json report = json_file(scratch / "out/report.json");
    const Json& requests = report["serving"]["requests"];
    REQUIRE(requests.size() == 6);
    std::uint64_t tokens = 0;
    for (const Json& request : requests) {
        CHECK(request["arrival_seconds"] <= request["admitted_seconds"]);
        CHECK(request["admitted_seconds"] < request["first_token_seconds"]);
        CHECK(request["first_token_seconds"] <= request["finished_seconds"]);
        CHECK(request["finished_seconds"] <= report["latency"]["seconds"]);
        tokens += request["prompt_tokens"].get<std::uint64_t>() + request["output_tokens"].get<std::uint64_t>();
    }
    std::uint64_t cycles = 0, counted = 0;
    for (const char* phase : {"prefill", "generation", "mixed", "idle"}) {
        cycles += report["latency"][phase]["cycles"].get<std::uint64_t>();
        counted += report["latency"][phase].value("tokens", std::uint64_t{0});
    }
    CHECK(cycles == report["latency"]["cycles"]);
    CHECK(counted == tokens);
    std::ifstream file(vcd);
    const std::string waveform{std::istreambuf_iterator<char>(file), {}};
    CHECK(says(waveform, "requests_waiting"));
    CHECK(says(waveform, "requests_running"));
}

TEST_CASE("a comparison of served runs says what requests see", "[cli][run][comparison][serving]") {
    const std::string serving = PALIMPSEST_SOURCE_DIR "/configs/examples/serving.json";
    const ToolResult result = run_tool("compare " + serving + " " + serving +
                                       " --set workload.requests.limit=4 --set-base cache.policy=full");
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    for (const char* row :
         {"mixed steps", "waits for arrivals", "time to first token, p99", "latency, p50", "goodput"}) {
        CHECK(says(result.out, row));
    }
}

TEST_CASE("a run never writes over the configuration it was given", "[cli][run]") {
    const ScratchDirectory scratch;
    std::filesystem::copy_file(kTiny, scratch / "tiny.json");
    const std::string before = content_of(scratch / "tiny.json");
    const ToolResult result = run_tool("run " + (scratch / "tiny.json") + " --report " + (scratch / "tiny.html"));
    CHECK(result.exit_code == 2);
    CHECK(says(result.err, "tiny.json"));
    CHECK(content_of(scratch / "tiny.json") == before);
    CHECK(scratch.entries() == 1);
}

TEST_CASE("compare writes both reports and their ratios", "[cli][run][comparison]") {
    const ScratchDirectory scratch;
    const ToolResult result =
        run_tool("compare " + kTiny + " " + kTiny + " --set-base cache.policy=full --out " + (scratch / "out"));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(says(result.out, "delay reduction"));
    const Json base = json_file(scratch / "out/base/report.json");
    const Json other = json_file(scratch / "out/other/report.json");
    const Json compared = json_file(scratch / "out/compare.json");
    CHECK(compared["delay_reduction"].get<double>() ==
          Approx(base["latency"]["seconds"].get<double>() / other["latency"]["seconds"].get<double>()));
    CHECK(compared["energy_saving"].get<double>() ==
          Approx(base["energy"]["joules"].get<double>() / other["energy"]["joules"].get<double>()));
    CHECK(compared["kv_reduction"].get<double>() ==
          Approx(base["kv_cache"]["peak_bytes"].get<double>() / other["kv_cache"]["peak_bytes"].get<double>()));
    CHECK(base["kv_cache"]["policy"] == "full");
}

TEST_CASE("a full disk ends a run with exit 1 and no half file", "[cli][run]") {
    const ScratchDirectory scratch;
    const ToolResult result = run_tool("run --quiet " + kTiny + " --out " + (scratch / "out"), "ulimit -f 4");
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK(says(result.err, "report.json: cannot write"));
    CHECK(std::filesystem::is_empty(scratch / "out"));
}

TEST_CASE("a standard output that takes nothing is not a success", "[cli][run]") {
    if (std::filesystem::is_character_file("/dev/full")) {
        const int status =
            std::system((std::string(PALIMPSEST_TOOL) + " run " + kTiny + " >/dev/full 2>/dev/null").c_str());
        CHECK(WEXITSTATUS(status) == 1);
    }
}

TEST_CASE("the library throws what the program exits with", "[cli][run]") {
    CHECK_THROWS_AS(run_file("no/such/file.json"), InputError);
    CHECK_THROWS_AS(run_file(kTiny, {"cache.budget=many"}), InputError);
}
