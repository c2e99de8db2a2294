#pragma once
// Every cost of one configured machine as one list: what it is, who pays, how much, and how to count it in an interval.
// The energy meter adds them up; the sensitivity report varies them one by one.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/cost_table.h"
#include "config/dram_config.h"
#include "config/hardware_config.h"
#include "energy/breakdown.h"
#include "palimpsest/kv_mmu_parts.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// One cost, in whole attojoules (1e-18 J) so that sums are exact: an action's energy to 1e-6 pJ, a power to 1 uW as
/// attojoules a picosecond.
struct MachineCost {
    std::string name;
    std::string table_entry;  ///< the cost-table entry that sets it; costs that share one vary together
    EnergyBlock block = EnergyBlock::pe_array;
    EnergyClass energy_class = EnergyClass::compute;
    std::optional<KvMmuPart> kv_mmu_part{};  ///< of block kv_mmu and class dram_scores
    bool power = false;
    bool access = false;  ///< its counts are operations of the block, and no by-product such as an activation
    std::uint64_t attojoules = 0, low_attojoules = 0, high_attojoules = 0;
    std::function<std::uint64_t(const Interval&)> count;
    std::string source;
    std::string confidence;

    /// pJ of one action, or mW.
    double cost() const { return static_cast<double>(attojoules) * (power ? 1e-3 : 1e-6); }
};

/// Scales buffer costs to the configured bank sizes, multiplies static powers by what they are given for, and takes the
/// DRAM costs from the DRAM configuration. Throws InputError for a static entry of an unknown block or with a unit that
/// the block has none of.
std::vector<MachineCost> machine_costs(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table);

}  // namespace palimpsest
