#include "energy/area.h"

#include "energy/machine_parts.h"
#include "energy/sram_scaling.h"
#include "palimpsest/error.h"

namespace palimpsest {

std::optional<ChipArea> chip_area(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table) {
    constexpr double mm2_per_um2 = 1e-6;
    if (table.area.empty()) {
        return std::nullopt;
    }
    ChipArea chip;
    for (const AreaEntry& entry : table.area) {
        const EnergyBlock block = block_of(entry.block, "area");
        if (block == EnergyBlock::dram) {
            throw InputError("cost table", "area." + entry.block, "DRAM is not on the chip", "a block of the chip");
        }
        const double units =
            units_of(entry.block, "area", block, entry.per, hardware, dram, sram_area_mm2) * mm2_per_um2;
        const double mm2 = entry.area_um2.value * units;
        chip.mm2 += mm2;
        chip.low_mm2 += entry.area_um2.low * units;
        chip.high_mm2 += entry.area_um2.high * units;
        chip.by_block[static_cast<std::size_t>(block)] += mm2;
        if (block == EnergyBlock::kv_mmu) {
            chip.kv_mmu[kv_mmu_part_of(entry.block)] += mm2;
        }
    }
    return chip;
}

}  // namespace palimpsest
