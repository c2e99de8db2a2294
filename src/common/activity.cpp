#include "palimpsest/activity.h"

#include <algorithm>
#include <numeric>

namespace palimpsest {

std::string_view name_of(UnitState state) {
    static constexpr std::array<std::string_view, kUnitStates> names{
        "busy", "operand", "buffer_full", "dependency", "dram", "port_conflict", "refresh", "drained"};
    return names[static_cast<std::size_t>(state)];
}

Cycles ActivityCounts::total() const {
    return std::accumulate(cycles.begin(), cycles.end(), Cycles{0});
}

ActivityCounts ActivityCounts::operator-(const ActivityCounts& earlier) const {
    ActivityCounts difference;
    for (std::size_t i = 0; i < kUnitStates; ++i) {
        difference.cycles[i] = cycles[i] - earlier.cycles[i];
    }
    return difference;
}

ActivityCounts& ActivityCounts::operator+=(const ActivityCounts& other) {
    for (std::size_t i = 0; i < kUnitStates; ++i) {
        cycles[i] += other.cycles[i];
    }
    return *this;
}

void ActivityMeter::reattribute(UnitState from, UnitState to, Cycles cycles) {
    const Cycles moved = std::min(cycles, counts_[from]);
    counts_[from] -= moved;
    counts_[to] += moved;
}

}  // namespace palimpsest
