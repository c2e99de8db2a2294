// palimpsest dram as a user runs it: real trace files, the report, what is refused and what is left on the disk.

#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/compressed_output.h"
#include "support/catch.h"
#include "support/tool.h"

using namespace palimpsest;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

/// DDR4-2400 as published comparisons of simulators set it up.
const std::string kComparison =
    "--config ddr4-2400 --set timing.nCL=16 --set timing.nRCD=16 --set timing.nRP=16 --set timing.nRC=55 "
    "--set timing.nRFC=312 --set organisation.rows=32768 --set refresh.mode=none "
    "--set 'mapping=row|bank|bankgroup|column'";

void write_trace(const std::string& path, const std::string& text) {
    CompressedOutput output(path);
    output.write(text);
    output.commit();
}

std::string mixed_trace(std::uint32_t requests) {
    std::string text;
    std::uint64_t x = 1;
    for (std::uint32_t i = 0; i < requests; ++i) {
        x = x * 6364136223846793005 + 1442695040888963407;
        text += fmt::format("{} 0x{:x}\n", i % 3 == 2 ? 'W' : 'R', (x >> 33) % (1 << 26) * 64);
    }
    return text;
}

Json play(const ScratchDirectory& scratch, const std::string& arguments) {
    const std::string report = scratch / "report.json";
    const ToolResult result = run_tool("dram " + arguments + " --quiet --report " + report);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(result.out.empty());
    CHECK(result.err.empty());
    return Json::parse(content_of(report));
}

Json without_host(Json report) {
    report.erase("simulation");
    report["trace"].erase("file");
    return report;
}

}  // namespace

TEST_CASE("the program takes the cycles that independent simulators agree on", "[cli][dram][conformance]") {
    const ScratchDirectory scratch;
    constexpr std::uint64_t n = 4000, column = 64, group = 8192, bank = 4 * group, row = 4 * bank;
    const auto cycles = [&](const std::function<std::uint64_t(std::uint64_t)>& address) {
        std::string text;
        for (std::uint64_t i = 0; i < n; ++i) {
            text += fmt::format("R {:x}\n", address(i));
        }
        write_trace(scratch / "trace", text);
        return play(scratch, scratch / "trace " + kComparison + " --check")["cycles"].get<std::uint64_t>();
    };
    CHECK(cycles([](std::uint64_t i) { return i % 128 * column; }) == (n - 1) * 6 + 37);
    CHECK(cycles([](std::uint64_t i) { return i % 4 * group + i / 4 % 128 * column; }) == (n - 1) * 4 + 37);
    CHECK(cycles([](std::uint64_t i) { return i * row; }) == (n - 1) * 55 + 37);
    CHECK(cycles([](std::uint64_t i) { return i % 4 * bank + i / 4 * row; }) == (n / 4 - 1) * 55 + 3 * 6 + 37);
    CHECK(cycles([](std::uint64_t i) { return i % 16 * group + i / 16 * row; }) == (n / 4 - 1) * 26 + 3 * 4 + 37);
}

TEST_CASE("the report adds up", "[cli][dram]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "trace", mixed_trace(6000));
    const Json report = play(scratch, scratch / "trace --config ddr4-2400");
    CHECK(report["schema_version"] == 1);
    CHECK(report["tool"]["name"] == "palimpsest");
    CHECK(report["config"]["timing"]["nCL"] == 17);
    CHECK(report["trace"]["file"] == scratch / "trace");
    CHECK(report["requests"] == 6000);
    CHECK(report["reads"] == 4000);
    CHECK(report["writes"] == 2000);
    CHECK(report["bytes"] == 6000 * 64);
    const auto count = [&](const char* section, const char* name) {
        return report[section][name].get<std::uint64_t>();
    };
    const std::uint64_t bursts = count("commands", "RD") + count("commands", "WR");
    CHECK(report["bytes_on_bus"] == bursts * 64);
    CHECK(bursts + report["forwarded_reads"].get<std::uint64_t>() + report["merged_writes"].get<std::uint64_t>() ==
          6000);
    CHECK(report["row_hits"].get<std::uint64_t>() + report["row_misses"].get<std::uint64_t>() +
              report["row_conflicts"].get<std::uint64_t>() ==
          bursts);
    const auto cycles = report["cycles"].get<std::uint64_t>();
    const auto sum = [&](const char* section) {
        std::uint64_t total = 0;
        for (const auto& [name, clocks] : report[section].items()) {
            total += clocks.get<std::uint64_t>();
        }
        return total;
    };
    CHECK(sum("clocks") == cycles);
    CHECK(sum("rank_clocks") == cycles);
    CHECK(report["seconds"].get<double>() == Approx(static_cast<double>(cycles) * 833e-12));
    CHECK(report["bandwidth"]["bytes_per_second"].get<double>() ==
          Approx(static_cast<double>(bursts * 64) / report["seconds"].get<double>()));
    CHECK(report["bandwidth"]["utilisation"].get<double>() ==
          Approx(static_cast<double>(count("clocks", "data")) / static_cast<double>(cycles)));
    for (const char* kind : {"reads", "writes"}) {
        const Json& latency = report["latency"][kind];
        CHECK(latency["count"] == report[kind]);
        CHECK(latency["min"] <= latency["p50"]);
        CHECK(latency["p50"] <= latency["p90"]);
        CHECK(latency["p90"] <= latency["p99"]);
        CHECK(latency["p99"] <= latency["max"]);
        std::uint64_t total = 0;
        for (const Json& range : latency["histogram"]) {
            total += range["count"].get<std::uint64_t>();
        }
        CHECK(total == report[kind].get<std::uint64_t>());
    }
    const Json& energy = report["energy"];
    double parts = 0;
    for (const auto& [name, joules] : energy.items()) {
        if (name != "joules" && name != "average_watts" && name != "pj_per_bit") {
            parts += joules.get<double>();
        }
    }
    CHECK(energy["joules"].get<double>() == Approx(parts));
    CHECK(energy["pj_per_bit"].get<double>() ==
          Approx(energy["joules"].get<double>() * 1e12 / static_cast<double>(bursts * 512)));
    CHECK(report["simulation"]["host_seconds"].get<double>() > 0);
}

TEST_CASE("plain, gzip, zstd and standard input play alike", "[cli][dram]") {
    const ScratchDirectory scratch;
    for (const char* name : {"trace", "trace.gz", "trace.zst"}) {
        write_trace(scratch / name, mixed_trace(20000));
    }
    std::filesystem::rename(scratch / "trace.zst", scratch / "zstd");  // the name does not matter
    const Json plain = without_host(play(scratch, scratch / "trace --config hbm2"));
    CHECK(without_host(play(scratch, scratch / "trace.gz --config hbm2")) == plain);
    CHECK(without_host(play(scratch, scratch / "zstd --config hbm2")) == plain);
    const std::string report = scratch / "stdin.json";
    const ToolResult piped =
        run_tool("dram - --config hbm2 --quiet --report " + report + " <" + (scratch / "trace.gz"));
    CHECK(piped.exit_code == 2);  // run_tool gives it an empty standard input
    CHECK_THAT(piped.err, Contains("standard input: holds no request"));
    const std::string command = std::string("cat ") + (scratch / "trace.gz") + " | " + PALIMPSEST_TOOL +
                                " dram - --config hbm2 --quiet --report " + report;
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(without_host(Json::parse(content_of(report))) == plain);
}

TEST_CASE("a table for people, and no progress line in a pipe", "[cli][dram]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "trace", mixed_trace(3000));
    const ToolResult result = run_tool("dram " + (scratch / "trace --config lpddr4-3200 --request-bytes 256"));
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    for (const char* part : {"3,000 requests of 256 B", "reads", "writes", "bandwidth", "energy", "played in"}) {
        CHECK_THAT(result.out, Contains(part));
    }
}

TEST_CASE("the command trace is written, compressed where its name says so", "[cli][dram]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "trace", "R 0\nW 40 200\n");
    const auto commands = [&](const std::string& name) {
        const ToolResult result =
            run_tool("dram " + (scratch / "trace --config ddr4-2400 --quiet --commands ") + (scratch / name));
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        return content_of(scratch / name);
    };
    const std::string plain = commands("commands");
    CHECK(plain.starts_with("# clock command channel"));
    CHECK_THAT(plain, Contains("\n0 ACT 0 0 0 0 0 -\n17 RD 0 0 0 0 0 0\n"));
    CHECK(commands("commands.gz").starts_with("\x1f\x8b"));
    CHECK(commands("commands.zst").starts_with("\x28\xb5\x2f\xfd"));
}

TEST_CASE("bad traces and settings end with exit 2 and leave no report", "[cli][dram]") {
    const ScratchDirectory scratch;
    const auto complaint = [&](const std::string& text, const std::string& options = "") {
        write_trace(scratch / "trace", text);
        const ToolResult result = run_tool("dram " + (scratch / "trace --config ddr4-2400 --report ") +
                                           (scratch / "report.json --commands ") + (scratch / "commands ") + options);
        CHECK(result.exit_code == 2);
        CHECK(result.out.empty());
        CHECK(scratch.entries() == 1);
        return result.err;
    };
    CHECK_THAT(complaint("R 0\n\nR zero\n"), Contains("trace: line 3: \"R zero\"; accepted: R or W, an address"));
    CHECK_THAT(complaint("R 0\nR 1ffffffff\n"), Contains("line 2: \"R 1ffffffff\"") && Contains("8589934592 bytes"));
    CHECK_THAT(complaint("R 0 10\nW 0 9\n"), Contains("line 2") && Contains("cycle 9 after cycle 10"));
    CHECK_THAT(complaint("# no request\n"), Contains("holds no request"));
    CHECK_THAT(complaint("R 0\n", "--request-bytes 48"), Contains("--request-bytes: 48; accepted: a power of two"));
    CHECK_THAT(complaint("R 0\n", "--request-bytes 0"), Contains("a power of two"));
    CHECK_THAT(complaint("R 0\n", "--set timing.nCLL=3"), Contains("did you mean \"timing.nCL\"?"));
    CHECK_THAT(complaint("R 0\n", "--set timing.nCL=fast"), Contains("--set: timing.nCL: value \"fast\""));
    CHECK_THAT(complaint("R 0\n", "--set timing.nRAS=9000"), Contains("timing.nRC"));
    CHECK_THAT(complaint("R 0\n", "--set organisation.rows=1000"), Contains("a power of two"));
    CHECK_THAT(complaint("R 0\n", "--set 'mapping=row|column|bank'"), Contains("bankgroup"));
    CHECK_THAT(complaint("R 0\n", "--set 'mapping=row|row|column|bank|bankgroup'"), Contains("row"));
    CHECK_THAT(complaint("R 0\n", "--set timing"), Contains("PATH=VALUE"));
    CHECK_THAT(complaint("R 0\n", "--set mapping="), Contains("a string that is not empty"));

    const ToolResult twice = run_tool("dram " + (scratch / "trace --config ddr4-2400 --report ") +
                                      (scratch / "report.json --commands ") + (scratch / "./report.json"));
    CHECK(twice.exit_code == 2);
    CHECK_THAT(twice.err, Contains("where the report goes"));
    CHECK(run_tool("dram " + (scratch / "missing") + " --config ddr4-2400").exit_code == 2);
    const ToolResult preset = run_tool("dram " + (scratch / "trace") + " --config ddr4-2401");
    CHECK(preset.exit_code == 2);
    CHECK_THAT(preset.err, Contains("did you mean \"ddr4-2400\"?"));
    CHECK(run_tool("dram " + (scratch / "trace")).exit_code == 2);

    write_trace(scratch / "trace.gz", mixed_trace(3000));
    const std::string whole = content_of(scratch / "trace.gz");
    std::ofstream(scratch / "cut.gz", std::ios::binary) << whole.substr(0, whole.size() / 2);
    const ToolResult cut = run_tool("dram " + (scratch / "cut.gz") + " --config ddr4-2400");
    CHECK(cut.exit_code == 2);
    CHECK_THAT(cut.err, Contains("cut.gz: the compressed data ends too early"));
}

TEST_CASE("an output that cannot be written ends with exit 1", "[cli][dram]") {
    const ScratchDirectory scratch;
    write_trace(scratch / "trace", mixed_trace(60000));
    const std::string base = "dram " + (scratch / "trace --config ddr4-2400 --quiet ");
    CHECK(run_tool(base + "--report " + (scratch / "no/such/folder/report.json")).exit_code == 1);
    const ToolResult full = run_tool(base + "--commands " + (scratch / "commands"), "ulimit -f 4");
    CHECK(full.exit_code == 1);
    CHECK_THAT(full.err, Contains("commands: cannot write"));
    CHECK(scratch.entries() == 1);
}

TEST_CASE("Ctrl-C ends the wait for a pipe and leaves nothing", "[cli][dram]") {
    const ScratchDirectory scratch;
    const std::string pipe = scratch / "pipe";
    REQUIRE(std::system(("mkfifo " + pipe + " && (printf 'R 0\\n' >" + pipe + " &)").c_str()) == 0);
    const ToolResult result = interrupt_tool(
        "dram - --config ddr4-2400 --commands " + (scratch / "commands") + " --report " + (scratch / "report"),
        scratch.path().string(), "commands", "<>" + pipe);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("interrupted"));
    CHECK(result.out.empty());
    CHECK(scratch.entries() == 1);  // pipe
}

TEST_CASE("memory does not grow with the trace", "[cli][dram]") {
    const ScratchDirectory scratch;
    const auto memory = [&](std::uint32_t requests) {
        write_trace(scratch / "trace", mixed_trace(requests));
        return play(scratch, scratch / "trace --config ddr4-2400")["simulation"]["peak_rss_bytes"].get<double>();
    };
    const double small = memory(20000);
    CHECK(memory(400000) <= small + 1e6);
}
