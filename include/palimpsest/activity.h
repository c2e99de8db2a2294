#pragma once
// Cycle accounting of one unit: every cycle is busy or stalled for one named cause, and the sum is the run.

#include <array>
#include <cstdint>
#include <string_view>

#include "palimpsest/types.h"

namespace palimpsest {

enum class UnitState : std::uint8_t {
    busy,           ///< doing its work
    operand,        ///< waits for data that a load is bringing
    buffer_full,    ///< waits for a buffer half, queue or table entry to become free
    dependency,     ///< waits for a result of another compute unit
    dram,           ///< has requests in DRAM and nothing else to do
    port_conflict,  ///< waits for an SRAM port that a unit of higher priority holds
    refresh,        ///< has requests in DRAM, which is refreshing
    drained,        ///< there is no work for it
};
inline constexpr std::size_t kUnitStates = 8;

/// The name a state has in report.json.
std::string_view name_of(UnitState state);

/// Cycles spent in each state.
struct ActivityCounts {
    std::array<Cycles, kUnitStates> cycles{};

    Cycles operator[](UnitState s) const { return cycles[static_cast<std::size_t>(s)]; }
    Cycles& operator[](UnitState s) { return cycles[static_cast<std::size_t>(s)]; }
    Cycles busy() const { return (*this)[UnitState::busy]; }
    Cycles total() const;
    ActivityCounts operator-(const ActivityCounts& earlier) const;
    ActivityCounts& operator+=(const ActivityCounts& other);
};

/// Follows the state of one unit over time. States last from the cycle they are set until the next is set.
class ActivityMeter {
  public:
    /// From `cycle` on the unit is in `state`. Cycles never go back.
    void set(UnitState state, Cycles cycle) {
        counts_[state_] += cycle - since_;
        since_ = cycle;
        state_ = state;
    }
    /// Moves `cycles` already booked in `from` to `to`: for a cause that is known only when the wait is over.
    /// Moves at most what is booked.
    void reattribute(UnitState from, UnitState to, Cycles cycles);
    /// Counts up to `cycle`; afterwards `counts().total() == cycle`.
    const ActivityCounts& close(Cycles cycle) {
        set(state_, cycle);
        return counts_;
    }
    UnitState state() const { return state_; }
    /// Cycles in `state` up to `cycle`, without counting them yet.
    Cycles cycles_in(UnitState state, Cycles cycle) const {
        return counts_[state] + (state == state_ ? cycle - since_ : 0);
    }
    const ActivityCounts& counts() const { return counts_; }

  private:
    ActivityCounts counts_;
    Cycles since_ = 0;
    UnitState state_ = UnitState::drained;
};

}  // namespace palimpsest
