#pragma once
// The constraints between commands as one table, to be checked against the JEDEC sheet line by line: timing_table.cpp.

#include <cstdint>
#include <vector>

#include "config/dram_config.h"

namespace palimpsest {

/// Commands as far as timing tells them apart; PREA counts as a PRE of every bank of the rank.
enum class TimedCommand : std::uint8_t {
    activate,
    precharge,
    read,
    write,
    refresh,
    refresh_bank,
    power_down_enter,
    power_down_exit,
    self_refresh_enter,
    self_refresh_exit,
};
inline constexpr std::size_t kTimedCommands = 10;

/// A set of commands, one bit each.
using TimedCommandSet = std::uint32_t;
inline constexpr TimedCommandSet kAllTimedCommands = (1U << kTimedCommands) - 1;
constexpr TimedCommandSet set_of(TimedCommand command) {
    return TimedCommandSet{1} << static_cast<unsigned>(command);
}

/// Between which commands a constraint holds.
enum class TimingLevel : std::uint8_t {
    bank,         ///< same bank
    bank_group,   ///< same rank and bank group
    rank,         ///< same rank
    other_ranks,  ///< any other rank of the channel
};

/// `following` not before `latency` clocks after `preceding`, or, with a window of n, after the n-th last `preceding`.
struct TimingConstraint {
    TimingLevel level;
    TimedCommand preceding;
    TimedCommand following;
    std::uint32_t latency;
    const char* name;
    std::uint32_t window = 1;
};

std::vector<TimingConstraint> timing_table(const DramTiming& timing);

}  // namespace palimpsest
