#include "report/dram_report.h"

#include <fmt/format.h>

#include "config/field_io.h"
#include "energy/dram_energy.h"
#include "report/numbers.h"
#include "report/run_report.h"
#include "report/version.h"

namespace palimpsest {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kIndent = 2;
constexpr std::size_t kColumns = 100;

double seconds_of(const DramReport& report, double clocks) {
    return clocks * static_cast<double>(report.config.timing.tCK_ps) * 1e-12;
}

double seconds_of(const DramReport& report) {
    return seconds_of(report, static_cast<double>(report.cycles));
}

Bytes bytes_on_bus(const DramCounts& counts) {
    return counts.bytes_read + counts.bytes_written;
}

double bytes_per_second(const DramReport& report) {
    return ratio(static_cast<double>(bytes_on_bus(report.counts)), seconds_of(report));
}

double requests_per_second(const DramReport& report) {
    return ratio(static_cast<double>(report.requests()), report.play_seconds);
}

double pj_per_bit(const DramReport& report, const DramEnergyReport& energy) {
    return ratio(energy.total * 1e12, 8 * static_cast<double>(bytes_on_bus(report.counts)));
}

OrderedJson latency_json(const LatencyHistogram& latency) {
    OrderedJson histogram = OrderedJson::array();
    for (const LatencyHistogram::Range& range : latency.ranges()) {
        histogram.push_back({{"from", range.from}, {"to", range.to}, {"count", range.count}});
    }
    return {{"count", latency.count()},
            {"mean", latency.mean()},
            {"min", latency.min()},
            {"max", latency.max()},
            {"p50", latency.percentile(0.5)},
            {"p90", latency.percentile(0.9)},
            {"p99", latency.percentile(0.99)},
            {"histogram", histogram}};
}

OrderedJson energy_json(const DramReport& report) {
    const DramEnergyReport energy = dram_energy(report.counts, report.config);
    return {{"joules", energy.total},
            {"activate_precharge", energy.activate_precharge},
            {"read", energy.read},
            {"write", energy.write},
            {"io", energy.io},
            {"refresh", energy.refresh},
            {"bank_refresh", energy.bank_refresh},
            {"active_standby", energy.active_standby},
            {"precharge_standby", energy.precharge_standby},
            {"active_power_down", energy.active_power_down},
            {"precharge_power_down", energy.precharge_power_down},
            {"self_refresh", energy.self_refresh},
            {"average_watts", ratio(energy.total, seconds_of(report))},
            {"pj_per_bit", pj_per_bit(report, energy)}};
}

std::string machine_line(const DramConfig& config) {
    const DramOrganisation& o = config.organisation;
    return fmt::format("{}: {} channel{} of {} bits, {} rank{}, {} x {} banks, {}; {} peak; mapping {}", config.name,
                       o.channels, o.channels == 1 ? "" : "s", o.bus_bits, o.ranks, o.ranks == 1 ? "" : "s",
                       o.bank_groups, o.banks_per_group, format_si(static_cast<double>(o.bytes()), "B"),
                       format_si(config.peak_bandwidth(), "B/s"), config.mapping);
}

std::string latency_text(const DramReport& report, const TerminalStyle& style) {
    TextTable table({"latency in clocks", "requests", "mean", "min", "p50", "p90", "p99", "max", "mean time"},
                    {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right});
    const auto row = [&](const char* name, const LatencyHistogram& latency) {
        if (latency.count() > 0) {
            table.add_row({name, format_count(latency.count()), format_rate(latency.mean()),
                           format_count(latency.min()), format_count(latency.percentile(0.5)),
                           format_count(latency.percentile(0.9)), format_count(latency.percentile(0.99)),
                           format_count(latency.max()), format_si(seconds_of(report, latency.mean()), "s")});
        }
    };
    row("reads", report.read_latency);
    row("writes", report.write_latency);
    return joined(table.lines(style), kIndent);
}

std::string shares_text(const DramReport& report) {
    const DramCounts& n = report.counts;
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
        return format_percent(ratio(static_cast<double>(part), static_cast<double>(whole)));
    };
    const std::uint64_t rows = n.row_hits + n.row_misses + n.row_conflicts;
    const std::uint64_t clocks = n.data_bus_clocks + n.refresh_clocks + n.waiting_clocks + n.idle_clocks;
    const DramEnergyReport energy = dram_energy(n, report.config);
    std::string text;
    const auto line = [&text](const char* name, const std::string& words) {
        const std::string heading = fmt::format("{:<10}", name);
        bool first = true;
        for (const std::string& piece : wrapped(words, kColumns - kIndent - heading.size())) {
            text += joined({(first ? heading : std::string(heading.size(), ' ')) + piece}, kIndent);
            first = false;
        }
    };
    line("bandwidth", fmt::format("{}, {} of the peak; {} moved", format_si(bytes_per_second(report), "B/s"),
                                  format_percent(bytes_per_second(report) / report.config.peak_bandwidth()),
                                  format_si(static_cast<double>(bytes_on_bus(n)), "B")));
    line("rows", fmt::format("{} hit, {} miss, {} conflict; {} reads served by queued writes, {} writes merged",
                             share(n.row_hits, rows), share(n.row_misses, rows), share(n.row_conflicts, rows),
                             format_count(n.forwarded_reads), format_count(n.merged_writes)));
    line("commands", fmt::format("{} ACT, {} PRE, {} RD, {} WR, {} REF, {} REFPB, {} PDE, {} SRE",
                                 format_count(n.activates), format_count(n.precharges), format_count(n.reads),
                                 format_count(n.writes), format_count(n.refreshes), format_count(n.bank_refreshes),
                                 format_count(n.power_downs), format_count(n.self_refreshes)));
    line("clocks",
         fmt::format("{} data, {} waiting, {} refresh, {} idle", share(n.data_bus_clocks, clocks),
                     share(n.waiting_clocks, clocks), share(n.refresh_clocks, clocks), share(n.idle_clocks, clocks)));
    line("energy", fmt::format("{}, {:.2f} pJ/bit, {} on average", format_si(energy.total, "J"),
                               pj_per_bit(report, energy), format_si(ratio(energy.total, seconds_of(report)), "W")));
    return text;
}

}  // namespace

OrderedJson dram_report_json(const DramReport& report) {
    const DramCounts& n = report.counts;
    const double peak = report.config.peak_bandwidth();
    return {
        {"schema_version", kDramReportSchemaVersion},
        {"tool", {{"name", "palimpsest"}, {"version", tool_version()}, {"git", tool_git()}}},
        {"config", OrderedJson(write_fields(report.config))},
        {"trace", {{"file", report.trace}, {"requests", report.requests()}, {"request_bytes", report.request_bytes}}},
        {"cycles", report.cycles},
        {"first_cycle", report.first_offer},
        {"seconds", seconds_of(report)},
        {"requests", report.requests()},
        {"reads", report.reads},
        {"writes", report.writes},
        {"bytes", report.requests() * report.request_bytes},
        {"bytes_on_bus", bytes_on_bus(n)},
        {"bandwidth",
         {{"bytes_per_second", bytes_per_second(report)},
          {"peak_bytes_per_second", peak},
          {"utilisation", bytes_per_second(report) / peak}}},
        {"latency",
         {{"unit", "clocks"},
          {"reads", latency_json(report.read_latency)},
          {"writes", latency_json(report.write_latency)}}},
        {"row_hits", n.row_hits},
        {"row_misses", n.row_misses},
        {"row_conflicts", n.row_conflicts},
        {"forwarded_reads", n.forwarded_reads},
        {"merged_writes", n.merged_writes},
        {"commands",
         {{"ACT", n.activates},
          {"PRE", n.precharges},
          {"RD", n.reads},
          {"WR", n.writes},
          {"REF", n.refreshes},
          {"REFPB", n.bank_refreshes},
          {"PDE", n.power_downs},
          {"SRE", n.self_refreshes}}},
        {"clocks",
         {{"data", n.data_bus_clocks},
          {"refresh", n.refresh_clocks},
          {"waiting", n.waiting_clocks},
          {"idle", n.idle_clocks}}},
        {"rank_clocks",
         {{"active", n.active_clocks},
          {"precharged", n.precharged_clocks},
          {"active_power_down", n.active_power_down_clocks},
          {"precharged_power_down", n.precharged_power_down_clocks},
          {"self_refresh", n.self_refresh_clocks}}},
        {"energy", energy_json(report)},
        {"simulation",
         {{"host_seconds", report.play_seconds},
          {"requests_per_second", requests_per_second(report)},
          {"read_seconds", report.read_seconds},
          {"peak_rss_bytes", report.peak_rss_bytes}}},
    };
}

std::string dram_report_text(const DramReport& report, const TerminalStyle& style) {
    std::string text = bold(fmt::format("{}: {} requests of {} B", report.trace, format_count(report.requests()),
                                        format_count(report.request_bytes)),
                            style) +
                       "\n" + joined(wrapped(machine_line(report.config), kColumns), 0) + "\n";
    text += joined({fmt::format("{} DRAM clocks, {}", format_count(report.cycles), format_si(seconds_of(report), "s"))},
                   kIndent);
    text += "\n" + latency_text(report, style) + "\n" + shares_text(report);
    return text + fmt::format("\nplayed in {}: {}; read in {}; {} of memory\n", format_si(report.play_seconds, "s"),
                              format_si(requests_per_second(report), "requests/s"), format_si(report.read_seconds, "s"),
                              format_si(static_cast<double>(report.peak_rss_bytes), "B"));
}

}  // namespace palimpsest
