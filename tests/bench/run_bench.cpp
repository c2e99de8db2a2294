// Whole runs: how fast the machine simulates. Each reports simulated core cycles, DRAM bursts and SystemC delta cycles
// per second of host time, core cycles per clock of the host, and the delta cycles a simulated microsecond costs.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/host_speed.h"
#include "config/loader.h"
#include "host/simulate.h"

namespace {

using palimpsest::CpuTimer;
using palimpsest::RunResult;

RunResult run(const std::string& config, const std::vector<std::string>& overrides) {
    return palimpsest::simulate(
        palimpsest::load_run_config(std::string(PALIMPSEST_SOURCE_DIR) + "/configs/" + config, overrides));
}

void report(benchmark::State& state, const RunResult& result, double cpu_seconds) {
    const auto rate = [&](const char* name, double count) {
        state.counters[name] = {count, benchmark::Counter::kIsRate};
    };
    rate("core_cycles", static_cast<double>(result.total.cycles));
    rate("dram_bursts", static_cast<double>(result.total.dram.reads + result.total.dram.writes));
    rate("delta_cycles", static_cast<double>(result.systemc_events));
    state.counters["cycles/host_clock"] =
        palimpsest::per_host_clock(static_cast<double>(result.total.cycles), cpu_seconds);
    state.counters["deltas_per_simulated_us"] =
        static_cast<double>(result.systemc_events) / (static_cast<double>(result.total.cycles) * 1e-3);
    state.counters["peak_rss_MB"] = static_cast<double>(result.peak_rss_bytes) * 1e-6;
}

/// The quickstart with fewer generated tokens: prefill is compute-bound, generation memory-bound.
void BM_quickstart(benchmark::State& state) {
    RunResult result;
    const CpuTimer timer;
    for (auto _ : state) {
        result = run("quickstart.json", {"workload.generated_tokens=" + std::to_string(state.range(0))});
    }
    report(state, result, timer.seconds());
}
BENCHMARK(BM_quickstart)->Arg(1)->Arg(8)->Unit(benchmark::kMillisecond)->Iterations(1);

constexpr double kLlamaStepGoalSeconds = 3;

/// One generation step of LLaMA-2-7B at batch 16 with a full budget of 512. The prompt's cache is there at the start.
void BM_llama_2_7b_generation_step(benchmark::State& state) {
    RunResult result;
    const CpuTimer timer;
    for (auto _ : state) {
        result = run("examples/llama-2-7b.json",
                     {"cache.prefill=preset", "workload.prompt_tokens=512", "workload.generated_tokens=1"});
    }
    const double seconds = timer.seconds();
    report(state, result, seconds);
    state.counters["of_goal"] = kLlamaStepGoalSeconds / seconds;
}
BENCHMARK(BM_llama_2_7b_generation_step)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
