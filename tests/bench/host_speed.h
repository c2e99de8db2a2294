#pragma once
// What benchmarks print beside rates: ratios, which say the same on a faster host.
//
//     CpuTimer timer;
//     for (auto _ : state) { clocks += simulate(); }
//     state.counters["of_goal"] = requests / 50e6 / timer.seconds();            // 1: the goal is met, just so
//     state.counters["clocks/host_clock"] = per_host_clock(clocks, timer.seconds());

#include <ctime>

#include <benchmark/benchmark.h>

namespace palimpsest {

/// Processor time of this process since it was made: what else runs on the host counts little.
class CpuTimer {
  public:
    double seconds() const { return static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC; }

  private:
    std::clock_t begin_ = std::clock();
};

/// Simulated clocks for each clock of the host's processor, at its nominal frequency.
inline double per_host_clock(double simulated_clocks, double cpu_seconds) {
    return simulated_clocks / (cpu_seconds * benchmark::CPUInfo::Get().cycles_per_second);
}

}  // namespace palimpsest
