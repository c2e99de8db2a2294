#pragma once
// What must hold of a run's profile: everything that happened is booked once.

#include "palimpsest/result.h"

namespace palimpsest {

/// Throws SimulationError unless the profile's sums are the run's totals: cycles, multiply-accumulates, DRAM bytes
/// asked for, busy cycles of each unit, and the series' bytes.
void check_profile(const RunResult& result);

}  // namespace palimpsest
