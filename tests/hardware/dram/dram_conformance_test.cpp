// Numbers that independent DRAM simulators agree on, and what every shipped preset must reach.

#include <functional>

#include "config/loader.h"
#include "hardware/dram/agreed_cycles.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/dram_fixture.h"
#include "hardware/dram/dram_system.h"
#include "hardware/dram/protocol_checker.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

constexpr const char* kPresets[] = {"ddr3-1600",   "ddr4-2400",   "ddr4-3200", "lpddr4-3200",
                                    "lpddr4-4266", "lpddr5-6400", "hbm2"};

/// From the first offer to the last data: N reads of 64 bytes, one a clock.
DramClock cycles(const DramConfig& config, std::uint64_t n, const std::function<Bytes(std::uint64_t)>& address) {
    ProtocolChecker checker(config.timing, config.organisation, false);
    DramSystem dram(config, &checker);
    std::vector<DramTransaction> reads(n);
    std::vector<DramSegment> segments(n);
    for (std::uint64_t i = 0; i < n; ++i) {
        segments[i] = {address(i), 64};
        reads[i].segments = {&segments[i], 1};
        dram.send(reads[i], i);
    }
    std::vector<DramTransaction*> finished;
    while (dram.next_wakeup() != kNever) {
        dram.advance_to(dram.next_wakeup(), finished);
    }
    CHECK(finished.size() == n);
    CHECK(checker.violations().empty());
    DramClock last = 0;
    for (const DramTransaction& read : reads) {
        last = std::max(last, read.completion);
    }
    return last;
}

struct Stream {
    DramCounts counts;
    DramClock clocks = 0;
    std::uint64_t wakeups = 0, transactions = 0;
};

/// Transactions of 2 kB in address order, 16 under way, woken only when next_wakeup() says so.
Stream stream(const DramConfig& config, bool write, std::uint64_t bytes) {
    constexpr Bytes piece = 2048;
    ProtocolChecker checker(config.timing, config.organisation);
    DramSystem dram(config, &checker);
    std::vector<DramTransaction> pool(16);
    std::vector<DramSegment> segments(pool.size());
    std::vector<DramTransaction*> free;
    for (std::size_t i = 0; i < pool.size(); ++i) {
        pool[i].segments = {&segments[i], 1};
        pool[i].write = write;
        pool[i].user = i;
        free.push_back(&pool[i]);
    }
    Stream result;
    Bytes next = 0;
    std::vector<DramTransaction*> finished, waiting;
    DramClock now = 0;
    while (next < bytes || free.size() < pool.size()) {
        while (!free.empty() && next < bytes) {
            segments[free.back()->user] = {next, piece};
            dram.send(*free.back(), now);
            free.pop_back();
            next += piece;
            ++result.transactions;
        }
        now = std::max(now, dram.next_wakeup());
        ++result.wakeups;
        dram.advance_to(now, free);
    }
    while (!dram.idle_at(now)) {
        now = dram.idle_bound();
    }
    result.counts = dram.counts_at(now);
    result.clocks = now;
    CHECK(checker.violations().empty());
    return result;
}

double share_of_peak(const DramConfig& config, const Stream& s) {
    return static_cast<double>(s.counts.data_bus_clocks) / static_cast<double>(s.clocks * config.organisation.channels);
}

}  // namespace

TEST_CASE("DDR4-2400 takes the cycles that three independent simulators agree on", "[dram][conformance]") {
    check_agreed_cycles(comparison_ddr4(), {16, 400, 4000}, cycles);
}

TEST_CASE("Streaming reads reach 90 % of peak on every preset, refresh included", "[dram][conformance]") {
    for (const char* preset : kPresets) {
        CAPTURE(preset);
        const DramConfig config = load_dram(preset);
        const Stream reads = stream(config, false, config.organisation.channels * (1U << 20));
        CAPTURE(share_of_peak(config, reads));
        CHECK(share_of_peak(config, reads) >= 0.90);
        CHECK(reads.counts.refreshes > 0);
        const Stream writes = stream(config, true, config.organisation.channels * (1U << 20));
        CAPTURE(share_of_peak(config, writes));
        CHECK(share_of_peak(config, writes) >= 0.85);
    }
}

TEST_CASE("A 2 kB transaction costs few wake-ups", "[dram]") {
    for (const char* preset : kPresets) {
        CAPTURE(preset);
        const DramConfig config = load_dram(preset);
        const Stream reads = stream(config, false, 1 << 20);
        CHECK(reads.wakeups <= 3 * reads.transactions);
    }
}

TEST_CASE("LPDDR4 streaming costs the 20 pJ/bit that its I/O figure is calibrated to", "[dram][energy]") {
    const DramConfig config = load_dram("lpddr4-3200");
    const Stream reads = stream(config, false, 8 << 20);
    const DramEnergy& e = config.energy;
    const auto n = [](std::uint64_t count) { return static_cast<double>(count); };
    const double bits = 8 * n(reads.counts.bytes_read);
    const double clock_ns = static_cast<double>(config.timing.tCK_ps) / 1000;
    const double pj = n(reads.counts.activates) * e.activate_precharge_pj + n(reads.counts.reads) * e.read_burst_pj +
                      n(reads.counts.refreshes) * e.refresh_pj + bits * e.io_pj_per_bit +
                      clock_ns * (n(reads.counts.active_clocks) * e.active_standby_mw +
                                  n(reads.counts.precharged_clocks) * e.precharge_standby_mw);
    CHECK(pj / bits == Approx(20).margin(0.1));
}
