#pragma once
// A finished run with everything that reports are made from, and the figures that several of them show.

#include <optional>
#include <string>

#include "config/run_config.h"
#include "energy/area.h"
#include "energy/breakdown.h"
#include "palimpsest/result.h"

namespace palimpsest {

struct RunReport {
    RunConfig config;
    RunResult result;
    EnergyBreakdown energy;
    std::optional<ChipArea> area;  ///< where the cost table has areas
};

/// Measures the energy of `result` and the area of its machine with the configuration's costs. Throws as EnergyMeter
/// and chip_area do.
RunReport make_run_report(RunConfig config, RunResult result);

/// Simulated time of so many core cycles.
double seconds_of(const RunReport& report, Cycles cycles);
/// New tokens of all requests a second of the generation phase; 0 without generation.
double generation_tokens_per_second(const RunReport& report);
/// Bytes moved / (peak bandwidth x time), 0 to 1.
double bandwidth_utilisation(const RunReport& report);
/// Row hits / all row outcomes, 0 to 1.
double row_hit_rate(const DramCounts& dram);
/// Bytes of an unmanaged cache / most bytes held; 1 where nothing is cached.
double kv_reduction(const RunReport& report);
/// Busy cycles / all cycles, 0 to 1.
double utilisation(const UnitResult& unit);
/// a / b, and 0 for b = 0.
double ratio(double a, double b);

}  // namespace palimpsest
