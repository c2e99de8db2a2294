#pragma once
// What the tests of single DRAM rules share: two small DDR4 devices, and a DRAM system with a few transactions.

#include <deque>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/dram_system.h"

namespace palimpsest {

/// DDR4-2400 as published comparisons set it up: refresh off, one rank, 64-bit bus.
inline DramConfig comparison_ddr4() {
    DramConfig c;
    c.standard = "DDR4";
    c.timing = {.tCK_ps = 833,
                .nCL = 16,
                .nCWL = 12,
                .nRCD = 16,
                .nRP = 16,
                .nRAS = 39,
                .nRC = 55,
                .nRRD_S = 4,
                .nRRD_L = 6,
                .nFAW = 26,
                .nCCD_S = 4,
                .nCCD_L = 6,
                .nWTR_S = 3,
                .nWTR_L = 9,
                .nRTP = 9,
                .nWR = 18,
                .nRTRS = 1,
                .nRFC = 312,
                .nREFI = 9360,
                .burst_length = 8,
                .beats_per_clock = 2};
    c.organisation = {.bank_groups = 4, .banks_per_group = 4, .rows = 32768, .columns = 1024, .bus_bits = 64};
    c.mapping = "row|bank|bankgroup|column";
    c.refresh.mode = RefreshMode::none;
    return c;
}

/// The same, with two ranks and clocks that are easy to tell apart, refresh of one bank and sleep among
/// them. Columns of a row are the lowest address bits, then bank groups, banks, ranks, rows.
inline DramConfig plain_ddr4() {
    DramConfig c = comparison_ddr4();
    c.timing.tCK_ps = 1000;
    c.timing.nRP = 15;
    c.timing.nRC = 56;
    c.timing.nRTRS = 2;
    c.timing.nRFC = 200;
    c.timing.nREFI = 2000;
    c.timing.nRFCpb = 30;
    c.timing.nCKE = 5;
    c.timing.nXP = 6;
    c.timing.nCKESR = 7;
    c.timing.nXS = 210;
    c.organisation.ranks = 2;
    c.organisation.rows = 1024;
    c.mapping = "row|rank|bank|bankgroup|column";
    return c;
}
inline constexpr Bytes kGroup = 8192, kBank = 4 * kGroup, kRank = 4 * kBank, kRow = 2 * kRank;

/// A DRAM system with a few transactions that live as long as it.
class Bench {
  public:
    explicit Bench(const DramConfig& config) : dram(config, &recorder) {}

    DramTransaction& send(bool write, std::vector<DramSegment> segments, DramClock clock,
                          Traffic traffic = Traffic::weights) {
        Item& item = items_.emplace_back();
        item.segments = std::move(segments);
        item.transaction.segments = item.segments;
        item.transaction.write = write;
        item.transaction.traffic = traffic;
        dram.send(item.transaction, clock);
        return item.transaction;
    }
    DramTransaction& read(Bytes address, DramClock clock) { return send(false, {{address, 64}}, clock); }
    DramTransaction& write(Bytes address, DramClock clock) { return send(true, {{address, 64}}, clock); }
    void run_to(DramClock clock) {
        std::vector<DramTransaction*> finished;
        dram.advance_to(clock, finished);
        dram.counts_at(clock);
    }
    std::vector<std::string> commands() const {
        std::vector<std::string> names;
        for (const DramCommand& c : recorder.commands) {
            names.push_back(std::to_string(c.clock) + " " + std::string(name_of(c.kind)));
        }
        return names;
    }

    CommandRecorder recorder;
    DramSystem dram;

  private:
    struct Item {
        std::vector<DramSegment> segments;
        DramTransaction transaction;
    };
    std::deque<Item> items_;
};

}  // namespace palimpsest
