// Playing address traces: the cycles that independent simulators agree on, and equality with requests that are offered
// one by one.

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>

#include "config/loader.h"
#include "hardware/dram/agreed_cycles.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/trace_player.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

constexpr std::uint64_t kNone = AddressRequest::kNoCycle;

/// As in published comparisons; tests/cli holds the program to the same.
DramConfig comparison() {
    return load_dram(PALIMPSEST_SOURCE_DIR "/tests/hardware/dram/ddr4-2400-comparison.json");
}

DramClock cycles(const DramConfig& config, std::uint64_t n, const std::function<Bytes(std::uint64_t)>& address) {
    DramSystem dram(config);
    TracePlayer player(dram, 64);
    for (std::uint64_t i = 0; i < n; ++i) {
        const AddressRequest request{address(i), 0, kNone};
        player.play({&request, 1});
    }
    return player.finish().cycles;
}

struct Played {
    std::vector<std::string> commands;
    std::vector<DramClock> read_latencies, write_latencies;
    DramClock first = 0, cycles = 0;
    DramCounts counts;
};

std::vector<std::string> by_channel(std::vector<DramCommand> commands) {
    std::stable_sort(commands.begin(), commands.end(),
                     [](const DramCommand& a, const DramCommand& b) { return a.channel < b.channel; });
    std::vector<std::string> lines;
    for (const DramCommand& command : commands) {
        lines.push_back(trace_line(command));
    }
    return lines;
}

/// Each request is sent when the one before it is taken, and the system is asked about each.
Played one_by_one(const DramConfig& config, Bytes bytes, const std::vector<AddressRequest>& requests) {
    CommandRecorder recorder;
    DramSystem dram(config, &recorder);
    Played played;
    std::deque<DramTransaction> transactions;
    std::vector<DramTransaction*> finished;
    DramCounts before;
    DramClock now = 0;
    for (const AddressRequest& request : requests) {
        now = request.cycle == kNone ? now : std::max(now, request.cycle);
        if (transactions.empty()) {
            played.first = now;
            before = dram.counts_at(now);
        }
        const DramSegment segment{request.address, bytes};
        DramTransaction& transaction = transactions.emplace_back();
        transaction.segments = {&segment, 1};
        transaction.write = request.write != 0;
        dram.send(transaction, now);
        now = dram.advance_until_taken(0, finished);
    }
    while (dram.next_wakeup() != kNever) {
        dram.advance_to(dram.next_wakeup(), finished);
    }
    DramClock end = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const DramTransaction& t = transactions[i];
        end = std::max(end, t.completion);
        (t.write ? played.write_latencies : played.read_latencies)
            .push_back(t.completion - (requests[i].cycle == kNone ? t.taken : requests[i].cycle));
    }
    while (!dram.idle_at(end)) {
        ++end;
    }
    played.cycles = end - played.first;
    played.counts = dram.counts_at(end) - before;
    played.commands = by_channel(recorder.commands);
    return played;
}

void require_latencies(const LatencyHistogram& histogram, std::vector<DramClock> list) {
    REQUIRE(histogram.count() == list.size());
    if (list.empty()) {
        return;
    }
    std::sort(list.begin(), list.end());
    double sum = 0;
    for (const DramClock latency : list) {
        sum += static_cast<double>(latency);
    }
    CHECK(histogram.min() == list.front());
    CHECK(histogram.max() == list.back());
    CHECK(histogram.mean() == Approx(sum / static_cast<double>(list.size())));
    const DramClock median = list[(list.size() + 1) / 2 - 1];
    CHECK(histogram.percentile(0.5) >= median);
    CHECK(histogram.percentile(0.5) - median <= (median < LatencyHistogram::kExact ? 0 : median / 64));
    CHECK(histogram.percentile(1) == list.back());
}

std::vector<AddressRequest> random_requests(RandomDram& random, const DramConfig& config, Bytes bytes) {
    const std::uint64_t timed = random.one_of({0U, 0U, 50U, 100U});
    const std::uint64_t gap = random.one_of({1ULL, 20ULL, 600ULL});
    const std::uint32_t writes = random.one_of({0U, 30U, 100U});
    const std::uint64_t most = 30000 * config.burst_bytes() / bytes;  // large ones are many bursts each
    std::vector<AddressRequest> requests(random.between(1, std::clamp<std::uint64_t>(most, 20, 1500)));
    DramClock cycle = random.chance(20) ? random.between(0, 3000) : 0;
    Bytes stream = 0;
    for (AddressRequest& request : requests) {
        stream += bytes;
        if (random.chance(30)) {
            stream = random.between(0, config.organisation.bytes() - 1);
        }
        cycle += random.chance(60) ? 0 : random.between(0, gap);
        request.address = std::min(stream % config.organisation.bytes(), config.organisation.bytes() - bytes);
        request.write = random.chance(writes) ? 1 : 0;
        request.cycle = random.chance(static_cast<std::uint32_t>(timed)) ? cycle : kNone;
    }
    return requests;
}

}  // namespace

TEST_CASE("traces take the cycles that independent simulators agree on", "[dram][trace][conformance]") {
    check_agreed_cycles(comparison(), {16, 400, 20000}, cycles);
}

TEST_CASE("a trace plays as if each request were offered when the one before it is taken", "[dram][trace]") {
    const std::uint64_t seeds = std::getenv("PALIMPSEST_LONG_TESTS") != nullptr ? 4000 : 100;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(seed);
        RandomDram random(seed);
        const DramConfig config = seed % 2 == 0 ? random.config(kAllDramFeatures) : random.streaming_config();
        const Bytes bytes = std::min(Bytes{1} << random.between(0, 10), config.organisation.bytes());
        const std::vector<AddressRequest> requests = random_requests(random, config, bytes);

        const Played expected = one_by_one(config, bytes, requests);
        for (const bool listened : {true, false}) {  // without a listener channels decide ahead
            CAPTURE(listened);
            CommandRecorder recorder;
            DramSystem dram(config, listened ? &recorder : nullptr);
            TracePlayer player(dram, bytes);
            for (std::size_t i = 0; i < requests.size();) {
                const std::size_t n = std::min<std::size_t>(random.between(1, 800), requests.size() - i);
                player.play(std::span(requests).subspan(i, n));
                i += n;
            }
            const TraceResult& result = player.finish();

            if (listened) {
                REQUIRE(by_channel(recorder.commands) == expected.commands);
            }
            CHECK(result.first_offer == expected.first);
            CHECK(result.cycles == expected.cycles);
            CHECK(result.counts == expected.counts);
            require_latencies(result.read_latency, expected.read_latencies);
            require_latencies(result.write_latency, expected.write_latencies);
            const DramCounts& c = result.counts;
            CHECK(c.data_bus_clocks + c.refresh_clocks + c.waiting_clocks + c.idle_clocks ==
                  result.cycles * config.organisation.channels);
        }
    }
}

TEST_CASE("a single request takes what its commands take", "[dram][trace]") {
    const DramConfig config = comparison();
    const auto play = [&](const AddressRequest& request) {
        DramSystem dram(config);
        TracePlayer player(dram, 64);
        player.play({&request, 1});
        return player.finish();
    };
    const TraceResult read = play({0, 0, kNone});
    CHECK(read.cycles == 37);
    CHECK(read.read_latency.max() == 37);
    CHECK(read.reads == 1);
    const TraceResult later = play({0, 0, 1000});
    CHECK(later.first_offer == 1000);
    CHECK(later.cycles == 37);
    CHECK(later.counts.idle_clocks == read.counts.idle_clocks);
    const TraceResult write = play({0, 1, kNone});
    CHECK(write.cycles == config.timing.nRCD + config.timing.nCWL + 4);
    CHECK(write.write_latency.max() == 1);
    CHECK(write.writes == 1);
}

TEST_CASE("no request, no cycles", "[dram][trace]") {
    DramSystem dram(comparison());
    TracePlayer player(dram, 64);
    player.play({});
    CHECK(player.finish().cycles == 0);
}

TEST_CASE("a request that waits for a far cycle can be interrupted", "[dram][trace]") {
    DramSystem dram(load_dram("ddr4-2400"));
    const std::atomic<bool> interrupted{true};
    TracePlayer player(dram, 64, &interrupted);
    const AddressRequest request{0, 0, AddressTraceReader::kLastCycle};
    CHECK_THROWS_AS(player.play({&request, 1}), SimulationError);
}

TEST_CASE("a gap of any length costs nothing where nothing refreshes", "[dram][trace]") {
    const DramConfig config = comparison();
    REQUIRE(config.refresh.mode == RefreshMode::none);
    constexpr std::uint64_t far = std::uint64_t{1} << 59;  // step by step it would not end
    const std::vector<DramRequest> requests{{0, 0, 5}, {64, 0, far}};
    DramSystem dram(config);
    TracePlayer player(dram, 64);
    player.play(requests);
    const TraceResult& result = player.finish();
    CHECK(result.cycles == far - 5 + config.timing.nCL + config.timing.burst_clocks() + 1);
    CHECK(result.counts.row_hits == 1);
}
