// Address traces on DRAM alone: requests a host second through the trace player, and through the reader. The counter
// "of_goal" is the ratio to the speed that we hold ourselves to.

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

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

void set_counters(benchmark::State& state, double goal) {
    const auto done = static_cast<double>(state.iterations()) * static_cast<double>(kRequests);
    state.SetItemsProcessed(static_cast<std::int64_t>(done));
    state.counters["of_goal"] = benchmark::Counter(done / goal, benchmark::Counter::kIsRate);
}

void play(benchmark::State& state, const char* preset, Pattern pattern, double goal) {
    const DramConfig config = load_dram(preset);
    const std::vector<AddressRequest> requests = requests_of(config, pattern);
    DramClock cycles = 0;
    for (auto _ : state) {
        DramSystem dram(config);
        TracePlayer player(dram, 64);
        player.play(requests);
        cycles = player.finish().cycles;
    }
    set_counters(state, goal);
    state.counters["clocks/request"] = static_cast<double>(cycles) / static_cast<double>(kRequests);
}

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
    for (auto _ : state) {
        AddressTraceReader reader(file.path(), {});
        while (!reader.next().empty()) {
        }
    }
    set_counters(state, goal);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

}  // namespace

BENCHMARK_CAPTURE(play, ddr4_sequential, "ddr4-2400", Pattern::sequential, 50e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, ddr4_random, "ddr4-2400", Pattern::random, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, ddr4_random_mix, "ddr4-2400", Pattern::random_mix, 4e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, hbm2_sequential, "hbm2", Pattern::sequential, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(play, hbm2_random, "hbm2", Pattern::random, 5e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, addresses, false, 50e6)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, addresses_and_cycles, true, 50e6)->Unit(benchmark::kMillisecond);
