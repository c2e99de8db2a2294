#pragma once
// What an entry of a cost table is given for: the block and the part of the KV-MMU that its name says, and how many of
// its unit the configured machine has. The same for powers and for areas.

#include <string_view>

#include "config/cost_table.h"
#include "config/dram_config.h"
#include "config/hardware_config.h"
#include "energy/breakdown.h"
#include "palimpsest/kv_mmu_parts.h"

namespace palimpsest {

/// The bank that the cost table's figures for buffers are given for.
inline constexpr Bytes kReferenceBank = 32 * 1024;
/// The memory that its figures for the slot table are given for.
inline constexpr Bytes kReferenceSlotTable = 4 * 1024;
/// A request in the address generator's table: where its cache lies, in bursts, and how many places it has.
inline constexpr Bytes kBaseTableEntry = 8;

/// The block that an entry's name is, or begins with. Throws InputError where there is none; `section` names the
/// object of the cost table.
EnergyBlock block_of(std::string_view entry, std::string_view section);

/// The part of an entry of block kv_mmu: `other` where its name says none.
KvMmuPart kv_mmu_part_of(std::string_view entry);

/// Bytes of each part's memory on chip, as the figures of the shipped cost table mean them.
ByKvMmuPart<Bytes> kv_mmu_memories(const HardwareConfig& hardware, const DramConfig& dram);

/// How many of `per` the machine has for the entry of block `block`. Memories whose size is a parameter count by what
/// `of_bank` (leakage, area) makes of their banks: a buffer's bank as `of_bank`(its size) / `of_bank`(reference bank).
/// Throws InputError where the block has none of it; `section` names the object of the cost table.
double units_of(std::string_view entry, std::string_view section, EnergyBlock block, StaticUnit per,
                const HardwareConfig& hardware, const DramConfig& dram, double (*of_bank)(Bytes));

}  // namespace palimpsest
