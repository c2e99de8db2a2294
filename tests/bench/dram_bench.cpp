// How fast the DRAM system simulates: bursts a host second and DRAM clocks a host clock, woken only when next_wakeup()
// says so.

#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/host_speed.h"
#include "config/loader.h"
#include "hardware/dram/dram_system.h"

namespace {

using namespace palimpsest;

enum class Pattern { sequential, random, random_mix };

/// One transaction after another of `bytes`, `outstanding` under way; of a mix, each third is a write.
class TrafficSource {
  public:
    TrafficSource(const DramConfig& config, Pattern pattern, Bytes bytes, std::size_t outstanding)
        : dram_(config),
          pattern_(pattern),
          bytes_(bytes),
          pieces_(config.organisation.bytes() / bytes),
          pool_(outstanding),
          segments_(outstanding) {
        for (std::size_t i = 0; i < outstanding; ++i) {
            pool_[i].segments = {&segments_[i], 1};
            pool_[i].user = i;
            free_.push_back(&pool_[i]);
        }
    }

    void play(std::uint64_t transactions) {
        const std::uint64_t end = finished_ + transactions;
        while (finished_ < end) {
            while (!free_.empty()) {
                DramTransaction& transaction = *free_.back();
                free_.pop_back();
                const std::uint64_t piece = pattern_ == Pattern::sequential ? sent_ : random_();
                segments_[transaction.user] = {piece % pieces_ * bytes_, bytes_};
                transaction.write = pattern_ == Pattern::random_mix && sent_ % 3 == 2;
                dram_.send(transaction, now_);
                ++sent_;
            }
            now_ = std::max(now_, dram_.next_wakeup());
            dram_.advance_to(now_, free_);
            finished_ += free_.size();
            ++wakeups_;
        }
    }

    double bursts() {
        const DramCounts counts = dram_.counts_at(now_);
        return static_cast<double>(counts.reads + counts.writes + counts.forwarded_reads + counts.merged_writes);
    }
    double clocks() const { return static_cast<double>(now_); }
    double wakeups() const { return static_cast<double>(wakeups_); }

  private:
    DramSystem dram_;
    Pattern pattern_;
    Bytes bytes_;
    std::uint64_t pieces_;
    std::vector<DramTransaction> pool_;
    std::vector<DramSegment> segments_;
    std::vector<DramTransaction*> free_;
    std::mt19937_64 random_{1};
    std::uint64_t sent_ = 0, finished_ = 0, wakeups_ = 0;
    DramClock now_ = 0;
};

void run(benchmark::State& state, const char* preset, Pattern pattern, Bytes bytes) {
    const DramConfig config = load_dram(preset);
    const Bytes burst = config.burst_bytes();
    TrafficSource traffic(config, pattern, bytes == 0 ? burst : bytes, bytes == 0 ? 64 : 16);
    const CpuTimer timer;
    for (auto _ : state) {
        traffic.play(4096 / ((bytes == 0 ? burst : bytes) / burst));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(traffic.bursts()));
    state.counters["clocks/burst"] = traffic.clocks() / traffic.bursts();
    state.counters["clocks/host_clock"] = per_host_clock(traffic.clocks(), timer.seconds());
    state.counters["wakeups/burst"] = traffic.wakeups() / traffic.bursts();
}

void sequential(benchmark::State& state, const char* preset) {
    run(state, preset, Pattern::sequential, 2048);
}
void random_bursts(benchmark::State& state, const char* preset) {
    run(state, preset, Pattern::random, 0);
}
void random_mix(benchmark::State& state, const char* preset) {
    run(state, preset, Pattern::random_mix, 0);
}

}  // namespace

BENCHMARK_CAPTURE(sequential, ddr4_2400, "ddr4-2400");
BENCHMARK_CAPTURE(sequential, lpddr4_3200, "lpddr4-3200");
BENCHMARK_CAPTURE(sequential, hbm2, "hbm2");
BENCHMARK_CAPTURE(random_bursts, ddr4_2400, "ddr4-2400");
BENCHMARK_CAPTURE(random_bursts, lpddr4_3200, "lpddr4-3200");
BENCHMARK_CAPTURE(random_bursts, hbm2, "hbm2");
BENCHMARK_CAPTURE(random_mix, ddr4_2400, "ddr4-2400");
BENCHMARK_CAPTURE(random_mix, lpddr4_3200, "lpddr4-3200");
