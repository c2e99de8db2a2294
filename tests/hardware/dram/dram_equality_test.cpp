// The event-driven DRAM system against the golden controller that steps every clock.

#include <deque>
#include <sstream>

#include "golden/dram_golden.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/dram_system.h"
#include "hardware/dram/protocol_checker.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

struct Arrival {
    DramClock clock;
    GoldenTransaction golden;
    DramTransaction fast;
    bool finished = false;
};

std::deque<Arrival> random_arrivals(RandomDram& random, const DramConfig& config) {
    std::deque<Arrival> arrivals;
    DramClock clock = 0;
    const std::uint32_t writes = random.one_of({0U, 10U, 50U, 100U});
    const std::uint64_t gap = kAllDramFeatures ? random.one_of({0ULL, 3ULL, 30ULL, 400ULL, 400ULL, 2000ULL})
                                               : random.one_of({0ULL, 3ULL, 30ULL, 400ULL});
    const std::uint32_t urgent = kAllDramFeatures ? random.one_of({0U, 10U, 50U}) : 0;
    for (std::uint64_t i = random.between(1, 60); i > 0; --i) {
        if (random.chance(15)) {
            random.next_pattern(config);
        }
        clock += random.chance(70) ? 0 : random.between(0, gap);
        Arrival& arrival = arrivals.emplace_back();
        arrival.clock = clock;
        arrival.golden.segments = random.segments(config);
        arrival.golden.write = random.chance(writes);
        arrival.golden.traffic = static_cast<Traffic>(random.between(0, kTrafficClasses - 1));
        arrival.golden.urgent = urgent != 0 && random.chance(urgent);
    }
    for (Arrival& arrival : arrivals) {
        arrival.fast.segments = arrival.golden.segments;
        arrival.fast.write = arrival.golden.write;
        arrival.fast.urgent = arrival.golden.urgent;
        arrival.fast.traffic = arrival.golden.traffic;
    }
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        arrivals[i].fast.user = i;
    }
    return arrivals;
}

std::vector<std::string> lines_of_channel(const std::vector<DramCommand>& commands, std::uint32_t channel) {
    std::vector<std::string> lines;
    for (const DramCommand& command : commands) {
        if (command.channel == channel) {
            lines.push_back(trace_line(command));
        }
    }
    return lines;
}

void require_equal(const DramCounts& fast, const DramCounts& golden) {
    CHECK(fast.reads == golden.reads);
    CHECK(fast.writes == golden.writes);
    CHECK(fast.activates == golden.activates);
    CHECK(fast.precharges == golden.precharges);
    CHECK(fast.refreshes == golden.refreshes);
    CHECK(fast.bank_refreshes == golden.bank_refreshes);
    CHECK(fast.power_downs == golden.power_downs);
    CHECK(fast.self_refreshes == golden.self_refreshes);
    CHECK(fast.row_hits == golden.row_hits);
    CHECK(fast.row_misses == golden.row_misses);
    CHECK(fast.row_conflicts == golden.row_conflicts);
    CHECK(fast.forwarded_reads == golden.forwarded_reads);
    CHECK(fast.merged_writes == golden.merged_writes);
    CHECK(fast.active_clocks == golden.active_clocks);
    CHECK(fast.precharged_clocks == golden.precharged_clocks);
    CHECK(fast.active_power_down_clocks == golden.active_power_down_clocks);
    CHECK(fast.precharged_power_down_clocks == golden.precharged_power_down_clocks);
    CHECK(fast.self_refresh_clocks == golden.self_refresh_clocks);
    CHECK(fast.data_bus_clocks == golden.data_bus_clocks);
    CHECK(fast.refresh_clocks == golden.refresh_clocks);
    CHECK(fast.waiting_clocks == golden.waiting_clocks);
    CHECK(fast.idle_clocks == golden.idle_clocks);
    REQUIRE(fast == golden);
}

/// Plays the case on both; `probe` asks the fast one for counts and wakes it at random clocks too, which must change
/// nothing.
void play(std::uint64_t seed, bool probe) {
    CAPTURE(seed, probe);
    RandomDram random(seed);
    const DramConfig config = random.config(kAllDramFeatures);
    CAPTURE(config.standard, config.mapping);
    std::deque<Arrival> arrivals = random_arrivals(random, config);

    GoldenDram golden(config);
    CommandRecorder recorder;
    DramSystem fast(config, &recorder);
    ProtocolChecker checker(config.timing, config.organisation, config.refresh.mode);
    fast.add_sink(checker);

    std::vector<DramTransaction*> finished;
    std::size_t next = 0, done = 0;
    const auto collect = [&](DramClock clock, DramClock bound) {
        finished.clear();
        fast.advance_to(clock, finished);
        for (const DramTransaction* transaction : finished) {
            CHECK(transaction->completion >= bound);
            Arrival& arrival = arrivals[transaction->user];
            CHECK_FALSE(arrival.finished);
            arrival.finished = true;
            ++done;
        }
    };
    const DramClock tail = random.between(0, 700);
    for (DramClock clock = 0; next < arrivals.size() || !golden.idle() || clock < arrivals.back().clock + tail;
         ++clock) {
        REQUIRE(clock < 200000);
        while (next < arrivals.size() && arrivals[next].clock == clock) {
            golden.send(arrivals[next].golden);
            fast.send(arrivals[next].fast, clock);
            ++next;
        }
        if (const DramClock wakeup = fast.next_wakeup(); wakeup <= clock) {
            collect(clock, wakeup);
            const bool caught_up = fast.next_wakeup() > clock;
            REQUIRE(caught_up);
        }
        if (probe && random.chance(2)) {
            require_equal(fast.counts_at(clock), golden.counts);
            CHECK(fast.idle_at(clock) == golden.idle());
            CHECK((golden.idle() || fast.idle_bound() > clock));
        }
        golden.step();
    }
    collect(golden.now, 0);
    CHECK(done == arrivals.size());
    CHECK(fast.next_wakeup() == kNever);
    const DramCounts counts = fast.counts_at(golden.now);

    for (std::uint32_t channel = 0; channel < config.organisation.channels; ++channel) {
        const std::vector<std::string> expected = lines_of_channel(golden.commands, channel);
        const std::vector<std::string> got = lines_of_channel(recorder.commands, channel);
        for (std::size_t i = 0; i < std::min(expected.size(), got.size()); ++i) {
            CAPTURE(i);
            REQUIRE(got[i] == expected[i]);
        }
        REQUIRE(got.size() == expected.size());
    }
    for (const Arrival& arrival : arrivals) {
        CAPTURE(arrival.fast.user);
        REQUIRE(arrival.fast.completion == arrival.golden.completion);
        REQUIRE(arrival.fast.taken == arrival.golden.taken);
        REQUIRE(arrival.fast.refresh_wait == arrival.golden.refresh_wait);
    }
    require_equal(counts, golden.counts);
    CHECK(counts.row_hits + counts.row_misses + counts.row_conflicts == counts.reads + counts.writes);
    CHECK(counts.data_bus_clocks + counts.refresh_clocks + counts.waiting_clocks + counts.idle_clocks ==
          config.organisation.channels * golden.now);
    CHECK(counts.active_clocks + counts.precharged_clocks + counts.active_power_down_clocks +
              counts.precharged_power_down_clocks + counts.self_refresh_clocks ==
          std::uint64_t{config.organisation.channels} * config.organisation.ranks * golden.now);

    checker.finish(golden.now);
    std::string broken;
    for (const ProtocolViolation& violation : checker.violations()) {
        broken += to_string(violation) + "\n";
    }
    CHECK(broken == "");
}

}  // namespace

TEST_CASE("Random DRAM systems issue the golden controller's commands at its clocks", "[dram]") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        play(seed, false);
    }
}

TEST_CASE("Asking a DRAM system for its counts at any clock changes nothing", "[dram]") {
    for (std::uint64_t seed = 1001; seed <= 1150; ++seed) {
        play(seed, true);
    }
}

TEST_CASE("Idle DRAM systems sleep, wake and refresh as the golden controller does", "[dram]") {
    for (std::uint64_t seed = 2001; seed <= 2080; ++seed) {
        CAPTURE(seed);
        RandomDram random(seed);
        const DramConfig config = random.config(kAllDramFeatures);
        GoldenDram golden(config);
        CommandRecorder recorder;
        DramSystem fast(config, &recorder);
        for (int part = 0; part < 3; ++part) {  // asked now and then, with a read of one burst in between
            GoldenTransaction golden_read;
            golden_read.segments = {{random.between(0, config.organisation.bytes() - 1), 1}};
            DramTransaction fast_read;
            fast_read.segments = golden_read.segments;
            golden.send(golden_read);
            fast.send(fast_read, golden.now);
            for (std::uint64_t clocks = random.between(200, 4000); clocks > 0 || golden_read.open_bursts > 0;) {
                golden.step();
                clocks -= clocks > 0 ? 1 : 0;
            }
            std::vector<DramTransaction*> finished;
            fast.advance_to(golden.now, finished);
            require_equal(fast.counts_at(golden.now), golden.counts);
            CHECK(fast_read.completion == golden_read.completion);
        }
        for (std::uint32_t channel = 0; channel < config.organisation.channels; ++channel) {
            REQUIRE(lines_of_channel(recorder.commands, channel) == lines_of_channel(golden.commands, channel));
        }
    }
}

TEST_CASE("Address maps agree with a bit-by-bit reading of the mapping string", "[dram]") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        RandomDram random(seed);
        const DramConfig config = random.config(kAllDramFeatures);
        const AddressMap map(config);
        const DramOrganisation& o = config.organisation;
        for (int i = 0; i < 50; ++i) {
            const Bytes address = random.between(0, o.bytes() - 1);
            const GoldenPlace place = golden_place(config, address);
            const DramLocation where = map.locate(map.burst_of(address));
            CHECK(where.channel == place.channel);
            CHECK(where.bank == (place.rank * o.bank_groups + place.bankgroup) * o.banks_per_group + place.bank);
            CHECK(where.row == place.row);
            CHECK(where.column == place.column);
        }
    }
}
