#pragma once
// The energy meter: counts x costs + powers x time, with parts that add up exactly.
//
//     const EnergyMeter meter(config.hardware, config.dram, config.cost);
//     const EnergyBreakdown energy = meter.measure(result);
//
// Costs are whole attojoules and products are summed in 128 bits, so nothing is lost before the conversion to joules.

#include <vector>

#include "energy/breakdown.h"
#include "energy/cost_model.h"

namespace palimpsest {

class EnergyMeter {
  public:
    EnergyMeter(const HardwareConfig& hardware, const DramConfig& dram, const CostTable& table);

    /// Energy of a run. The phases are prefill and generation, in serving mixed and idle; what the total counts beyond
    /// them is `operators` where the workload is a list of operators and `other` elsewhere. Throws SimulationError when
    /// the counts contradict each other: a phase larger than the run, or DRAM commands that are in no traffic class.
    EnergyBreakdown measure(const RunResult& result) const;
    /// Energy of one interval.
    double joules(const Interval& interval) const;
    const std::vector<MachineCost>& costs() const { return costs_; }

  private:
    std::vector<MachineCost> costs_;
};

}  // namespace palimpsest
