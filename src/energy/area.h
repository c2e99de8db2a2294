#pragma once
// The chip's area, from the areas of a cost table and the memories and units of the configured machine.
//
//     if (const std::optional<ChipArea> area = chip_area(config.hardware, config.dram, config.cost)) ...
//
// Blocks side by side, without what a layout adds between them; no pads and no DRAM interface.

#include <array>
#include <optional>

#include "config/cost_table.h"
#include "config/dram_config.h"
#include "config/hardware_config.h"
#include "energy/breakdown.h"
#include "palimpsest/kv_mmu_parts.h"

namespace palimpsest {

struct ChipArea {
    double mm2 = 0;
    double low_mm2 = 0, high_mm2 = 0;  ///< with all entries at the ends of their ranges
    std::array<double, kEnergyBlocks> by_block{};
    ByKvMmuPart<double> kv_mmu;

    double operator[](EnergyBlock block) const { return by_block[static_cast<std::size_t>(block)]; }
    /// The KV-MMU's part of the chip, 0 to 1.
    double kv_mmu_share() const { return mm2 > 0 ? (*this)[EnergyBlock::kv_mmu] / mm2 : 0; }
};

/// Nothing where the table has no areas. Throws InputError for an entry of a block that is unknown or not on the chip,
/// or with a unit that the block has none of.
std::optional<ChipArea> chip_area(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table);

}  // namespace palimpsest
