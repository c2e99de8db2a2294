#include "report/terminal.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/numbers.h"
#include "report/serving_summary.h"

namespace palimpsest {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kBarColumns = 14;

/// Sentences below a heading.
std::string prose(const std::string& text) {
    return joined(wrapped(text, kTerminalColumns - kIndent), kIndent);
}

double share(double part, double whole) {
    return ratio(part, whole);
}

std::string heading(const std::string& text, const TerminalStyle& style) {
    return "\n" + bold(text, style) + "\n";
}

std::string machine_line(const RunReport& report) {
    const HardwareConfig& hardware = report.config.hardware;
    const DramConfig& dram = report.config.dram;
    const std::uint32_t channels = dram.organisation.channels;
    return fmt::format("{} x {} PEs at {}, {}, {} channel{} of {} bits, {} peak; costs {}", hardware.pe_array.rows,
                       hardware.pe_array.columns, format_si(1e12 / static_cast<double>(hardware.core_clock_ps), "Hz"),
                       dram.name, channels, channels == 1 ? "" : "s", dram.organisation.bus_bits,
                       format_si(dram.peak_bandwidth(), "B/s"), report.config.cost.name);
}

std::string latency_text(const RunReport& report, const TerminalStyle& style) {
    const RunResult& result = report.result;
    TextTable table({"", "cycles", "time", "share", "tokens", "tokens/s"},
                    {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    const auto row = [&](const char* name, const Interval& interval, bool tokens) {
        const double seconds = seconds_of(report, interval.cycles);
        table.add_row(
            {name, format_count(interval.cycles), format_si(seconds, "s"),
             format_percent(share(static_cast<double>(interval.cycles), static_cast<double>(result.total.cycles))),
             tokens ? format_count(interval.tokens) : "",
             tokens ? format_rate(ratio(static_cast<double>(interval.tokens), seconds)) : ""});
    };
    row("prefill", result.prefill, true);
    row("generation", result.generation, true);
    if (result.serving) {
        row("mixed", result.serving->mixed, true);
        row("idle", result.serving->idle, false);
    }
    table.add_rule();
    row("total", result.total, false);
    return heading("Latency", style) + joined(table.lines(style), kIndent);
}

std::vector<std::string> operators_table(const RunReport& report, std::size_t most_name, const TerminalStyle& style) {
    TextTable table(
        {"", "kind", "cycles", "array", "MACs", "DRAM in", "DRAM out", "energy"},
        {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right});
    const auto row = [&](const std::string& name, const std::string& kind, const Interval& interval,
                         const std::string& array_cycles, double joules) {
        table.add_row({name.size() > most_name ? name.substr(0, most_name - 1) + "~" : name, kind,
                       format_count(interval.cycles), array_cycles, format_si(static_cast<double>(interval.macs), ""),
                       format_si(static_cast<double>(interval.dram.bytes_read), "B"),
                       format_si(static_cast<double>(interval.dram.bytes_written), "B"), format_si(joules, "J")});
    };
    for (std::size_t i = 0; i < report.result.operators.size(); ++i) {
        const OperatorResult& op = report.result.operators[i];
        row(op.name, op.kind, op.interval, format_count(op.array_cycles), report.energy.operator_joules[i]);
    }
    table.add_rule();
    row("total", "", report.result.total, "", report.energy.joules);
    return table.lines(style);
}

std::string operators_text(const RunReport& report, const TerminalStyle& style) {
    // Names get the columns that the numbers leave.
    constexpr std::size_t kLeastName = 8;
    const std::size_t numbers = display_width(operators_table(report, kLeastName, style).front()) - kLeastName;
    const std::size_t most_name =
        std::max(kLeastName, kTerminalColumns - kIndent - std::min(numbers, kTerminalColumns - kIndent));
    return heading("Operators", style) + joined(operators_table(report, most_name, style), kIndent);
}

template <class Enumeration, std::size_t N>
std::vector<std::string> energy_table(const std::string& title, const std::array<double, N>& parts, double total,
                                      const TerminalStyle& style) {
    const SiScale scale = si_scale(total);
    TextTable table({title, scale.prefix + "J", "share", ""}, {Align::left, Align::right, Align::right, Align::left});
    for (std::size_t i = 0; i < N; ++i) {
        const double part = share(parts[i], total);
        table.add_row({std::string(name_of(static_cast<Enumeration>(i))),
                       fmt::format("{:.2f}", parts[i] / scale.factor), format_percent(part),
                       bar(part, kBarColumns, style)});
    }
    return table.lines(style);
}

std::string energy_text(const RunReport& report, const TerminalStyle& style) {
    const EnergyBreakdown& energy = report.energy;
    const double seconds = seconds_of(report, report.result.total.cycles);
    std::string text = heading(fmt::format("Energy {}, {} on average", format_si(energy.joules, "J"),
                                           format_si(ratio(energy.joules, seconds), "W")),
                               style);
    const auto blocks = energy_table<EnergyBlock>("by block", energy.by_block, energy.joules, style);
    const auto classes = energy_table<EnergyClass>("by class", energy.by_class, energy.joules, style);
    text += joined(side_by_side(blocks, classes, 3), kIndent);
    if (report.result.operators.empty()) {
        text += fmt::format("  prefill {}, generation {}", format_si(energy[EnergyPhase::prefill], "J"),
                            format_si(energy[EnergyPhase::generation], "J"));
        if (report.result.serving) {
            text += fmt::format(", mixed {}, idle {}", format_si(energy[EnergyPhase::mixed], "J"),
                                format_si(energy[EnergyPhase::idle], "J"));
        }
        const auto tokens = static_cast<double>(report.result.generation.tokens);
        if (tokens > 0) {
            text += fmt::format(" ({} a new token)", format_si(energy[EnergyPhase::generation] / tokens, "J"));
        }
        text += fmt::format("\n  KV-MMU, with its leakage and spilled scores: {:.2f} %\n", energy.kv_mmu_share * 100);
    }
    if (!energy.sensitivity.empty() && energy.joules > 0) {
        const SensitivityRow& widest = energy.sensitivity.front();
        text += fmt::format("  least certain cost: {}, total between {} and {} over its range\n", widest.cost,
                            format_si(widest.low_joules, "J"), format_si(widest.high_joules, "J"));
    }
    return text;
}

std::string area_line(const RunReport& report) {
    if (!report.area) {
        return "";
    }
    const ChipArea& area = *report.area;
    return fmt::format(
        "  chip {:.1f} mm2, between {:.1f} and {:.1f} with all areas at an end of their ranges; KV-MMU {:.1f} %\n",
        area.mm2, area.low_mm2, area.high_mm2, area.kv_mmu_share() * 100);
}

std::string memory_text(const RunReport& report, const TerminalStyle& style) {
    const KvCacheResult& kv = report.result.kv_cache;
    const DramCounts& dram = report.result.total.dram;
    std::string text;
    if (report.result.operators.empty()) {
        text += heading("KV cache", style);
        text += prose(fmt::format(
            "{} at peak of {} unmanaged: {} smaller; {} evictions, at most {} tokens a head",
            format_si(static_cast<double>(kv.peak_bytes), "B"), format_si(static_cast<double>(kv.full_bytes), "B"),
            format_factor(kv_reduction(report)), format_count(kv.evictions), format_count(kv.resident_tokens_peak)));
        if (kv.budgets) {
            text += prose(fmt::format("budgets by attention: {} to {} tokens a head, {} on average", kv.budgets->least,
                                      kv.budgets->most, kv.budgets->mean));
        }
    }
    text += heading("DRAM", style);
    const auto rows = static_cast<double>(dram.row_hits + dram.row_misses + dram.row_conflicts);
    const auto row_share = [rows](std::uint64_t n) { return format_percent(ratio(static_cast<double>(n), rows)); };
    text += prose(fmt::format("{} read, {} written; {} of the peak bandwidth; rows {} hit, {} miss, {} conflict",
                              format_si(static_cast<double>(dram.bytes_read), "B"),
                              format_si(static_cast<double>(dram.bytes_written), "B"),
                              format_percent(bandwidth_utilisation(report)), row_share(dram.row_hits),
                              row_share(dram.row_misses), row_share(dram.row_conflicts)));
    std::string traffic;
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        const auto bytes = static_cast<double>(dram.read_by_class[t] + dram.written_by_class[t]);
        if (bytes > 0) {
            traffic += fmt::format("{}{} {}", traffic.empty() ? "" : ", ", name_of(static_cast<Traffic>(t)),
                                   format_si(bytes, "B"));
        }
    }
    return text + (traffic.empty() ? "" : prose("asked for: " + traffic));
}

std::string serving_text(const RunReport& report, const TerminalStyle& style) {
    if (!report.result.serving) {
        return "";
    }
    const ServingResult& serving = *report.result.serving;
    const SloConfig& slo = report.config.workload.requests->slo;
    const ServingSummary summary = summary_of(serving, slo, seconds_of(report, 1));
    TextTable table({"", "mean", "p50", "p90", "p99"},
                    {Align::left, Align::right, Align::right, Align::right, Align::right});
    const auto row = [&](const char* name, const Distribution& d) {
        table.add_row(
            {name, format_si(d.mean, "s"), format_si(d.p50, "s"), format_si(d.p90, "s"), format_si(d.p99, "s")});
    };
    row("time to first token", summary.time_to_first_token);
    row("time per output token", summary.time_per_output_token);
    row("latency", summary.latency);
    row("waited for admission", summary.queued);
    const auto percent = [](const MeanAndPeak& value) { return format_percent(value.mean); };
    std::string text = heading("Serving", style) + joined(table.lines(style), kIndent);
    text += prose(fmt::format(
        "{} requests served, {} turned away; goodput {} of them ({} within {} ms and {} ms a token), {} requests/s; {} "
        "steps "
        "of {:.1f} requests on average; queue {:.1f} on average, {} at most",
        serving.requests.size(), serving.turned_away.size(), format_percent(summary.goodput_share), summary.within_slo,
        slo.time_to_first_token_ms, slo.time_per_output_token_ms, format_rate(summary.goodput_requests_per_second),
        format_count(summary.steps), summary.mean_batch, summary.waiting.mean, summary.waiting.peak));
    return text +
           prose(fmt::format("KV region of {}: {} reserved, {} used; {} of what is reserved holds no token (internal "
                             "fragmentation), {} of what is free is out of reach (external)",
                             format_si(static_cast<double>(serving.kv_capacity_bytes), "B"),
                             percent(summary.reserved_share), percent(summary.used_share),
                             percent(summary.internal_fragmentation), percent(summary.external_fragmentation)));
}

std::string percent_cell(double part, double whole, const TerminalStyle& style) {
    return part == 0 ? dim(style.unicode ? "·" : ".", style) : fmt::format("{:.1f}", share(part, whole) * 100);
}

std::string cycles_text(const RunReport& report, const TerminalStyle& style) {
    static constexpr std::array<const char*, kUnitStates> kHeadings{"busy", "operand", "buffer",  "depend",
                                                                    "dram", "port",    "refresh", "drained"};
    std::vector<std::string> headings{"% of cycles"};
    std::vector<Align> alignment{Align::left};
    for (const char* name : kHeadings) {
        headings.emplace_back(name);
        alignment.push_back(Align::right);
    }
    headings.emplace_back("");
    alignment.push_back(Align::left);
    TextTable table(headings, alignment);
    for (const UnitResult& unit : report.result.units) {
        std::vector<std::string> cells{unit.name};
        for (const Cycles cycles : unit.cycles.cycles) {
            cells.push_back(percent_cell(static_cast<double>(cycles), static_cast<double>(unit.cycles.total()), style));
        }
        cells.push_back(bar(utilisation(unit), kBarColumns, style));
        table.add_row(cells);
    }
    const DramCounts& dram = report.result.total.dram;
    const std::uint64_t clocks = dram.data_bus_clocks + dram.waiting_clocks + dram.refresh_clocks + dram.idle_clocks;
    if (clocks > 0) {
        const auto cell = [&](std::uint64_t part) {
            return percent_cell(static_cast<double>(part), static_cast<double>(clocks), style);
        };
        table.add_row(
            {"dram channels", cell(dram.data_bus_clocks), "", "", "", cell(dram.waiting_clocks), "",
             cell(dram.refresh_clocks), cell(dram.idle_clocks),
             bar(ratio(static_cast<double>(dram.data_bus_clocks), static_cast<double>(clocks)), kBarColumns, style)});
    }
    return heading("Where the cycles went", style) + joined(table.lines(style), kIndent);
}

std::string speed_text(const RunReport& report) {
    const RunResult& result = report.result;
    return fmt::format("\nsimulated in {}: {} of core clock, {} of memory\n", format_si(result.host_seconds, "s"),
                       format_si(ratio(static_cast<double>(result.total.cycles), result.host_seconds), "cycles/s"),
                       format_si(static_cast<double>(result.peak_rss_bytes), "B"));
}

std::string notes_text(const RunReport& report, const TerminalStyle& style) {
    std::string text;
    if (report.result.estimated) {
        text += heading("This result is an estimate; the notes say of what.", style);
    }
    if (!report.result.notes.empty()) {
        text += heading("Notes", style);
        for (const auto& [name, note] : report.result.notes) {
            std::string title = name;
            std::replace(title.begin(), title.end(), '_', ' ');
            text += prose(fmt::format("{}: {}", title, note));
        }
    }
    return text;
}

}  // namespace

std::string run_title(const RunReport& report) {
    const RunConfig& config = report.config;
    if (!report.result.operators.empty()) {
        const std::size_t count = report.result.operators.size();
        return fmt::format("{}: {} operator{}", config.name, count, count == 1 ? "" : "s");
    }
    const KvCacheResult& kv = report.result.kv_cache;
    const std::string budget = kv.policy == "full" ? "" : fmt::format(", budget {}", kv.budget);
    if (report.result.serving) {
        return fmt::format("{}: {}, {} requests, at most {} at once, policy {}{}", config.name, config.model.name,
                           report.result.serving->requests.size(), report.result.serving->places, kv.policy, budget);
    }
    return fmt::format("{}: {}, batch {}, {} + {} tokens, policy {}{}", config.name, config.model.name,
                       config.workload.batch, config.workload.prompt_tokens, config.workload.generated_tokens,
                       kv.policy, budget);
}

std::string terminal_text(const RunReport& report, const TerminalStyle& style) {
    std::string text = bold(run_title(report), style) + "\n" + machine_line(report) + "\n";
    text += report.result.operators.empty() ? latency_text(report, style) : operators_text(report, style);
    text += serving_text(report, style);
    text += energy_text(report, style) + area_line(report);
    text += memory_text(report, style);
    text += cycles_text(report, style);
    text += speed_text(report);
    return text + notes_text(report, style);
}

}  // namespace palimpsest
