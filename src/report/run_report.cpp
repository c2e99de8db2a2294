#include "report/run_report.h"

#include <utility>

#include "energy/meter.h"

namespace palimpsest {

RunReport make_run_report(RunConfig config, RunResult result) {
    const EnergyMeter meter(config.hardware, config.dram, config.cost);
    EnergyBreakdown energy = meter.measure(result);
    std::optional<ChipArea> area = chip_area(config.hardware, config.dram, config.cost);
    return {std::move(config), std::move(result), std::move(energy), area};
}

double ratio(double a, double b) {
    return b == 0 ? 0 : a / b;
}

double seconds_of(const RunReport& report, Cycles cycles) {
    return static_cast<double>(cycles) * static_cast<double>(report.config.hardware.core_clock_ps) * 1e-12;
}

double generation_tokens_per_second(const RunReport& report) {
    const Interval& generation = report.result.generation;
    return ratio(static_cast<double>(generation.tokens), seconds_of(report, generation.cycles));
}

double bandwidth_utilisation(const RunReport& report) {
    const Interval& total = report.result.total;
    return ratio(static_cast<double>(total.dram.bytes_read + total.dram.bytes_written),
                 report.config.dram.peak_bandwidth() * seconds_of(report, total.cycles));
}

double row_hit_rate(const DramCounts& dram) {
    return ratio(static_cast<double>(dram.row_hits),
                 static_cast<double>(dram.row_hits + dram.row_misses + dram.row_conflicts));
}

double kv_reduction(const RunReport& report) {
    const KvCacheResult& kv = report.result.kv_cache;
    return kv.peak_bytes == 0 ? 1.0 : static_cast<double>(kv.full_bytes) / static_cast<double>(kv.peak_bytes);
}

double utilisation(const UnitResult& unit) {
    return ratio(static_cast<double>(unit.cycles.busy()), static_cast<double>(unit.cycles.total()));
}

}  // namespace palimpsest
