// Address traces on DRAM alone: requests a host second through the trace player, and through the reader. The counter
// "of_goal" is the ratio to the speed that we hold ourselves to; "times_faster" compares two traces or two
// configurations, played in turn.

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include "bench/host_speed.h"
#include "config/loader.h"
#include "hardware/dram/trace_player.h"

namespace {

using namespace palimpsest;

enum class Pattern { sequential, random, random_mix };

constexpr std::size_t kRequests = 1'000'000;

std::vector<AddressRequest> requests_of(const DramConfig& config, Pattern pattern) {
    std::mt19937_64 random(1);
    const std::uint64_t places = config.organisation.bytes() / 64;
    std::vector<AddressRequest> requests(kRequests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i].address = (pattern == Pattern::sequential ? i : random()) % places * 64;
        requests[i].write = pattern == Pattern::random_mix && i % 3 == 2 ? 1 : 0;
        requests[i].cycle = AddressRequest::kNoCycle;
    }
    return requests;
}

void set_counters(benchmark::State& state, double goal, double cpu_seconds) {
    const auto done = static_cast<double>(state.iterations()) * static_cast<double>(kRequests);
    state.SetItemsProcessed(static_cast<std::int64_t>(done));
    state.counters["of_goal"] = done / goal / cpu_seconds;
}

/// DRAM clocks from the first offer to the last data.
DramClock play_once(const DramConfig& config, const std::vector<AddressRequest>& requests) {
    DramSystem dram(config);
    TracePlayer player(dram, 64);
    player.play(requests);
    return player.finish().cycles;
}

void play(benchmark::State& state, const char* preset, Pattern pattern, double goal) {
    const DramConfig config = load_dram(preset);
    const std::vector<AddressRequest> requests = requests_of(config, pattern);
    DramClock cycles = 0;
    const CpuTimer timer;
    for (auto _ : state) {
        cycles = play_once(config, requests);
    }
    const double seconds = timer.seconds();
    set_counters(state, goal, seconds);
    state.counters["clocks/request"] = static_cast<double>(cycles) / static_cast<double>(kRequests);
    state.counters["clocks/host_clock"] =
        per_host_clock(static_cast<double>(cycles) * static_cast<double>(state.iterations()), seconds);
}

struct Side {
    std::vector<std::string> overrides;
    Pattern pattern;
};

/// How many times faster `fast` is simulated than `slow`, a request. In turn, so that a host that changes its speed
/// changes both.
void compare(benchmark::State& state, const char* preset, const Side& fast, const Side& slow) {
    const DramConfig fast_config = load_dram(preset, fast.overrides), slow_config = load_dram(preset, slow.overrides);
    const std::vector<AddressRequest> fast_requests = requests_of(fast_config, fast.pattern);
    const std::vector<AddressRequest> slow_requests = requests_of(slow_config, slow.pattern);
    double fast_seconds = 0, slow_seconds = 0, fast_clocks = 0, slow_clocks = 0;
    for (auto _ : state) {
        const CpuTimer first;
        fast_clocks = static_cast<double>(play_once(fast_config, fast_requests));
        fast_seconds += first.seconds();
        const CpuTimer second;
        slow_clocks = static_cast<double>(play_once(slow_config, slow_requests));
        slow_seconds += second.seconds();
    }
    state.counters["times_faster"] = slow_seconds / fast_seconds;
    state.counters["simulated_clocks_ratio"] = slow_clocks / fast_clocks;
}

/// No row is closed by its timeout before a refresh closes it: what open pages do. Only with open pages are streams
/// issued as streaks.
const std::vector<std::string> kBurstByBurst{"controller.page_policy=adaptive", "controller.page_timeout=65536"};

/// A file without a name, gone with its owner.
class UnnamedFile {
  public:
    explicit UnnamedFile(const std::string& text) : file_(std::tmpfile()) {
        std::fwrite(text.data(), 1, text.size(), file_);
        std::fflush(file_);
    }
    ~UnnamedFile() { std::fclose(file_); }
    UnnamedFile(const UnnamedFile&) = delete;
    UnnamedFile& operator=(const UnnamedFile&) = delete;
    std::string path() const { return fmt::format("/proc/self/fd/{}", ::fileno(file_)); }

  private:
    std::FILE* file_;
};

void read(benchmark::State& state, bool cycles, double goal) {
    std::string text;
    std::uint64_t cycle = 0;
    for (const AddressRequest& request : requests_of(load_dram("ddr4-2400"), Pattern::random_mix)) {
        text += fmt::format("{} 0x{:x}", request.write != 0 ? 'W' : 'R', std::uint64_t{request.address});
        text += cycles ? fmt::format(" {}\n", cycle += 7) : "\n";
    }
    const UnnamedFile file(text);
    const CpuTimer timer;
    for (auto _ : state) {
        AddressTraceReader reader(file.path(), {});
        while (!reader.next().empty()) {
        }
    }
    set_counters(state, goal, timer.seconds());
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

}  // namespace

BENCHMARK_CAPTURE(play, ddr4_sequential, "ddr4-2400", Pattern::sequential, 50e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, ddr4_random, "ddr4-2400", Pattern::random, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, ddr4_random_mix, "ddr4-2400", Pattern::random_mix, 4e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, hbm2_sequential, "hbm2", Pattern::sequential, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, hbm2_random, "hbm2", Pattern::random, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compare, ddr4_sequential_to_random, "ddr4-2400", Side{{}, Pattern::sequential},
                  Side{{}, Pattern::random})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compare, ddr4_random_to_mix, "ddr4-2400", Side{{}, Pattern::random}, Side{{}, Pattern::random_mix})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compare, ddr4_streaks_to_bursts, "ddr4-2400", Side{{}, Pattern::sequential},
                  Side{kBurstByBurst, Pattern::sequential})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, addresses, false, 50e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, addresses_and_cycles, true, 50e6)->Unit(benchmark::kMillisecond);
