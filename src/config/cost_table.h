#pragma once
// Costs as configs/cost/*.json gives them: an energy for each action, static powers and areas, each with its source and
// its plausible range.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "palimpsest/counters.h"

namespace palimpsest {

struct CostEntry {
    double value = 0;  ///< pJ an action, mW for static entries, um2 for areas
    double low = 0;    ///< plausible range, for the sensitivity report; low <= value <= high
    double high = 0;
    std::string source;
    std::string confidence;  ///< published, derived or assumed
};

/// What a static power or an area is given for; it is multiplied by how many of it the machine has.
enum class StaticUnit : std::uint8_t {
    machine,  ///< once
    bank,     ///< one 32 kB bank of the block's buffer (scaled to the configured bank size)
    pe,       ///< one processing element
    lane,     ///< one lane of the vector unit
    kib,      ///< one KiB of the block's own memory: accumulators, register file, line buffers, a part of the KV-MMU
};
inline constexpr std::array<std::string_view, 5> kStaticUnitNames{"machine", "bank", "pe", "lane", "kib"};

struct StaticEntry {
    std::string block;  ///< report name of the block, or "BLOCK_PART" for a part of it
    CostEntry power_mw;
    StaticUnit per = StaticUnit::machine;  ///< JSON "per"; machine when absent
};

struct AreaEntry {
    std::string block;  ///< as of a StaticEntry
    CostEntry area_um2;
    StaticUnit per = StaticUnit::machine;
};

struct CostTable {
    std::string name;
    std::string node;  ///< e.g. "65 nm"
    /// By Action; the DRAM actions and background power come from the DRAM JSON and are filled in by the energy meter.
    std::array<CostEntry, kActions> actions;
    std::vector<StaticEntry> static_power;
    std::vector<AreaEntry> area;  ///< none: no areas are worked out
    /// Multiplies all DRAM energies, for the sensitivity report: published LPDDR4 figures span 8 to 80 pJ/bit.
    CostEntry dram_scale{1.0, 0.4, 2.0, {}, {}};
};

}  // namespace palimpsest
