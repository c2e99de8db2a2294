#include "energy/meter.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

__extension__ using Attojoules = unsigned __int128;
constexpr double kJoulesPerAttojoule = 1e-18;

double to_joules(Attojoules a) {
    return static_cast<double>(a) * kJoulesPerAttojoule;
}

/// The grid on which the parts of a run add up without rounding: 2^-52 of the total, or finer.
double grid_of(Attojoules total) {
    return total == 0 ? 1.0 : std::ldexp(1.0, std::ilogb(to_joules(total)) - 51);
}

double on_grid(Attojoules a, double grid) {
    return std::round(to_joules(a) / grid) * grid;
}

using PhaseCounts = std::array<std::uint64_t, kEnergyPhases>;

PhaseCounts counts_by_phase(const MachineCost& cost, const RunResult& result) {
    const std::uint64_t total = cost.count(result.total);
    const std::uint64_t prefill = cost.count(result.prefill);
    const std::uint64_t generation = cost.count(result.generation);
    const std::uint64_t mixed = result.serving ? cost.count(result.serving->mixed) : 0;
    const std::uint64_t idle = result.serving ? cost.count(result.serving->idle) : 0;
    if (prefill > total || generation > total - prefill || mixed + idle > total - prefill - generation) {
        throw SimulationError(
            fmt::format("energy: {} is counted {} times in prefill, {} in generation, {} in steps of both and {} "
                        "between steps, but {} in the run",
                        cost.name, prefill, generation, mixed, idle, total));
    }
    const bool operators = !result.operators.empty();
    const std::uint64_t rest = total - prefill - generation - mixed - idle;
    return {prefill, generation, operators ? rest : 0, mixed, idle, operators ? 0 : rest};
}

template <class Counts>
void check_sum(const char* what, std::uint64_t total, const Counts& by_class) {
    const std::uint64_t sum = std::accumulate(by_class.begin(), by_class.end(), std::uint64_t{0});
    if (sum != total) {
        throw SimulationError(fmt::format("energy: {} DRAM {}, but {} by traffic class", total, what, sum));
    }
}

void check(const DramCounts& dram) {
    check_sum("activates", dram.activates, dram.activates_by_class);
    check_sum("reads", dram.reads, dram.read_bursts_by_class);
    check_sum("writes", dram.writes, dram.write_bursts_by_class);
}

/// Adds an item to the part of the KV-MMU that its cost names.
void add_to_part(const MachineCost& cost, const EnergyItem& item, EnergyBreakdown& energy) {
    if (!cost.kv_mmu_part) {
        return;
    }
    KvMmuPartEnergy& part = energy.kv_mmu[static_cast<std::size_t>(*cost.kv_mmu_part)];
    (cost.power ? part.static_joules : part.dynamic_joules) += item.joules;
    if (cost.access) {
        part.accesses += item.count;
    }
}

struct Range {
    Attojoules low = 0, value = 0, high = 0;
};

std::vector<SensitivityRow> sensitivity_rows(const std::map<std::string, Range>& ranges, Attojoules total) {
    std::vector<SensitivityRow> rows;
    for (const auto& [name, range] : ranges) {
        const Attojoules others = total - range.value;
        rows.push_back({name, to_joules(others + range.low), to_joules(others + range.high)});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const SensitivityRow& a, const SensitivityRow& b) {
        return a.swing_joules() > b.swing_joules();
    });
    return rows;
}

}  // namespace

EnergyMeter::EnergyMeter(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table)
    : costs_(machine_costs(hardware, dram, table)) {}

double EnergyMeter::joules(const Interval& interval) const {
    Attojoules sum = 0;
    for (const MachineCost& cost : costs_) {
        sum += Attojoules{cost.attojoules} * cost.count(interval);
    }
    return to_joules(sum);
}

EnergyBreakdown EnergyMeter::measure(const RunResult& result) const {
    check(result.total.dram);
    std::vector<PhaseCounts> counts;
    std::map<std::string, Range> ranges;
    Attojoules total = 0;
    for (const MachineCost& cost : costs_) {
        counts.push_back(counts_by_phase(cost, result));
        const std::uint64_t n = cost.count(result.total);
        total += Attojoules{cost.attojoules} * n;
        Range& range = ranges[cost.table_entry];
        range.low += Attojoules{cost.low_attojoules} * n;
        range.value += Attojoules{cost.attojoules} * n;
        range.high += Attojoules{cost.high_attojoules} * n;
    }

    EnergyBreakdown energy;
    const double grid = grid_of(total);
    for (std::size_t i = 0; i < costs_.size(); ++i) {
        const MachineCost& cost = costs_[i];
        EnergyItem item{cost.name,  cost.block, cost.energy_class, cost.count(result.total), cost.cost(),
                        cost.power, 0,          cost.source,       cost.confidence};
        for (std::size_t phase = 0; phase < kEnergyPhases; ++phase) {
            const double part = on_grid(Attojoules{cost.attojoules} * counts[i][phase], grid);
            item.joules += part;
            energy.by_phase[phase] += part;
        }
        energy.by_block[static_cast<std::size_t>(cost.block)] += item.joules;
        energy.by_class[static_cast<std::size_t>(cost.energy_class)] += item.joules;
        energy.joules += item.joules;
        add_to_part(cost, item, energy);
        energy.items.push_back(std::move(item));
    }
    if (energy.joules > 0) {
        energy.kv_mmu_share = (energy[EnergyBlock::kv_mmu] + energy[EnergyClass::dram_scores]) / energy.joules;
    }
    for (const OperatorResult& op : result.operators) {
        energy.operator_joules.push_back(joules(op.interval));
    }
    energy.sensitivity = sensitivity_rows(ranges, total);
    return energy;
}

}  // namespace palimpsest
