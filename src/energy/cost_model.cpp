#include "energy/cost_model.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "energy/dram_energy.h"
#include "energy/machine_parts.h"
#include "energy/sram_scaling.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr double kAttojoulesPerPicojoule = 1e6;
constexpr double kAttojoulesPerPicosecondAtOneMilliwatt = 1e3;

// The memories that the cost table's figures are given for (the `source` of each entry says so).
constexpr std::uint32_t kReferenceWord = 32;
constexpr Bytes kReferenceColumnMemory = 2 * 1024;
constexpr std::uint32_t kReferenceColumnWord = 8;
constexpr Bytes kReferenceLineBuffer = 2 * 1024;
constexpr Bytes kReferenceBurst = 128;
constexpr std::uint32_t kReferenceSlotTableWord = 8;

std::uint64_t whole(double value) {
    return static_cast<std::uint64_t>(std::llround(std::max(0.0, value)));
}

struct ActionPlace {
    EnergyBlock block;
    EnergyClass energy_class;
};

/// Who pays for an action that is not DRAM's.
ActionPlace place_of(Action action) {
    using enum Action;
    using B = EnergyBlock;
    using C = EnergyClass;
    switch (action) {
        case pe_mac:
        case pe_weight_load:
        case pe_register_hop:
            return {B::pe_array, C::compute};
        case accumulator_access:
            return {B::pe_array, C::on_chip_memory};
        case weight_buffer_read:
        case weight_buffer_write:
            return {B::weight_buffer, C::on_chip_memory};
        case activation_buffer_read:
        case activation_buffer_write:
            return {B::activation_buffer, C::on_chip_memory};
        case kv_buffer_read:
        case kv_buffer_write:
            return {B::kv_buffer, C::on_chip_memory};
        case score_buffer_read:
        case score_buffer_write:
            return {B::score_buffer, C::on_chip_memory};
        case vector_lane_add:
        case vector_lane_multiply:
        case vector_lane_special:
            return {B::vector_unit, C::compute};
        case dma_word:
            return {B::dma, C::on_chip_memory};
        case sequencer_command:
            return {B::sequencer, C::compute};
        case kv_slot_table_read:
        case kv_slot_table_write:
        case kv_score_read:
        case kv_score_write:
        case kv_score_add:
        case kv_victim_compare:
        case kv_address:
        case kv_write_combine:
        case kv_position_compare:
            return {B::kv_mmu, C::kv_mmu};
        case dram_activate:
        case dram_read:
        case dram_write:
        case dram_refresh:
        case dram_io_bit:
            break;
    }
    return {B::dram, C::static_power};
}

/// The part of the KV-MMU that does it; nothing for other blocks' actions.
std::optional<KvMmuPart> part_of(Action action) {
    using enum Action;
    switch (action) {
        case kv_slot_table_read:
        case kv_slot_table_write:
            return KvMmuPart::slot_table;
        case kv_score_read:
        case kv_score_write:
            return KvMmuPart::score_store;
        case kv_score_add:
        case kv_victim_compare:
        case kv_position_compare:
            return KvMmuPart::victim_unit;
        case kv_address:
            return KvMmuPart::address_generator;
        case kv_write_combine:
            return KvMmuPart::write_combiner;
        default:
            return std::nullopt;
    }
}

double bank_scale(SramAccess access, const BufferConfig& buffer) {
    return sram_access_pj(access, buffer.bank_bytes, buffer.word_bytes) /
           sram_access_pj(access, kReferenceBank, kReferenceWord);
}

double score_store_scale(SramAccess access, const KvMmuConfig& mmu) {
    const Bytes bank = std::min<Bytes>(mmu.score_store_bytes, kReferenceBank);
    return sram_access_pj(access, bank, mmu.score_word_bytes) / sram_access_pj(access, kReferenceBank, kReferenceWord);
}

/// A large table is banks, like the score store.
double slot_table_scale(SramAccess access, const KvMmuConfig& mmu) {
    const Bytes bank = std::min<Bytes>(mmu.slot_table_bytes, kReferenceBank);
    return sram_access_pj(access, bank, kReferenceSlotTableWord) /
           sram_access_pj(access, kReferenceSlotTable, kReferenceSlotTableWord);
}

/// Energy of one write and one read of a memory.
double round_trip_pj(Bytes bytes, std::uint32_t word_bytes) {
    return sram_access_pj(SramAccess::read, bytes, word_bytes) + sram_access_pj(SramAccess::write, bytes, word_bytes);
}

/// What a cost-table figure is multiplied by for the configured memory.
double memory_scale(Action action, const HardwareConfig& hardware, const DramConfig& dram) {
    using enum Action;
    const BuffersConfig& buffers = hardware.buffers;
    switch (action) {
        case weight_buffer_read:
            return bank_scale(SramAccess::read, buffers.weight);
        case weight_buffer_write:
            return bank_scale(SramAccess::write, buffers.weight);
        case activation_buffer_read:
            return bank_scale(SramAccess::read, buffers.activation);
        case activation_buffer_write:
            return bank_scale(SramAccess::write, buffers.activation);
        case kv_buffer_read:
            return bank_scale(SramAccess::read, buffers.kv);
        case kv_buffer_write:
            return bank_scale(SramAccess::write, buffers.kv);
        case score_buffer_read:
            return bank_scale(SramAccess::read, buffers.score);
        case score_buffer_write:
            return bank_scale(SramAccess::write, buffers.score);
        case kv_slot_table_read:
            return slot_table_scale(SramAccess::read, hardware.kv_mmu);
        case kv_slot_table_write:
            return slot_table_scale(SramAccess::write, hardware.kv_mmu);
        case kv_score_read:
            return score_store_scale(SramAccess::read, hardware.kv_mmu);
        case kv_score_write:
            return score_store_scale(SramAccess::write, hardware.kv_mmu);
        case accumulator_access:
            return round_trip_pj(Bytes{4} * hardware.pe_array.accumulator_rows, kReferenceColumnWord) /
                   round_trip_pj(kReferenceColumnMemory, kReferenceColumnWord);
        case dma_word:
            return round_trip_pj(hardware.dma.request_bytes, kReferenceWord) /
                   round_trip_pj(kReferenceLineBuffer, kReferenceWord);
        case kv_write_combine:
            return static_cast<double>(dram.burst_bytes()) / kReferenceBurst;
        default:
            return 1.0;
    }
}

MachineCost make_cost(std::string name, std::string table_entry, ActionPlace place, const CostEntry& entry,
                      double factor, double attojoules_per_unit) {
    MachineCost cost;
    cost.name = std::move(name);
    cost.table_entry = std::move(table_entry);
    cost.block = place.block;
    cost.energy_class = place.energy_class;
    cost.attojoules = whole(entry.value * factor * attojoules_per_unit);
    cost.low_attojoules = whole(entry.low * factor * attojoules_per_unit);
    cost.high_attojoules = whole(entry.high * factor * attojoules_per_unit);
    cost.source = entry.source;
    cost.confidence = entry.confidence;
    return cost;
}

void add_actions(std::vector<MachineCost>& costs, const HardwareConfig& hardware, const DramConfig& dram,
                 const CostTable& table) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Action::dram_activate); ++i) {
        const auto action = static_cast<Action>(i);
        MachineCost cost = make_cost(std::string(name_of(action)), std::string(name_of(action)), place_of(action),
                                     table.actions[i], memory_scale(action, hardware, dram), kAttojoulesPerPicojoule);
        cost.kv_mmu_part = part_of(action);
        cost.access = true;
        cost.count = [action](const Interval& interval) { return interval.actions[action]; };
        costs.push_back(std::move(cost));
    }
}

void add_static(std::vector<MachineCost>& costs, const HardwareConfig& hardware, const DramConfig& dram,
                const CostTable& table) {
    for (const StaticEntry& entry : table.static_power) {
        const EnergyBlock block = block_of(entry.block, "static_power");
        const double number = units_of(entry.block, "static_power", block, entry.per, hardware, dram, sram_leakage_mw);
        const std::string name = "static/" + entry.block;
        MachineCost cost = make_cost(name, name, {block, EnergyClass::static_power}, entry.power_mw, number,
                                     kAttojoulesPerPicosecondAtOneMilliwatt);
        cost.power = true;
        if (block == EnergyBlock::kv_mmu) {
            cost.kv_mmu_part = kv_mmu_part_of(entry.block);
        }
        cost.count = [period = hardware.core_clock_ps](const Interval& interval) { return interval.cycles * period; };
        costs.push_back(std::move(cost));
    }
}

EnergyClass class_of(Traffic traffic) {
    switch (traffic) {
        case Traffic::weights:
            return EnergyClass::dram_weights;
        case Traffic::activations:
            return EnergyClass::dram_activations;
        case Traffic::kv:
            return EnergyClass::dram_kv;
        case Traffic::scores:
            return EnergyClass::dram_scores;
    }
    return EnergyClass::static_power;
}

/// DRAM costs: commands and I/O by the traffic that caused them; refresh and standby are static.
void add_dram(std::vector<MachineCost>& costs, const DramConfig& dram, const CostTable& table) {
    const std::string source = fmt::format("DRAM file {}", dram.name);
    const auto add = [&](const DramEnergyTerm& term, EnergyClass energy_class, auto count) {
        MachineCost cost = make_cost(std::string(term.name), "dram_scale", {EnergyBlock::dram, energy_class},
                                     table.dram_scale, dram.energy.*term.cost,
                                     term.power ? kAttojoulesPerPicosecondAtOneMilliwatt : kAttojoulesPerPicojoule);
        cost.power = term.power;
        cost.source = source;
        if (energy_class == EnergyClass::dram_scores) {
            cost.kv_mmu_part = KvMmuPart::spilled_scores;
        }
        cost.access = term.cost == &DramEnergy::read_burst_pj || term.cost == &DramEnergy::write_burst_pj;
        cost.count = std::move(count);
        costs.push_back(std::move(cost));
    };
    for (const DramEnergyTerm& term : dram_energy_terms()) {
        if (term.count_of == nullptr) {
            add(term, EnergyClass::static_power, [&term, dram](const Interval& i) { return term.count(i.dram, dram); });
            continue;
        }
        for (std::size_t t = 0; t < kTrafficClasses; ++t) {
            const auto traffic = static_cast<Traffic>(t);
            add(term, class_of(traffic),
                [&term, traffic, dram](const Interval& i) { return term.count_of(i.dram, dram, traffic); });
        }
    }
}

}  // namespace

std::vector<MachineCost> machine_costs(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table) {
    std::vector<MachineCost> costs;
    add_actions(costs, hardware, dram, table);
    add_static(costs, hardware, dram, table);
    add_dram(costs, dram, table);
    return costs;
}

}  // namespace palimpsest
