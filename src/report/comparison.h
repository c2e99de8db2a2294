#pragma once
// Two runs against each other: how much less delay, energy and cache the second needs than the first.

#include <string>

#include <nlohmann/json.hpp>

#include "report/run_report.h"
#include "report/text_table.h"

namespace palimpsest {

/// Ratios are base / other for costs (larger is better for the other) and other / base for rates. 0 where a side has
/// none.
struct Comparison {
    double delay_reduction = 0;
    double prefill_delay_reduction = 0;
    double generation_delay_reduction = 0;
    double energy_saving = 0;
    double prefill_energy_saving = 0;
    double generation_energy_saving = 0;
    double kv_reduction = 0;          ///< peak bytes of the base / of the other
    double kv_traffic_reduction = 0;  ///< KV bytes asked of DRAM, base / other
    double dram_traffic_reduction = 0;
    double tokens_per_second_gain = 0;
    double kv_mmu_energy_share = 0;     ///< of the other run (EnergyBreakdown::kv_mmu_share)
    double kv_mmu_energy_overhead = 0;  ///< of the other: KV-MMU energy / energy of all else
};

Comparison compare(const RunReport& base, const RunReport& other);

/// compare.json.
nlohmann::ordered_json comparison_json(const RunReport& base, const RunReport& other);
std::string comparison_text(const RunReport& base, const RunReport& other, const TerminalStyle& style);

}  // namespace palimpsest
