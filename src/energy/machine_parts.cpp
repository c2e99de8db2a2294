#include "energy/machine_parts.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr double kKib = 1024;

// Memories of the KV-MMU that no parameter sets; what their figures in the cost table are given for.
constexpr Bytes kRowAccumulator = 512;  // 256 scores of 16 bits: 128 slots and a chunk of 128
constexpr Bytes kBaseTable = 16 * kBaseTableEntry;

double banks(const BufferConfig& buffer, double (*of_bank)(Bytes)) {
    return buffer.banks * of_bank(buffer.bank_bytes) / of_bank(kReferenceBank);
}

std::optional<double> banks_of(EnergyBlock block, const BuffersConfig& buffers, double (*of_bank)(Bytes)) {
    switch (block) {
        case EnergyBlock::weight_buffer:
            return banks(buffers.weight, of_bank);
        case EnergyBlock::activation_buffer:
            return banks(buffers.activation, of_bank);
        case EnergyBlock::kv_buffer:
            return banks(buffers.kv, of_bank);
        case EnergyBlock::score_buffer:
            return banks(buffers.score, of_bank);
        default:
            return std::nullopt;
    }
}

/// The slot table, in banks of at most the reference bank, in KiB of the table that the figures are given for.
double slot_table_kib(Bytes bytes, double (*of_bank)(Bytes)) {
    const Bytes bank = std::min(bytes, kReferenceBank);
    const double all = static_cast<double>(bytes) / static_cast<double>(bank) * of_bank(bank);
    return all / of_bank(kReferenceSlotTable) * static_cast<double>(kReferenceSlotTable) / kKib;
}

/// KiB of the block's own memory, of a part of the KV-MMU the part's.
std::optional<double> kib_of(std::string_view entry, EnergyBlock block, const HardwareConfig& hardware,
                             const DramConfig& dram, double (*of_bank)(Bytes)) {
    switch (block) {
        case EnergyBlock::pe_array:  // two halves of INT32 sums
            return 2.0 * hardware.pe_array.accumulator_rows * hardware.pe_array.columns * 4 / kKib;
        case EnergyBlock::vector_unit:
            return 3.0 * hardware.vector_unit.register_file_bytes / kKib;
        case EnergyBlock::dma:  // one line buffer a request in flight, two streams
            return 2.0 * hardware.dma.outstanding * static_cast<double>(hardware.dma.request_bytes) / kKib;
        case EnergyBlock::kv_mmu: {
            const KvMmuPart part = kv_mmu_part_of(entry);
            if (part == KvMmuPart::slot_table) {
                return slot_table_kib(hardware.kv_mmu.slot_table_bytes, of_bank);
            }
            const auto bytes =
                part == KvMmuPart::other ? hardware.kv_mmu.score_store_bytes : kv_mmu_memories(hardware, dram)[part];
            return static_cast<double>(bytes) / kKib;
        }
        default:
            return std::nullopt;
    }
}

std::optional<double> units_if_any(std::string_view entry, EnergyBlock block, StaticUnit per,
                                   const HardwareConfig& hardware, const DramConfig& dram, double (*of_bank)(Bytes)) {
    switch (per) {
        case StaticUnit::machine:
            return 1.0;
        case StaticUnit::bank:
            return banks_of(block, hardware.buffers, of_bank);
        case StaticUnit::pe:
            return block == EnergyBlock::pe_array
                       ? std::optional(static_cast<double>(hardware.pe_array.rows) * hardware.pe_array.columns)
                       : std::nullopt;
        case StaticUnit::lane:
            return block == EnergyBlock::vector_unit ? std::optional<double>(hardware.vector_unit.lanes) : std::nullopt;
        case StaticUnit::kib:
            return kib_of(entry, block, hardware, dram, of_bank);
    }
    return std::nullopt;
}

}  // namespace

EnergyBlock block_of(std::string_view entry, std::string_view section) {
    std::string accepted;
    for (std::size_t i = 0; i < kEnergyBlocks; ++i) {
        const std::string_view name = name_of(static_cast<EnergyBlock>(i));
        if (entry == name || entry.starts_with(fmt::format("{}_", name))) {
            return static_cast<EnergyBlock>(i);
        }
        accepted += fmt::format("{}{}", i == 0 ? "" : ", ", name);
    }
    throw InputError("cost table", fmt::format("{}.{}", section, entry), "no such block",
                     accepted + ", or one of them with _PART after it");
}

KvMmuPart kv_mmu_part_of(std::string_view entry) {
    if (entry == "kv_mmu_row_accumulators") {
        return KvMmuPart::victim_unit;
    }
    for (std::size_t i = 0; i < kKvMmuParts; ++i) {
        const auto part = static_cast<KvMmuPart>(i);
        if (part != KvMmuPart::spilled_scores && entry == fmt::format("kv_mmu_{}", name_of(part))) {
            return part;
        }
    }
    return KvMmuPart::other;
}

ByKvMmuPart<Bytes> kv_mmu_memories(const HardwareConfig& hardware, const DramConfig& dram) {
    const KvMmuConfig& mmu = hardware.kv_mmu;
    ByKvMmuPart<Bytes> bytes;
    bytes[KvMmuPart::slot_table] = mmu.slot_table_bytes;
    bytes[KvMmuPart::score_store] = mmu.score_store_bytes;
    bytes[KvMmuPart::victim_unit] = (mmu.score_prefetch ? 2 : 1) * kRowAccumulator;
    bytes[KvMmuPart::address_generator] = kBaseTable;
    bytes[KvMmuPart::write_combiner] = mmu.write_combine_entries * dram.burst_bytes();
    return bytes;
}

double units_of(std::string_view entry, std::string_view section, EnergyBlock block, StaticUnit per,
                const HardwareConfig& hardware, const DramConfig& dram, double (*of_bank)(Bytes)) {
    const std::optional<double> units = units_if_any(entry, block, per, hardware, dram, of_bank);
    if (!units) {
        throw InputError(
            "cost table", fmt::format("{}.{}.per", section, entry),
            fmt::format("\"{}\", of which block {} has none", kStaticUnitNames[static_cast<std::size_t>(per)],
                        name_of(block)),
            "machine; bank for a buffer; pe for pe_array; lane for vector_unit; kib for pe_array, vector_unit, dma "
            "and kv_mmu");
    }
    return *units;
}

}  // namespace palimpsest
