// Long streams of row hits, which the channel issues as streaks, against the golden controller; and single requests
// that carry their own answers against transactions.

#include <deque>
#include <map>
#include <random>

#include "golden/dram_golden.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/dram_system.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

struct Access {
    DramClock clock;
    Bytes address;
    Bytes bytes;
    bool write;
};

/// DDR4- and LPDDR-like devices with rows long enough for streaks; spacings of column commands that differ and that do
/// not, one bank at a time or bank groups in turn.
DramConfig stream_config(std::mt19937_64& random) {
    DramConfig c;
    c.standard = "DDR4";
    DramTiming& t = c.timing;
    t.tCK_ps = 1000;
    t.burst_length = 8;
    t.beats_per_clock = 2;
    t.nCL = 8 + static_cast<std::uint32_t>(random() % 10);
    t.nCWL = 6;
    t.nRCD = 5 + static_cast<std::uint32_t>(random() % 12);
    t.nRP = 5 + static_cast<std::uint32_t>(random() % 12);
    t.nRAS = t.nRCD + 14;
    t.nRC = t.nRAS + t.nRP;
    t.nRRD_S = 4;
    t.nRRD_L = 5;
    t.nFAW = 18;
    t.nCCD_S = 4;
    t.nCCD_L = 4 + static_cast<std::uint32_t>(random() % 6);
    t.nWTR_S = 3;
    t.nWTR_L = 6;
    t.nRTP = 6;
    t.nWR = 12;
    t.nRTRS = 2;
    t.nRFC = 60;
    t.nREFI = 900;
    c.organisation = {.channels = 1,
                      .ranks = random() % 3 == 0 ? 2U : 1U,
                      .bank_groups = random() % 2 == 0 ? 2U : 4U,
                      .banks_per_group = 2,
                      .rows = 64,
                      .columns = 512,
                      .bus_bits = 64,
                      .devices_per_rank = 8};
    const std::array<const char*, 4> mappings{"row|rank|bank|column|bankgroup", "row|rank|bank|bankgroup|column",
                                              "row|rank|bankgroup|bank|column",
                                              "rank|bank|row|column|bankgroup:1|column:2"};
    c.mapping = mappings[random() % (c.organisation.bank_groups == 2 ? 4 : 3)];
    c.controller.read_queue = 8 + static_cast<std::uint32_t>(random() % 57);
    c.controller.write_queue = 8 + static_cast<std::uint32_t>(random() % 57);
    c.controller.write_high = c.controller.write_queue - static_cast<std::uint32_t>(random() % 4);
    c.controller.write_low = static_cast<std::uint32_t>(random() % 6);
    c.refresh.mode = random() % 4 == 0 ? RefreshMode::none : RefreshMode::all_bank;
    return c;
}

/// Streams of some kilobytes to far places, of reads or writes, with a single access among them now and then.
std::vector<Access> streams(std::mt19937_64& random, const DramConfig& config) {
    const Bytes capacity = config.organisation.bytes(), burst = config.burst_bytes();
    const std::uint64_t writes = std::array<std::uint64_t, 3>{0, 30, 100}[random() % 3];
    std::vector<Access> list;
    DramClock clock = 0;
    for (int stream = 0; stream < 12; ++stream) {
        Bytes address = random() % (capacity / 2) / burst * burst;
        const bool write = random() % 100 < writes;
        for (std::uint64_t piece = 1 + random() % 8; piece > 0; --piece) {
            const Bytes bytes = burst * (1 + random() % 64);
            list.push_back({clock, address, bytes, write});
            address += bytes;
            clock += random() % 3 == 0 ? random() % 400 : 0;
        }
        if (random() % 3 == 0) {
            list.push_back({clock, random() % (capacity / burst) * burst, burst, random() % 2 == 0});
        }
    }
    return list;
}

std::vector<std::string> lines_of(const std::vector<DramCommand>& commands) {
    std::vector<std::string> lines;
    for (const DramCommand& command : commands) {
        lines.push_back(trace_line(command));
    }
    return lines;
}

void require_same(const std::vector<DramCommand>& got, const std::vector<DramCommand>& expected) {
    const std::vector<std::string> a = lines_of(got), b = lines_of(expected);
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        CAPTURE(i);
        REQUIRE(a[i] == b[i]);
    }
    REQUIRE(a.size() == b.size());
}

}  // namespace

TEST_CASE("Streaks of row hits have the golden controller's commands, clocks and completions", "[dram][streak]") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const DramConfig config = stream_config(random);
        const std::vector<Access> accesses = streams(random, config);

        GoldenDram golden(config);
        CommandRecorder recorder;
        DramSystem fast(config, &recorder);
        DramSystem silent(config);  // without a listener
        std::deque<GoldenTransaction> expected;
        std::deque<DramSegment> segments;
        std::deque<DramTransaction> transactions, silent_transactions;
        std::vector<DramTransaction*> finished;
        std::size_t next = 0;
        while (next < accesses.size() || !golden.idle()) {
            REQUIRE(golden.now < 100000);
            for (; next < accesses.size() && accesses[next].clock == golden.now; ++next) {
                const Access& access = accesses[next];
                segments.push_back({access.address, access.bytes});
                expected.emplace_back();
                expected.back().segments = {segments.back()};
                expected.back().write = access.write;
                golden.send(expected.back());
                for (auto* list : {&transactions, &silent_transactions}) {
                    list->emplace_back();
                    list->back().segments = {&segments.back(), 1};
                    list->back().write = access.write;
                }
                fast.send(transactions.back(), golden.now);
                silent.send(silent_transactions.back(), golden.now);
            }
            if (golden.now % 97 == seed) {  // in the middle of what a streak may have decided ahead
                REQUIRE(silent.counts_at(golden.now) == golden.counts);
            }
            golden.step();
        }
        fast.advance_to(golden.now, finished);
        silent.advance_to(golden.now, finished);
        const DramCounts counts = fast.counts_at(golden.now);
        require_same(recorder.commands, golden.commands);
        CHECK(counts == golden.counts);
        CHECK(silent.counts_at(golden.now) == golden.counts);
        for (std::size_t i = 0; i < accesses.size(); ++i) {
            CAPTURE(i);
            REQUIRE(transactions[i].completion == expected[i].completion);
            REQUIRE(transactions[i].taken == expected[i].taken);
            REQUIRE(transactions[i].refresh_wait == expected[i].refresh_wait);
            REQUIRE(silent_transactions[i].completion == expected[i].completion);
            REQUIRE(silent_transactions[i].taken == expected[i].taken);
        }
    }
}

TEST_CASE("Single requests are answered as transactions are", "[dram][streak]") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const DramConfig config = stream_config(random);
        const Bytes bytes = config.burst_bytes() * (1 + random() % 2);
        const std::uint64_t jumps = random() % 40;
        std::vector<DramRequest> requests(1500);
        Bytes address = 0;
        for (DramRequest& request : requests) {
            address = random() % 100 < jumps ? random() % (config.organisation.bytes() - bytes) : address + bytes;
            address %= config.organisation.bytes() - bytes;
            request.address = address;
            request.write = random() % 4 == 0 ? 1 : 0;
            request.cycle = DramRequest::kNoCycle;
        }
        CommandRecorder recorder, expected;
        DramSystem fast(config, &recorder), slow(config, &expected);
        std::vector<DramAnswer> answers(2048);
        fast.set_answers(answers);
        fast.send_each(requests, bytes, 0, 0);
        std::deque<DramTransaction> transactions;
        for (const DramRequest& request : requests) {
            const DramSegment segment{request.address, bytes};
            transactions.emplace_back();
            transactions.back().segments = {&segment, 1};
            transactions.back().write = request.write != 0;
            slow.send(transactions.back(), 0);
        }
        DramClock end = 0;
        while (!slow.idle_at(end)) {
            end = slow.idle_bound();
        }
        CHECK(fast.idle_at(end));
        require_same(recorder.commands, expected.commands);
        for (std::size_t i = 0; i < requests.size(); ++i) {
            CAPTURE(i);
            REQUIRE(answers[i].open_bursts == 0);
            REQUIRE(answers[i].taken == transactions[i].taken);
            REQUIRE(answers[i].completion == transactions[i].completion);
        }
        CHECK(fast.counts_at(end).row_hits == slow.counts_at(end).row_hits);
        CHECK(fast.counts_at(end).waiting_clocks == slow.counts_at(end).waiting_clocks);
    }
}
