#pragma once
// Where a run's joules went: by block, by phase, by class, and item by item.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "palimpsest/kv_mmu_parts.h"

namespace palimpsest {

enum class EnergyBlock : std::uint8_t {
    pe_array,
    vector_unit,
    weight_buffer,
    activation_buffer,
    kv_buffer,
    score_buffer,
    dma,
    sequencer,
    kv_mmu,
    dram
};
inline constexpr std::size_t kEnergyBlocks = 10;

enum class EnergyPhase : std::uint8_t {
    prefill,
    generation,
    operators,  ///< a workload of single operators
    mixed,      ///< steps with tokens of both, where requests come one by one
    idle,       ///< waits for requests
    other,      ///< of a transformer run, what lies in neither phase
};
inline constexpr std::size_t kEnergyPhases = 6;

enum class EnergyClass : std::uint8_t {
    compute,         ///< array, vector lanes, command handling
    on_chip_memory,  ///< buffers, accumulators, line buffers
    dram_kv,         ///< commands and I/O bits that each kind of traffic caused
    dram_weights,
    dram_activations,
    dram_scores,   ///< scores that do not fit the KV-MMU's store
    kv_mmu,        ///< what the KV-MMU does, without its leakage
    static_power,  ///< leakage and idle power of the chip, DRAM standby and refresh; "static" in reports
};
inline constexpr std::size_t kEnergyClasses = 8;

std::string_view name_of(EnergyBlock block);
std::string_view name_of(EnergyPhase phase);
std::string_view name_of(EnergyClass energy_class);

/// One cost and how often it was paid. For a power, `count` is picoseconds and `cost` is mW (all instances together).
struct EnergyItem {
    std::string name;  ///< action, "static/BLOCK", or DRAM background; DRAM actions appear once a class
    EnergyBlock block = EnergyBlock::pe_array;
    EnergyClass energy_class = EnergyClass::compute;
    std::uint64_t count = 0;
    double cost = 0;  ///< of one, as configured: scaled to the configured memory sizes, DRAM scale applied
    bool power = false;
    double joules = 0;
    std::string source;
    std::string confidence;
};

/// What a part of the KV-MMU did and took.
struct KvMmuPartEnergy {
    std::uint64_t accesses = 0;  ///< operations; of spilled scores, bursts
    double dynamic_joules = 0;
    double static_joules = 0;

    double joules() const { return dynamic_joules + static_joules; }
};

/// The run's energy with one cost at the ends of its plausible range, all others at their values.
struct SensitivityRow {
    std::string cost;  ///< name in the cost table
    double low_joules = 0;
    double high_joules = 0;
    double swing_joules() const { return high_joules - low_joules; }
};

/// All doubles are whole multiples of one power of two that is small enough for the total (2^-52 of it or finer), so
/// the parts add up to `joules` exactly, in any order, in double arithmetic.
struct EnergyBreakdown {
    double joules = 0;
    std::array<double, kEnergyBlocks> by_block{};
    std::array<double, kEnergyPhases> by_phase{};
    std::array<double, kEnergyClasses> by_class{};
    std::array<KvMmuPartEnergy, kKvMmuParts> kv_mmu{};  ///< add up to block kv_mmu + class dram_scores
    double kv_mmu_share = 0;  ///< (block kv_mmu with its leakage + class dram_scores) / joules
    std::vector<EnergyItem> items;
    std::vector<double> operator_joules;      ///< one an operator of the workload; each rounded by itself
    std::vector<SensitivityRow> sensitivity;  ///< largest swing first

    double operator[](EnergyBlock b) const { return by_block[static_cast<std::size_t>(b)]; }
    double operator[](EnergyPhase p) const { return by_phase[static_cast<std::size_t>(p)]; }
    double operator[](EnergyClass c) const { return by_class[static_cast<std::size_t>(c)]; }
    const KvMmuPartEnergy& operator[](KvMmuPart p) const { return kv_mmu[static_cast<std::size_t>(p)]; }
};

}  // namespace palimpsest
