// --timeline with real simulations of a small machine: what the file says is what the report says.

#include <algorithm>
#include <numeric>

#include "support/catch.h"
#include "support/tool.h"
#include "support/trace_events.h"

using namespace palimpsest;
using Json = nlohmann::ordered_json;

namespace {

const std::string kExamples = PALIMPSEST_SOURCE_DIR "/configs/examples/";
const std::string kTiny = kExamples + "tiny.json";
const std::vector<std::string> kUnits{"dma_load", "pe_array", "vector_unit", "kv_mmu", "dma_store"};

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Json report_of(const ToolResult& result) {
    Json report = Json::parse(result.out);
    report.erase("simulation");
    return report;
}

std::int64_t total(const std::vector<TraceEvents::Slice>& slices) {
    return std::accumulate(slices.begin(), slices.end(), std::int64_t{0},
                           [](std::int64_t sum, const TraceEvents::Slice& slice) { return sum + slice.duration(); });
}

/// Cycles in which a unit holds a command: what it does then is its own; without one the sequencer says why.
std::int64_t cycles_with_work(const Json& unit) {
    std::int64_t cycles = unit["busy_cycles"].get<std::int64_t>();
    for (const char* own : {"dram", "port_conflict", "refresh"}) {
        cycles += unit["stall_cycles"].value(own, std::int64_t{0});
    }
    return cycles;
}

/// What a counter adds up to over the run.
double integral(const std::vector<TraceEvents::Value>& values) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        sum += values[i].value * static_cast<double>(values[i + 1].time - values[i].time);
    }
    return sum;
}

}  // namespace

TEST_CASE("a timeline says what the report says", "[cli][timeline]") {
    const ScratchDirectory scratch;
    // Both workloads; storage modes with a KV-MMU that waits and moves; a shallow pipeline; an issue latency.
    for (const std::string& run :
         {kTiny, kTiny + " --set cache.storage=compact --set hardware.sequencer.issue_latency_cycles=3",
          kTiny + " --set pipeline.weight_prefetch=false --set pipeline.attention_overlap=false",
          kExamples + "operators.json"}) {
        CAPTURE(run);
        const std::string file = scratch / "run.json.gz";
        const ToolResult result = run_tool("run --json " + run + " --timeline " + file);
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        const Json report = Json::parse(result.out);
        const TraceEvents events = read_trace_events(file);
        CHECK(events.other.at("config_hash") == report["config_hash"]);
        CHECK(events.track_order == std::vector<std::string>{"phases", "steps", "dma_load", "pe_array", "vector_unit",
                                                             "kv_mmu", "dma_store"});
        for (const std::string& unit : kUnits) {
            CAPTURE(unit);
            const std::int64_t expected = cycles_with_work(report["units"][unit]);
            CHECK((events.tracks.count(unit) != 0 ? total(events.tracks.at(unit)) : 0) == expected);
        }
        std::vector<std::int64_t> steps;
        for (const TraceEvents::Slice& step : events.tracks.at("steps")) {
            steps.push_back(step.duration());
        }
        CHECK(Json(steps) == report["latency"]["steps"]);
        CHECK(total(events.tracks.at("phases")) == report["latency"]["cycles"].get<std::int64_t>());
        // Rates are written with six digits.
        const Json& dram = report["dram"];
        CHECK(integral(events.counters.at("DRAM GB/s read")) == Approx(dram["bytes_read"].get<double>()).epsilon(1e-4));
        CHECK(integral(events.counters.at("DRAM GB/s write")) ==
              Approx(dram["bytes_written"].get<double>()).epsilon(1e-4).margin(1));
        for (const std::string& unit : kUnits) {
            CHECK(events.counters.at("queue " + unit + " commands").back().value == 0);
        }
        CHECK(events.arrows > 0);
    }
}

TEST_CASE("slices say which command, of whom, and what it waited for", "[cli][timeline]") {
    const ScratchDirectory scratch;
    const ToolResult result = run_tool("run --json " + kTiny + " --timeline " + (scratch / "run.json"));
    REQUIRE(result.exit_code == 0);
    const TraceEvents events = read_trace_events(scratch / "run.json");
    CHECK(events.tracks.at("steps").front().name == "prefill 1/" + [&] {
        const std::string& name = events.tracks.at("steps").front().name;
        return name.substr(name.find('/') + 1);
    }());
    CHECK(events.tracks.at("phases").at(0).name == "prefill");
    CHECK(events.tracks.at("phases").at(1).name == "generation");
    std::size_t waits = 0, loads_waited_for = 0;
    for (const char* unit : {"pe_array", "vector_unit"}) {
        const auto& slices = events.tracks.at(unit);
        for (std::size_t i = 0; i < slices.size(); ++i) {
            const nlohmann::json& arguments = slices[i].arguments;
            CHECK(arguments.at("command") == i + 1);
            CHECK(arguments.contains("head") == (arguments.at("operator") == "attention"));
            if (!arguments.contains("wait_cause")) {
                CHECK(slices[i].flow_in == 0);
                continue;
            }
            // The wait is the gap before the slice, or its end where the command was not there earlier.
            ++waits;
            const std::int64_t gap = slices[i].begin - (i == 0 ? 0 : slices[i - 1].end);
            CHECK(arguments.at("wait_cycles").get<std::int64_t>() <= gap);
            CHECK(arguments.at("wait_cycles").get<std::int64_t>() > 1);  // more than the issue latency
            const bool load = arguments.at("waited_for") == "dma_load";
            CHECK((slices[i].flow_in != 0) == load);
            loads_waited_for += load ? 1 : 0;
        }
    }
    CHECK(waits > loads_waited_for);
    CHECK(loads_waited_for == events.arrows);
    for (const TraceEvents::Slice& slice : events.tracks.at("dma_load")) {
        CHECK(slice.arguments.at("bytes").get<std::uint64_t>() > 0);
        CHECK(slice.category == slice.arguments.at("traffic"));
        CHECK((slice.category == "kv") == slice.arguments.contains("tokens"));
    }
    CHECK(events.tracks.at("kv_mmu").front().arguments.contains("head"));
    CHECK(events.tracks.at("pe_array").front().arguments.contains("reduction"));
    CHECK(events.counters.at("KV cache residents").back().value > 0);
}

TEST_CASE("a run is the same with a timeline and without", "[cli][timeline]") {
    const ScratchDirectory scratch;
    for (const std::string setting : {"dram.organisation.channels=1", "dram.organisation.channels=2",
                                      "dram.organisation.channels=4", "dram.organisation.ranks=2"}) {
        CAPTURE(setting);
        const std::string command = "run --json " + kTiny + " --set " + setting;
        const ToolResult with = run_tool(command + " --timeline " + (scratch / "run.json.zst"));
        CHECK(report_of(with) == report_of(run_tool(command)));
    }
}

TEST_CASE("a timeline's window", "[cli][timeline]") {
    const ScratchDirectory scratch;
    const std::string command = "run --quiet " + kTiny + " --timeline " + (scratch / "run.json");
    REQUIRE(run_tool(command).exit_code == 0);
    const TraceEvents whole = read_trace_events(scratch / "run.json");
    REQUIRE(run_tool(command + " --timeline-window 15us:1ms").exit_code == 0);
    const TraceEvents part = read_trace_events(scratch / "run.json");
    for (const std::string& unit : kUnits) {
        CAPTURE(unit);
        const auto& all = whole.tracks.at(unit);
        const auto expected = std::count_if(all.begin(), all.end(), [](const TraceEvents::Slice& slice) {
            return slice.begin < 1'000'000 && slice.end > 15'000;
        });
        CHECK(expected > 0);
        CHECK(part.tracks.at(unit).size() == static_cast<std::size_t>(expected));
        CHECK(part.counters.at("queue " + unit + " commands").front().time >= 15'000);
    }
    CHECK(part.arrows > 0);
    CHECK(part.arrows < whole.arrows);
    const ToolResult bad = run_tool(command + " --timeline-window 5us:1us");
    CHECK(bad.exit_code == 2);
    CHECK(says(bad.err, "--timeline-window"));
}

TEST_CASE("a timeline that cannot be written is said before the run, a full disk after it", "[cli][timeline]") {
    const ScratchDirectory scratch;
    const ToolResult nowhere = run_tool("run --json " + kTiny + " --timeline " + (scratch / "no/such/run.json"));
    CHECK(nowhere.exit_code == 1);
    CHECK(nowhere.out.empty());
    // The report, which is smaller than what may be written, must survive.
    const ToolResult full =
        run_tool("run --quiet " + kTiny + " --out " + (scratch / "out") + " --timeline " + (scratch / "run.json"),
                 "ulimit -f 300");
    INFO(full.err);
    CHECK(full.exit_code == 1);
    CHECK(says(full.err, "run.json: cannot write"));
    CHECK(std::filesystem::exists(scratch / "out/report.json"));
    CHECK(scratch.entries() == 1);
}

TEST_CASE("an interrupted run leaves no timeline", "[cli][timeline]") {
    const ScratchDirectory scratch;
    const ToolResult result = interrupt_tool(
        "run --quiet " + kTiny + " --set workload.generated_tokens=4000 --timeline " + (scratch / "run.json"),
        scratch.path().string(), "run.json");
    CHECK(result.exit_code == 1);
    CHECK(says(result.err, "interrupted"));
    CHECK(scratch.entries() == 0);
}

TEST_CASE("a waveform of some blocks, and of units only", "[cli][run][vcd]") {
    const ScratchDirectory scratch;
    const auto size_of = [&](const std::string& more) {
        const ToolResult result = run_tool("run --quiet " + kTiny + " --vcd " + (scratch / "run.vcd") + more);
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        return std::filesystem::file_size(scratch / "run.vcd");
    };
    const auto all = size_of("");
    const auto blocks = size_of(" --vcd-detail blocks");
    const auto units = size_of(" --vcd-detail units");
    CHECK(units < blocks);
    CHECK(blocks < all);
    size_of(" --vcd-blocks dram.channel0,kv_mmu");
    const std::string dump = content_of(scratch / "run.vcd");
    CHECK(says(dump, "$scope module kv_mmu"));
    CHECK(!says(dump, "$scope module pe_array"));
    const ToolResult bad = run_tool("run --quiet " + kTiny + " --vcd " + (scratch / "bad.vcd") + " --vcd-blocks gpu");
    CHECK(bad.exit_code == 2);
    CHECK(says(bad.err, "kv_mmu"));
    CHECK(!std::filesystem::exists(scratch / "bad.vcd"));
}
