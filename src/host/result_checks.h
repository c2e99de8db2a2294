#pragma once
// What must hold of every result, checked at the end of every run.

#include "config/run_config.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// Throws SimulationError, naming what does not hold, unless
///  - every unit's cycles by state add up to the run's cycles,
///  - the DRAM's channel-clocks by state add up, and its bursts to its bytes,
///  - the run is not faster than physics: cycles >= bytes / peak bandwidth, cycles >= multiply-accumulates / peak rate,
///  - the steps' cycles and the phases' cycles each add up to the run's.
void check_result(const RunConfig& config, const RunResult& result);

}  // namespace palimpsest
