#include "report/comparison.h"

#include <fmt/format.h>

#include "report/numbers.h"
#include "report/report_json.h"
#include "report/serving_summary.h"
#include "report/terminal.h"
#include "report/version.h"

namespace palimpsest {
namespace {

using Json = nlohmann::ordered_json;

double count_ratio(std::uint64_t a, std::uint64_t b) {
    return ratio(static_cast<double>(a), static_cast<double>(b));
}

double kv_mmu_joules(const RunReport& report) {
    return report.energy[EnergyBlock::kv_mmu] + report.energy[EnergyClass::dram_scores];
}

Bytes kv_bytes(const RunReport& report) {
    constexpr auto kv = static_cast<std::size_t>(Traffic::kv);
    const DramCounts& dram = report.result.total.dram;
    return dram.read_by_class[kv] + dram.written_by_class[kv];
}

Bytes dram_bytes(const RunReport& report) {
    return report.result.total.dram.bytes_read + report.result.total.dram.bytes_written;
}

double seconds(const RunReport& report, const Interval& interval) {
    return seconds_of(report, interval.cycles);
}

Json side_json(const RunReport& report) {
    return {{"name", report.config.name},
            {"config_hash", report.config.hash},
            {"title", run_title(report)},
            {"cycles", report.result.total.cycles},
            {"seconds", seconds(report, report.result.total)},
            {"joules", report.energy.joules},
            {"tokens_per_second", generation_tokens_per_second(report)},
            {"kv_peak_bytes", report.result.kv_cache.peak_bytes},
            {"kv_dram_bytes", kv_bytes(report)},
            {"dram_bytes", dram_bytes(report)},
            {"kv_mmu_share", report.energy.kv_mmu_share},
            {"estimated", report.result.estimated}};
}

template <class Enumeration, std::size_t N>
Json parts_json(const std::array<double, N>& base, const std::array<double, N>& other) {
    Json object = Json::object();
    for (std::size_t i = 0; i < N; ++i) {
        object[std::string(name_of(static_cast<Enumeration>(i)))] = {
            {"base_joules", base[i]}, {"other_joules", other[i]}, {"saving", ratio(base[i], other[i])}};
    }
    return object;
}

/// A ratio as text; a dash where a side has nothing to compare.
std::string factor_cell(double factor) {
    return factor == 0 ? "-" : format_factor(factor);
}

ServingSummary serving_of(const RunReport& report) {
    return summary_of(*report.result.serving, report.config.workload.requests->slo, seconds_of(report, 1));
}

/// What requests that come one by one see.
template <class AddRow>
void add_serving_rows(const RunReport& base, const RunReport& other, const AddRow& row) {
    const ServingSummary b = serving_of(base), o = serving_of(other);
    const auto shorter = [&](const char* name, double before, double after) {
        row(name, before, after, "s", ratio(before, after), "shorter");
    };
    shorter("time to first token, p50", b.time_to_first_token.p50, o.time_to_first_token.p50);
    shorter("time to first token, p99", b.time_to_first_token.p99, o.time_to_first_token.p99);
    shorter("time per output token, p50", b.time_per_output_token.p50, o.time_per_output_token.p50);
    shorter("latency, p50", b.latency.p50, o.latency.p50);
    shorter("latency, p99", b.latency.p99, o.latency.p99);
    row("goodput, requests/s", b.goodput_requests_per_second, o.goodput_requests_per_second, "",
        ratio(o.goodput_requests_per_second, b.goodput_requests_per_second), "gain");
}

}  // namespace

Comparison compare(const RunReport& base, const RunReport& other) {
    const RunResult& b = base.result;
    const RunResult& o = other.result;
    const auto phase = [](const RunReport& report, EnergyPhase p) { return report.energy[p]; };
    Comparison c;
    c.delay_reduction = ratio(seconds(base, b.total), seconds(other, o.total));
    c.prefill_delay_reduction = ratio(seconds(base, b.prefill), seconds(other, o.prefill));
    c.generation_delay_reduction = ratio(seconds(base, b.generation), seconds(other, o.generation));
    c.energy_saving = ratio(base.energy.joules, other.energy.joules);
    c.prefill_energy_saving = ratio(phase(base, EnergyPhase::prefill), phase(other, EnergyPhase::prefill));
    c.generation_energy_saving = ratio(phase(base, EnergyPhase::generation), phase(other, EnergyPhase::generation));
    c.kv_reduction = count_ratio(b.kv_cache.peak_bytes, o.kv_cache.peak_bytes);
    c.kv_traffic_reduction = count_ratio(kv_bytes(base), kv_bytes(other));
    c.dram_traffic_reduction = count_ratio(dram_bytes(base), dram_bytes(other));
    c.tokens_per_second_gain = ratio(generation_tokens_per_second(other), generation_tokens_per_second(base));
    c.kv_mmu_energy_share = other.energy.kv_mmu_share;
    c.kv_mmu_energy_overhead = ratio(kv_mmu_joules(other), other.energy.joules - kv_mmu_joules(other));
    return c;
}

Json comparison_json(const RunReport& base, const RunReport& other) {
    const Comparison c = compare(base, other);
    return {{"schema_version", kReportSchemaVersion},
            {"tool", {{"name", "palimpsest"}, {"version", tool_version()}, {"git", tool_git()}}},
            {"base", side_json(base)},
            {"other", side_json(other)},
            {"delay_reduction", c.delay_reduction},
            {"energy_saving", c.energy_saving},
            {"kv_reduction", c.kv_reduction},
            {"kv_traffic_reduction", c.kv_traffic_reduction},
            {"dram_traffic_reduction", c.dram_traffic_reduction},
            {"tokens_per_second_gain", c.tokens_per_second_gain},
            {"kv_mmu_energy_share", c.kv_mmu_energy_share},
            {"kv_mmu_energy_overhead", c.kv_mmu_energy_overhead},
            {"prefill", {{"delay_reduction", c.prefill_delay_reduction}, {"energy_saving", c.prefill_energy_saving}}},
            {"generation",
             {{"delay_reduction", c.generation_delay_reduction}, {"energy_saving", c.generation_energy_saving}}},
            {"energy_by_class", parts_json<EnergyClass>(base.energy.by_class, other.energy.by_class)},
            {"energy_by_block", parts_json<EnergyBlock>(base.energy.by_block, other.energy.by_block)}};
}

std::string comparison_text(const RunReport& base, const RunReport& other, const TerminalStyle& style) {
    const Comparison c = compare(base, other);
    constexpr std::size_t indent = 2;
    std::string text = fmt::format("base   {}\nother  {}\n\n", run_title(base), run_title(other));

    TextTable summary({"", "base", "other", "ratio", ""},
                      {Align::left, Align::right, Align::right, Align::right, Align::left});
    const auto row = [&](const char* name, double b, double o, const char* unit, double factor, const char* meaning) {
        summary.add_row({name, format_si(b, unit), format_si(o, unit), factor_cell(factor), meaning});
    };
    const auto delay = [&](const char* name, const Interval& b, const Interval& o, double factor) {
        row(name, seconds(base, b), seconds(other, o), "s", factor, factor == 0 ? "" : "delay reduction");
    };
    delay("prefill", base.result.prefill, other.result.prefill, c.prefill_delay_reduction);
    delay("generation", base.result.generation, other.result.generation, c.generation_delay_reduction);
    if (base.result.serving && other.result.serving) {
        const Interval &b = base.result.serving->mixed, &o = other.result.serving->mixed;
        delay("mixed steps", b, o, ratio(seconds(base, b), seconds(other, o)));
        delay("waits for arrivals", base.result.serving->idle, other.result.serving->idle, 0);
    }
    delay("total delay", base.result.total, other.result.total, c.delay_reduction);
    row("tokens/s", generation_tokens_per_second(base), generation_tokens_per_second(other), "",
        c.tokens_per_second_gain, "gain");
    row("energy, prefill", base.energy[EnergyPhase::prefill], other.energy[EnergyPhase::prefill], "J",
        c.prefill_energy_saving, "energy saving");
    row("energy, generation", base.energy[EnergyPhase::generation], other.energy[EnergyPhase::generation], "J",
        c.generation_energy_saving, "energy saving");
    row("total energy", base.energy.joules, other.energy.joules, "J", c.energy_saving, "energy saving");
    row("KV cache, peak", static_cast<double>(base.result.kv_cache.peak_bytes),
        static_cast<double>(other.result.kv_cache.peak_bytes), "B", c.kv_reduction, "KV reduction");
    row("KV traffic", static_cast<double>(kv_bytes(base)), static_cast<double>(kv_bytes(other)), "B",
        c.kv_traffic_reduction, "");
    row("DRAM traffic", static_cast<double>(dram_bytes(base)), static_cast<double>(dram_bytes(other)), "B",
        c.dram_traffic_reduction, "");
    if (base.result.serving && other.result.serving) {
        add_serving_rows(base, other, row);
    }
    text += joined(summary.lines(style), indent);
    text += fmt::format("\n  KV-MMU of the other, with its leakage and spilled scores: {:.2f} % of its energy\n\n",
                        c.kv_mmu_energy_share * 100);

    TextTable classes({"energy by class", "base", "share", "other", "share", "saving"},
                      {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    const auto class_row = [&](const std::string& name, double b, double o) {
        classes.add_row({name, format_si(b, "J"), format_percent(ratio(b, base.energy.joules)), format_si(o, "J"),
                         format_percent(ratio(o, other.energy.joules)), factor_cell(ratio(b, o))});
    };
    for (std::size_t i = 0; i < kEnergyClasses; ++i) {
        class_row(std::string(name_of(static_cast<EnergyClass>(i))), base.energy.by_class[i], other.energy.by_class[i]);
    }
    classes.add_rule();
    class_row("total", base.energy.joules, other.energy.joules);
    text += joined(classes.lines(style), indent);
    if (base.result.estimated || other.result.estimated) {
        text += "\n  At least one side is an estimate; its report says of what.\n";
    }
    return text;
}

}  // namespace palimpsest
