// Single rules of the DRAM controller, each seen at the clock where it matters.

#include <algorithm>

#include "hardware/dram/device_timing.h"
#include "hardware/dram/dram_fixture.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("Every constraint of the timing table holds back its command to its clock and no longer", "[dram]") {
    const DramConfig config = plain_ddr4();
    const std::uint32_t banks = config.organisation.banks();
    for (const TimingConstraint& constraint : timing_table(config.timing)) {
        CAPTURE(constraint.name);
        // Banks 0 and 1 share group and rank, bank 4 has another group, bank `banks` another rank.
        const std::uint32_t other = constraint.level == TimingLevel::bank         ? 0
                                    : constraint.level == TimingLevel::bank_group ? 1
                                    : constraint.level == TimingLevel::rank       ? 4
                                                                                  : banks;
        DeviceTiming device(config.timing, config.organisation);
        const DramClock start = 1000;
        if (constraint.window == 4) {
            for (std::uint32_t i = 0; i < 4; ++i) {
                device.issue(constraint.preceding, 4 * i, start + i);  // closer than tRRD, so that tFAW is what counts
            }
            CHECK(device.ready(constraint.following, 1) == start + constraint.latency);
            continue;
        }
        device.issue(constraint.preceding, 0, start);
        // A narrower level may ask for more; within the same level the longest of a pair counts.
        DramClock latest = 0;
        for (const TimingConstraint& same : timing_table(config.timing)) {
            const bool applies = same.preceding == constraint.preceding && same.following == constraint.following &&
                                 same.window == 1 &&
                                 (same.level == constraint.level ||
                                  (constraint.level != TimingLevel::other_ranks &&
                                   same.level != TimingLevel::other_ranks && same.level > constraint.level));
            latest = std::max<DramClock>(latest, applies ? start + same.latency : 0);
        }
        CHECK(device.ready(constraint.following, other) == latest);
    }
}

TEST_CASE("A read of a closed row costs tRCD + CL + burst + pipeline, of a conflicting row tRP more", "[dram]") {
    Bench bench(plain_ddr4());
    const DramTransaction& first = bench.read(0, 0);
    const DramTransaction& hit = bench.read(64, 200);
    const DramTransaction& conflict = bench.read(kRow, 300);
    bench.run_to(1000);
    CHECK(first.completion == 16 + 16 + 4 + 1);
    CHECK(hit.completion == 200 + 16 + 4 + 1);
    CHECK(conflict.completion == 300 + 15 + 16 + 16 + 4 + 1);
    CHECK(bench.commands() == std::vector<std::string>{"0 ACT", "16 RD", "200 RD", "300 PRE", "315 ACT", "331 RD"});
    const DramCounts counts = bench.dram.counts_at(1000);
    CHECK(counts.row_misses == 1);
    CHECK(counts.row_hits == 1);
    CHECK(counts.row_conflicts == 1);
}

TEST_CASE("A partial burst costs a whole one, and adjacent segments in one burst one alone", "[dram]") {
    Bench bench(plain_ddr4());
    bench.send(false, {{60, 8}, {68, 4}, {72, 100}}, 0, Traffic::kv);  // bursts 0, 1, 2
    bench.run_to(500);
    const DramCounts counts = bench.dram.counts_at(500);
    CHECK(counts.reads == 3);
    CHECK(counts.bytes_read == 3 * 64);
    CHECK(counts.read_by_class[static_cast<std::size_t>(Traffic::kv)] == 112);
    CHECK(counts.read_bursts_by_class[static_cast<std::size_t>(Traffic::kv)] == 3);
}

TEST_CASE("A transaction without bytes is done at once", "[dram]") {
    Bench bench(plain_ddr4());
    const DramTransaction& nothing = bench.send(false, {{128, 0}}, 7);
    CHECK(bench.dram.next_wakeup() == 7);
    std::vector<DramTransaction*> finished;
    bench.dram.advance_to(7, finished);
    REQUIRE(finished.size() == 1);
    CHECK(nothing.completion == 7);
}

TEST_CASE("Writes are posted, merge while queued, and serve reads", "[dram]") {
    DramConfig config = plain_ddr4();
    Bench bench(config);
    // A stream of reads keeps the writes queued.
    std::vector<DramSegment> long_read{{kBank, 64 * 28}};
    bench.send(false, long_read, 0);
    const DramTransaction& posted = bench.write(0, 100);
    const DramTransaction& merged = bench.write(0, 110);
    const DramTransaction& forwarded = bench.read(0, 120);
    bench.run_to(2000);
    CHECK(posted.completion == 101);
    CHECK(merged.completion == 111);
    CHECK(forwarded.completion == 120 + 1 + config.controller.pipeline_latency);
    const DramCounts counts = bench.dram.counts_at(2000);
    CHECK(counts.writes == 1);
    CHECK(counts.merged_writes == 1);
    CHECK(counts.forwarded_reads == 1);
    CHECK(counts.reads == 28);
}

TEST_CASE("A write waits in the FIFO while an older read of its burst is queued", "[dram]") {
    Bench bench(plain_ddr4());
    const DramTransaction& read = bench.read(0, 0);
    const DramTransaction& write = bench.write(0, 1);
    bench.run_to(500);
    CHECK(read.completion == 37);
    CHECK(write.completion == 18);  // the RD leaves at 16, the write is taken at 17
}

TEST_CASE("Reads go first until the write queue reaches its high mark, which drains it to the low mark", "[dram]") {
    DramConfig config = plain_ddr4();
    config.controller.write_queue = 8;
    config.controller.write_high = 6;
    config.controller.write_low = 2;
    Bench bench(config);
    bench.send(false, {{0, 64 * 100}}, 0);
    for (std::uint64_t i = 0; i < 6; ++i) {
        bench.write(kGroup + i * 64, 200 + i);
    }
    // The FIFO is in order: the writes enter when the read before them has.
    bench.run_to(3000);
    std::uint64_t in_a_row = 0, reads_before = 0;
    for (const DramCommand& c : bench.recorder.commands) {
        if (c.kind == DramCommandKind::read && in_a_row == 0) {
            ++reads_before;
        }
        if (c.kind == DramCommandKind::read && in_a_row > 0) {
            break;
        }
        in_a_row += c.kind == DramCommandKind::write;
    }
    CHECK(in_a_row == 4);  // 6 down to 2
    CHECK(reads_before < 100);
}

TEST_CASE("The starvation cap lets that many hits pass a waiting row, and no more", "[dram]") {
    DramConfig config = plain_ddr4();
    config.controller.starvation_cap = 5;
    Bench bench(config);
    bench.read(0, 0);
    bench.run_to(17);      // its RD has opened row 0
    bench.read(kRow, 20);  // the conflict, oldest of the bank
    bench.send(false, {{64, 64 * 20}}, 21);
    bench.run_to(1000);
    std::uint64_t passed = 0;
    for (const DramCommand& c : bench.recorder.commands) {
        if (c.kind == DramCommandKind::precharge) {
            break;
        }
        passed += c.kind == DramCommandKind::read && c.clock > 20;
    }
    CHECK(passed <= 5);
    CHECK(passed >= 4);  // the PRE of clock 39 (tRAS) may come before the last of them
}

TEST_CASE("A due refresh stops its rank, closes it with PREA, and lets the other rank work", "[dram]") {
    DramConfig config = plain_ddr4();
    config.refresh.mode = RefreshMode::all_bank;  // rank 0 due at 1000, rank 1 at 2000
    Bench bench(config);
    bench.read(0, 900);
    const DramTransaction& held = bench.read(64, 1001);
    const DramTransaction& free = bench.read(kRank, 1002);
    bench.run_to(1500);
    CHECK(bench.commands() == std::vector<std::string>{"900 ACT", "916 RD", "1000 PREA", "1002 ACT", "1015 REF",
                                                       "1018 RD", "1215 ACT", "1231 RD"});
    CHECK(free.completion == 1018 + 16 + 4 + 1);
    CHECK(held.completion == 1231 + 16 + 4 + 1);
    // From 1002, when the read is in the queue, to 1214, but for the other rank's four clocks of data.
    CHECK(held.refresh_wait == 213 - 4);
    CHECK(bench.dram.counts_at(1500).refreshes == 1);
}

TEST_CASE("Idle DRAM is refreshed on time without being woken", "[dram]") {
    DramConfig config = plain_ddr4();
    config.refresh.mode = RefreshMode::all_bank;
    Bench bench(config);
    CHECK(bench.dram.next_wakeup() == kNever);
    const DramCounts counts = bench.dram.counts_at(2000 * 1000 + 1);
    CHECK(counts.refreshes == 2 * 1000);
    CHECK(counts.idle_clocks == 2000 * 1000 + 1);
    for (const DramCommand& c : bench.recorder.commands) {
        REQUIRE(c.clock % 1000 == 0);
    }
}

TEST_CASE("The closed-page policy closes a row that no queued burst wants", "[dram]") {
    DramConfig config = plain_ddr4();
    config.controller.page_policy = PagePolicy::closed;
    Bench bench(config);
    bench.read(0, 0);
    bench.run_to(500);
    CHECK(bench.commands() == std::vector<std::string>{"0 ACT", "16 RD", "39 PRE"});
    const DramCounts counts = bench.dram.counts_at(500);
    CHECK(counts.active_clocks == 39);
    CHECK(counts.precharged_clocks == 2 * 500 - 39);
}

TEST_CASE("An address beyond the capacity is refused, and so is going back in time", "[dram]") {
    Bench bench(plain_ddr4());
    const Bytes capacity = plain_ddr4().organisation.bytes();
    CHECK_THROWS_AS(bench.read(capacity, 0), SimulationError);
    CHECK_THROWS_AS(bench.read(capacity - 63, 0), SimulationError);
    CHECK_NOTHROW(bench.read(capacity - 64, 10));
    CHECK_THROWS_AS(bench.read(0, 9), SimulationError);
}
