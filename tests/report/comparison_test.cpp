// Comparison of two runs: which way each ratio goes, and what a missing phase or cache gives.

#include "report/comparison.h"

#include "report/terminal.h"
#include "support/catch.h"
#include "support/sample_run.h"

using namespace palimpsest;

namespace {

RunReport report_of(const RunResult& result, Picoseconds clock_ps = 1000) {
    RunConfig config = sample_config();
    config.hardware.core_clock_ps = clock_ps;
    return make_run_report(config, result);
}

/// The sample with every count of it twice or more.
RunResult times(std::uint64_t factor) {
    const RunResult one = sample_result();
    RunResult many = one;
    for (std::uint64_t i = 1; i < factor; ++i) {
        many.prefill = sum_of(many.prefill, one.prefill);
        many.generation = sum_of(many.generation, one.generation);
    }
    many.generation.tokens = one.generation.tokens;
    many.total = sum_of(many.prefill, many.generation);
    return many;
}

}  // namespace

TEST_CASE("a base with three times the counts: three times the delay, energy and traffic", "[comparison]") {
    RunResult large = times(3);
    large.kv_cache.peak_bytes *= 8;
    const Comparison c = compare(report_of(large), report_of(sample_result()));
    CHECK(c.delay_reduction == Approx(3));
    CHECK(c.prefill_delay_reduction == Approx(3));
    CHECK(c.generation_delay_reduction == Approx(3));
    CHECK(c.energy_saving == Approx(3));
    CHECK(c.prefill_energy_saving == Approx(3));
    CHECK(c.generation_energy_saving == Approx(3));
    CHECK(c.kv_reduction == Approx(8));
    CHECK(c.kv_traffic_reduction == Approx(3));
    CHECK(c.dram_traffic_reduction == Approx(3));
    CHECK(c.tokens_per_second_gain == Approx(3));
}

TEST_CASE("delay is time, not cycles: clocks may differ", "[comparison]") {
    const Comparison c = compare(report_of(sample_result(), 2000), report_of(sample_result(), 1000));
    CHECK(c.delay_reduction == Approx(2));
    CHECK(c.tokens_per_second_gain == Approx(2));
}

TEST_CASE("equal runs compare as one; the KV-MMU is an overhead on all else", "[comparison]") {
    const RunReport report = report_of(sample_result());
    const Comparison c = compare(report, report);
    CHECK(c.delay_reduction == 1);
    CHECK(c.energy_saving == 1);
    CHECK(c.kv_reduction == 1);
    const double share = report.energy.kv_mmu_share;
    CHECK(c.kv_mmu_energy_share == share);
    CHECK(c.kv_mmu_energy_overhead == Approx(share / (1 - share)));
}

TEST_CASE("what a side does not have compares as nothing, not as infinite", "[comparison]") {
    RunResult empty;
    const Comparison c = compare(report_of(sample_result()), report_of(empty));
    CHECK(c.delay_reduction == 0);
    CHECK(c.energy_saving == 0);
    CHECK(c.kv_reduction == 0);
    CHECK(c.tokens_per_second_gain == 0);
}

TEST_CASE("compare.json has the ratios by stable names and both sides", "[comparison]") {
    const nlohmann::ordered_json document = comparison_json(report_of(times(2)), report_of(sample_result()));
    for (const char* name :
         {"schema_version", "tool", "base", "other", "delay_reduction", "energy_saving", "kv_reduction",
          "kv_traffic_reduction", "dram_traffic_reduction", "tokens_per_second_gain", "kv_mmu_energy_share",
          "kv_mmu_energy_overhead", "prefill", "generation", "energy_by_class", "energy_by_block"}) {
        INFO(name);
        CHECK(document.contains(name));
    }
    CHECK(document["delay_reduction"].get<double>() == Approx(2));
    CHECK(document["energy_by_class"]["dram_kv"]["saving"].get<double>() == Approx(2));
    double base = 0;
    for (const auto& [name, part] : document["energy_by_class"].items()) {
        base += part["base_joules"].get<double>();
    }
    CHECK(base == document["base"]["joules"].get<double>());
}

TEST_CASE("the comparison fits a terminal", "[comparison][terminal]") {
    const std::string text = comparison_text(report_of(times(2)), report_of(sample_result()), {});
    CHECK(text.find("delay reduction") != std::string::npos);
    CHECK(text.find("2.00x") != std::string::npos);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        CHECK(display_width(text.substr(begin, end - begin)) <= kTerminalColumns);
        begin = end + 1;
    }
}
