// What a person reads: fits 100 columns, plain text unless the terminal can do more, and the right numbers.

#include "report/terminal.h"

#include <algorithm>
#include <sstream>

#include "report/numbers.h"
#include "support/catch.h"
#include "support/sample_run.h"

using namespace palimpsest;

namespace {

std::size_t widest_line(const std::string& text) {
    std::istringstream in(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(in, line);) {
        widest = std::max(widest, display_width(line));
    }
    return widest;
}

/// Counts of a long run: the widest numbers that a table must hold.
RunResult large_result() {
    RunResult result = sample_result();
    for (int doubling = 0; doubling < 30; ++doubling) {
        result.prefill = sum_of(result.prefill, result.prefill);
        result.generation = sum_of(result.generation, result.generation);
    }
    result.total = sum_of(result.prefill, result.generation);
    result.kv_cache.evictions = 1'000'000'000;
    result.notes["attention"] = std::string(90, 'a') + " " + std::string(90, 'b');
    return result;
}

}  // namespace

TEST_CASE("numbers as people read them", "[terminal][numbers]") {
    CHECK(format_count(0) == "0");
    CHECK(format_count(999) == "999");
    CHECK(format_count(1000) == "1,000");
    CHECK(format_count(12'345'678) == "12,345,678");
    CHECK(format_si(0, "J") == "0 J");
    CHECK(format_si(0.0123, "s") == "12.3 ms");
    CHECK(format_si(1.5e-6, "s") == "1.50 us");
    CHECK(format_si(999.7, "B") == "1.00 kB");
    CHECK(format_si(25.6e9, "B/s") == "25.6 GB/s");
    CHECK(format_si(0.99996, "W") == "1.00 W");
    CHECK(format_percent(0.6124) == "61.2 %");
    CHECK(format_factor(3.624) == "3.62x");
    CHECK(format_rate(56.74) == "56.7");
    CHECK(format_rate(12'345.6) == "12,346");
}

TEST_CASE("the report fits 100 columns, short runs and long, plain and pretty", "[terminal]") {
    RunConfig config = sample_config();
    config.cost.area = {{"sequencer", {123.4e6, 100e6, 999.9e6, "", ""}, StaticUnit::machine}};
    for (const RunResult& result : {sample_result(), large_result()}) {
        const RunReport report = make_run_report(config, result);
        for (const TerminalStyle style : {TerminalStyle{false, false}, TerminalStyle{true, true}}) {
            const std::string text = terminal_text(report, style);
            CHECK(widest_line(text) <= kTerminalColumns);
            CHECK(text.find("chip 123.4 mm2") != std::string::npos);
        }
    }
}

TEST_CASE("plain text is ASCII without control sequences", "[terminal]") {
    const std::string text = terminal_text(make_run_report(sample_config(), sample_result()), {});
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    for (const char* expected : {"rce", "budget 16", "1,000", "66.7 %", "2.25x", "87.9 %", "synthetic rows, seed 1"}) {
        INFO(expected);
        CHECK(text.find(expected) != std::string::npos);
    }
}

TEST_CASE("tables align by what is seen, not by bytes", "[terminal][table]") {
    TextTable table({"", "n"}, {Align::left, Align::right});
    table.add_row({"µ", "1"});
    table.add_row({"\033[1mab\033[0m", "23"});
    const std::vector<std::string> lines = table.lines({});
    REQUIRE(lines.size() == 4);
    CHECK(display_width(lines[2]) == 6);
    CHECK(display_width(lines[3]) == 6);
    CHECK(bar(0.5, 10, {}) == "#####");
    CHECK(bar(2.0, 3, {}) == "###");
    CHECK(display_width(bar(0.55, 10, {true, false})) == 6);
}

TEST_CASE("a workload of operators has a line an operator", "[terminal]") {
    RunResult result = sample_result();
    result = large_result();
    result.operators = {{"qkv", "gemm", result.prefill, 900},
                        {std::string(60, 'n'), "kv_replace", result.generation, 1'000'000'000}};
    result.prefill = {};
    result.generation = {};
    result.kv_cache = {};
    const std::string text = terminal_text(make_run_report(sample_config(), result), {});
    CHECK(text.find("2 operators") != std::string::npos);
    CHECK(text.find("qkv") != std::string::npos);
    CHECK(text.find("KV cache") == std::string::npos);
    CHECK(widest_line(text) <= kTerminalColumns);
}
