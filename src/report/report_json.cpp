#include "report/report_json.h"

#include "energy/machine_parts.h"
#include "report/profile_json.h"
#include "report/serving_json.h"
#include "report/version.h"

namespace palimpsest {
namespace {

using Json = nlohmann::ordered_json;

Json phase_latency(const RunReport& report, const Interval& interval, std::uint64_t steps) {
    const double seconds = seconds_of(report, interval.cycles);
    return {{"cycles", interval.cycles},
            {"seconds", seconds},
            {"steps", steps},
            {"tokens", interval.tokens},
            {"tokens_per_second", ratio(static_cast<double>(interval.tokens), seconds)}};
}

Json latency(const RunReport& report) {
    const RunResult& result = report.result;
    const std::uint64_t generation_steps =
        result.serving ? result.serving->generation_steps : result.step_cycles.size() - result.prefill_steps;
    Json steps = Json::array();
    for (const Cycles cycles : result.step_cycles) {
        steps.push_back(cycles);
    }
    Json document = {
        {"cycles", result.total.cycles},
        {"seconds", seconds_of(report, result.total.cycles)},
        {"core_clock_ps", report.config.hardware.core_clock_ps},
        {"prefill", phase_latency(report, result.prefill, result.prefill_steps)},
        {"generation", phase_latency(report, result.generation, result.operators.empty() ? generation_steps : 0)}};
    if (result.serving) {
        document["mixed"] = phase_latency(report, result.serving->mixed, result.serving->mixed_steps);
        document["idle"] = {{"cycles", result.serving->idle.cycles},
                            {"seconds", seconds_of(report, result.serving->idle.cycles)}};
    }
    document["macs"] = result.total.macs;
    document["steps"] = steps;
    return document;
}

Json energy_items(const EnergyBreakdown& energy) {
    Json items = Json::array();
    for (const EnergyItem& item : energy.items) {
        Json entry = {{"name", item.name}, {"block", name_of(item.block)}, {"class", name_of(item.energy_class)}};
        if (item.power) {
            entry["picoseconds"] = item.count;
            entry["power_mw"] = item.cost;
        } else {
            entry["count"] = item.count;
            entry["cost_pj"] = item.cost;
        }
        entry["joules"] = item.joules;
        entry["confidence"] = item.confidence;
        items.push_back(std::move(entry));
    }
    return items;
}

template <class Enumeration, std::size_t N>
Json by_name(const std::array<double, N>& values) {
    Json object = Json::object();
    for (std::size_t i = 0; i < N; ++i) {
        object[std::string(name_of(static_cast<Enumeration>(i)))] = values[i];
    }
    return object;
}

/// The KV-MMU part by part: what memory it has and what the run would have filled, what it did, and what that took.
Json kv_mmu_json(const RunReport& report) {
    const ByKvMmuPart<Bytes> sizes = kv_mmu_memories(report.config.hardware, report.config.dram);
    Json parts = Json::object();
    for (std::size_t i = 0; i < kKvMmuParts; ++i) {
        const auto part = static_cast<KvMmuPart>(i);
        const KvMmuPartEnergy& energy = report.energy[part];
        if (part == KvMmuPart::other && energy.joules() == 0) {
            continue;
        }
        parts[std::string(name_of(part))] = {{"size_bytes", sizes[part]},
                                             {"needed_bytes", report.result.kv_mmu_needs[part]},
                                             {"accesses", energy.accesses},
                                             {"dynamic_joules", energy.dynamic_joules},
                                             {"static_joules", energy.static_joules},
                                             {"joules", energy.joules()}};
    }
    return parts;
}

Json energy_json(const RunReport& report) {
    const EnergyBreakdown& energy = report.energy;
    Json by_phase = by_name<EnergyPhase>(energy.by_phase);
    // The phases that only some runs have.
    for (const char* name : {"operators", "mixed", "idle", "other"}) {
        if (by_phase[name] == 0.0) {
            by_phase.erase(name);
        }
    }
    Json sensitivity = Json::array();
    for (const SensitivityRow& row : energy.sensitivity) {
        sensitivity.push_back({{"cost", row.cost},
                               {"low_joules", row.low_joules},
                               {"high_joules", row.high_joules},
                               {"swing_joules", row.swing_joules()}});
    }
    return {{"joules", energy.joules},
            {"by_block", by_name<EnergyBlock>(energy.by_block)},
            {"by_phase", by_phase},
            {"by_class", by_name<EnergyClass>(energy.by_class)},
            {"kv_mmu_share", energy.kv_mmu_share},
            {"kv_mmu", kv_mmu_json(report)},
            {"average_watts", ratio(energy.joules, seconds_of(report, report.result.total.cycles))},
            {"cost_table", report.config.cost.name},
            {"actions", energy_items(energy)},
            {"sensitivity", sensitivity}};
}

Json area_json(const ChipArea& area) {
    Json blocks = by_name<EnergyBlock>(area.by_block);
    blocks.erase("dram");
    Json parts = by_name<KvMmuPart>(area.kv_mmu.of);
    parts.erase("spilled_scores");
    if (parts["other"] == 0.0) {
        parts.erase("other");
    }
    return {{"mm2", area.mm2},    {"low_mm2", area.low_mm2}, {"high_mm2", area.high_mm2},
            {"by_block", blocks}, {"kv_mmu", parts},         {"kv_mmu_share", area.kv_mmu_share()}};
}

constexpr std::size_t index_of(Traffic traffic) {
    return static_cast<std::size_t>(traffic);
}

Json dram_json(const RunReport& report) {
    const DramCounts& dram = report.result.total.dram;
    Json traffic = Json::object();
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        traffic[std::string(name_of(static_cast<Traffic>(t)))] = {{"bytes_read", dram.read_by_class[t]},
                                                                  {"bytes_written", dram.written_by_class[t]},
                                                                  {"read_bursts", dram.read_bursts_by_class[t]},
                                                                  {"write_bursts", dram.write_bursts_by_class[t]},
                                                                  {"activates", dram.activates_by_class[t]},
                                                                  {"read_row_hits", dram.read_row_hits_by_class[t]},
                                                                  {"write_row_hits", dram.write_row_hits_by_class[t]}};
    }
    return {{"device", report.config.dram.name},
            {"channels", report.config.dram.organisation.channels},
            {"clock_ps", report.config.dram.timing.tCK_ps},
            {"burst_bytes", report.config.dram.burst_bytes()},
            {"peak_bytes_per_second", report.config.dram.peak_bandwidth()},
            {"bytes_read", dram.bytes_read},
            {"bytes_written", dram.bytes_written},
            {"kv_bytes_read", dram.read_by_class[index_of(Traffic::kv)]},
            {"kv_bytes_written", dram.written_by_class[index_of(Traffic::kv)]},
            {"weight_bytes_read", dram.read_by_class[index_of(Traffic::weights)]},
            {"row_hits", dram.row_hits},
            {"row_misses", dram.row_misses},
            {"row_conflicts", dram.row_conflicts},
            {"row_hit_rate", row_hit_rate(dram)},
            {"commands",
             {{"activate", dram.activates},
              {"precharge", dram.precharges},
              {"read", dram.reads},
              {"write", dram.writes},
              {"refresh", dram.refreshes},
              {"refresh_bank", dram.bank_refreshes},
              {"power_down", dram.power_downs},
              {"self_refresh", dram.self_refreshes}}},
            {"forwarded_reads", dram.forwarded_reads},
            {"merged_writes", dram.merged_writes},
            {"bandwidth_utilisation", bandwidth_utilisation(report)},
            {"channel_clocks",
             {{"data", dram.data_bus_clocks},
              {"waiting", dram.waiting_clocks},
              {"refresh", dram.refresh_clocks},
              {"idle", dram.idle_clocks}}},
            {"rank_clocks",
             {{"active", dram.active_clocks},
              {"precharged", dram.precharged_clocks},
              {"active_power_down", dram.active_power_down_clocks},
              {"precharged_power_down", dram.precharged_power_down_clocks},
              {"self_refresh", dram.self_refresh_clocks}}},
            {"traffic", traffic}};
}

/// Words that moved through each buffer's ports, and bytes of them.
Json buffers_json(const RunReport& report) {
    const ActionCounts& actions = report.result.total.actions;
    const BuffersConfig& buffers = report.config.hardware.buffers;
    const auto buffer = [&](const BufferConfig& config, Action read, Action write) -> Json {
        return {{"capacity_bytes", config.bytes()},
                {"words_read", actions[read]},
                {"words_written", actions[write]},
                {"bytes_read", actions[read] * config.word_bytes},
                {"bytes_written", actions[write] * config.word_bytes}};
    };
    return {{"weight", buffer(buffers.weight, Action::weight_buffer_read, Action::weight_buffer_write)},
            {"activation", buffer(buffers.activation, Action::activation_buffer_read, Action::activation_buffer_write)},
            {"kv", buffer(buffers.kv, Action::kv_buffer_read, Action::kv_buffer_write)},
            {"score", buffer(buffers.score, Action::score_buffer_read, Action::score_buffer_write)}};
}

Json kv_cache_json(const RunReport& report) {
    const KvCacheResult& kv = report.result.kv_cache;
    Json json{{"policy", kv.policy},
              {"budget", kv.budget},
              {"peak_bytes", kv.peak_bytes},
              {"full_bytes", kv.full_bytes},
              {"reduction", kv_reduction(report)},
              {"evictions", kv.evictions},
              {"resident_tokens_peak", kv.resident_tokens_peak}};
    if (kv.budgets) {
        json["budgets"] = {{"least", kv.budgets->least}, {"mean", kv.budgets->mean}, {"most", kv.budgets->most}};
    }
    return json;
}

Json units_json(const RunResult& result) {
    Json units = Json::object();
    for (const UnitResult& unit : result.units) {
        Json stalls = Json::object();
        for (std::size_t s = 0; s < kUnitStates; ++s) {
            const auto state = static_cast<UnitState>(s);
            if (state != UnitState::busy) {
                stalls[std::string(name_of(state))] = unit.cycles[state];
            }
        }
        units[unit.name] = {
            {"busy_cycles", unit.cycles.busy()}, {"stall_cycles", stalls}, {"utilisation", utilisation(unit)}};
    }
    return units;
}

Json operators_json(const RunReport& report) {
    Json operators = Json::array();
    for (std::size_t i = 0; i < report.result.operators.size(); ++i) {
        const OperatorResult& op = report.result.operators[i];
        const DramCounts& dram = op.interval.dram;
        operators.push_back({{"name", op.name},
                             {"kind", op.kind},
                             {"cycles", op.interval.cycles},
                             {"seconds", seconds_of(report, op.interval.cycles)},
                             {"array_cycles", op.array_cycles},
                             {"macs", op.interval.macs},
                             {"dram_bytes_read", dram.bytes_read},
                             {"dram_bytes_written", dram.bytes_written},
                             {"row_hit_rate", row_hit_rate(dram)},
                             {"joules", report.energy.operator_joules[i]}});
    }
    return operators;
}

}  // namespace

Json report_json(const RunReport& report) {
    const RunResult& result = report.result;
    Json document = {
        {"schema_version", kReportSchemaVersion},
        {"tool", {{"name", "palimpsest"}, {"version", tool_version()}, {"git", tool_git()}}},
        {"config", report.config.resolved},
        {"config_hash", report.config.hash},
        {"latency", latency(report)},
        {"energy", energy_json(report)},
        {"dram", dram_json(report)},
        {"buffers", buffers_json(report)},
        {"kv_cache", kv_cache_json(report)},
        {"units", units_json(result)},
    };
    if (report.area) {
        document["area"] = area_json(*report.area);
    }
    if (!result.operators.empty()) {
        document["operators"] = operators_json(report);
    }
    document["profile"] = profile_json(result.profile, result.total.cycles);
    if (result.serving) {
        document["serving"] = serving_json(report);
    }
    document["notes"] = result.notes;
    document["simulation"] = {{"host_seconds", result.host_seconds},
                              {"events", result.systemc_events},
                              {"peak_rss_bytes", result.peak_rss_bytes},
                              {"estimated", result.estimated}};
    return document;
}

std::string json_text(const Json& document) {
    // A path or a name that is not UTF-8 must not lose the report of a long run.
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace palimpsest
