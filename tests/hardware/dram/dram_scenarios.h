#pragma once
// Short stories of a DRAM channel with the commands that docs/blocks/dram.md asks for, worked out by hand: FCFS, urgent
// bursts, adaptive pages, refresh put off and of one bank, power-down, self-refresh.

#include <string>
#include <utility>
#include <vector>

#include "hardware/dram/dram_fixture.h"

namespace palimpsest {

struct DramScenario {
    struct Arrival {
        DramClock clock;
        Bytes address, bytes = 64;
        bool write = false, urgent = false;
    };
    std::string name;
    DramConfig config;
    std::vector<Arrival> arrivals;
    DramClock until;                    ///< clocks before it are decided
    std::vector<std::string> commands;  ///< as scenario_line() writes them
    std::vector<std::pair<std::uint64_t DramCounts::*, std::uint64_t>> counts = {};
    /// Of arrival number `judged`, if not 0.
    DramClock completion = 0, refresh_wait = 0;
    std::size_t judged = 0;
};

/// "0 ACT r0 b4 row 7", "16 RD r0 b4", "20 PDE r0": rank, bank within the rank, row.
inline std::string scenario_line(const DramCommand& c, const DramOrganisation& organisation) {
    const auto number = [](std::uint64_t n) { return std::to_string(n); };
    std::string line = number(c.clock) + " " + std::string(name_of(c.kind)) + " r" + number(c.rank);
    switch (c.kind) {
        case DramCommandKind::activate:
        case DramCommandKind::precharge:
        case DramCommandKind::read:
        case DramCommandKind::write:
        case DramCommandKind::refresh_bank:
            line += " b" + number(c.bank_group * organisation.banks_per_group + c.bank);
            break;
        default:
            break;
    }
    return c.kind == DramCommandKind::activate ? line + " row " + number(c.row) : line;
}

namespace detail {

/// plain_ddr4() with one rank: neighbouring groups kGroup apart (banks 0, 4, 8, 12), rows kRank apart.
inline DramConfig one_rank() {
    DramConfig c = plain_ddr4();
    c.organisation.ranks = 1;
    return c;
}

inline DramConfig one_rank(RefreshMode mode, std::uint32_t nREFI, std::uint32_t nRFC, std::uint32_t postpone) {
    DramConfig c = one_rank();
    c.refresh = {mode, postpone};
    c.timing.nREFI = nREFI;
    c.timing.nRFC = nRFC;
    return c;
}

inline DramConfig sleepy(DramConfig c, std::uint32_t power_down_after, std::uint32_t self_refresh_after = 0) {
    c.power_down = {power_down_after, self_refresh_after};
    return c;
}

/// `n` reads of bank 0, from clock `first` on, tCCD_L apart, between other commands.
inline std::vector<std::string> with_reads(std::vector<std::string> before, DramClock first, std::uint32_t n,
                                           const std::vector<std::string>& after) {
    for (std::uint32_t i = 0; i < n; ++i) {
        before.push_back(std::to_string(first + 6 * i) + " RD r0 b0");
    }
    before.insert(before.end(), after.begin(), after.end());
    return before;
}

}  // namespace detail

inline std::vector<DramScenario> scheduling_scenarios() {
    using detail::one_rank;
    DramConfig fcfs = one_rank();
    fcfs.controller.scheduling = DramScheduling::fcfs;
    DramConfig adaptive = one_rank();
    adaptive.controller.page_policy = PagePolicy::adaptive;
    adaptive.controller.page_timeout = 10;
    const std::vector<DramScenario::Arrival> two_rows_and_a_bank{{0, 0}, {1, kRank}, {2, kGroup}};
    return {
        {"FR-FCFS opens another bank while a row waits for tRAS",
         one_rank(),
         two_rows_and_a_bank,
         100,
         {"0 ACT r0 b0 row 0", "4 ACT r0 b4 row 0", "16 RD r0 b0", "20 RD r0 b4", "39 PRE r0 b0", "56 ACT r0 b0 row 1",
          "72 RD r0 b0"}},
        {"FCFS looks at the oldest burst alone",
         fcfs,
         two_rows_and_a_bank,
         100,
         {"0 ACT r0 b0 row 0", "16 RD r0 b0", "39 PRE r0 b0", "56 ACT r0 b0 row 1", "72 RD r0 b0", "73 ACT r0 b4 row 0",
          "89 RD r0 b4"}},
        {"an urgent burst goes before an older one that is not, but not before a hit",
         one_rank(),
         {{0, 0}, {1, kRank}, {2, 2 * kRank, 64, false, true}},
         140,
         {"0 ACT r0 b0 row 0", "16 RD r0 b0", "39 PRE r0 b0", "56 ACT r0 b0 row 2", "72 RD r0 b0", "95 PRE r0 b0",
          "112 ACT r0 b0 row 1", "128 RD r0 b0"}},
        {"an urgent write that merges with a queued one does not move it",
         one_rank(),
         {{0, 0, 64, true}, {1, kRank, 64, true}, {2, 2 * kRank, 64, true}, {3, 2 * kRank, 64, true, true}},
         160,
         {"0 ACT r0 b0 row 0", "16 WR r0 b0", "50 PRE r0 b0", "65 ACT r0 b0 row 1", "81 WR r0 b0", "115 PRE r0 b0",
          "130 ACT r0 b0 row 2", "146 WR r0 b0"},
         {{&DramCounts::merged_writes, 1}}},
        {"the timeout of a page doubles when it was too short and halves when it was too long",
         adaptive,
         {{0, 0}, {100, 0}, {200, 0}, {300, 0}, {350, kRank}, {500, 0}},
         600,
         {
             "0 ACT r0 b0 row 0", "16 RD r0 b0", "39 PRE r0 b0",      // 10 after RD, but tRAS
             "100 ACT r0 b0 row 0", "116 RD r0 b0", "139 PRE r0 b0",  // 20, but tRAS
             "200 ACT r0 b0 row 0", "216 RD r0 b0", "256 PRE r0 b0",  // 40
             "300 ACT r0 b0 row 0", "316 RD r0 b0", "350 PRE r0 b0",  // 80: in the way of another row
             "365 ACT r0 b0 row 1", "381 RD r0 b0", "421 PRE r0 b0",  // 40 again
             "500 ACT r0 b0 row 0", "516 RD r0 b0", "556 PRE r0 b0",  // another row than was closed: still 40
         },
         {{&DramCounts::row_conflicts, 1}, {&DramCounts::row_misses, 5}, {&DramCounts::precharges, 6}}},
    };
}

inline std::vector<DramScenario> refresh_scenarios() {
    using detail::one_rank;
    using detail::with_reads;
    const DramConfig put_off = one_rank(RefreshMode::all_bank, 100, 20, 2);
    DramConfig by_bank = one_rank(RefreshMode::per_bank, 400, 20, 0);
    by_bank.organisation.bank_groups = 1;  // banks 0 to 3, 8 kB apart
    DramConfig by_bank_put_off = by_bank;
    by_bank_put_off.refresh.postpone = 1;
    DramConfig fcfs = plain_ddr4();  // rank 0 is due at 1000
    fcfs.refresh.mode = RefreshMode::all_bank;
    fcfs.controller.scheduling = DramScheduling::fcfs;
    return {
        {"two refreshes are put off while reads wait, the third is not",  // due at 100, 200, 300, 400
         put_off,
         {{0, 0, 64 * 128}},
         470,
         with_reads(
             with_reads(with_reads({"0 ACT r0 b0 row 0"}, 16, 48, {"307 PREA r0", "322 REF r0", "342 ACT r0 b0 row 0"}),
                        358, 7, {"403 PREA r0", "418 REF r0", "438 ACT r0 b0 row 0"}),
             454, 3, {}),
         {{&DramCounts::refreshes, 2}, {&DramCounts::precharges, 2}}},
        {"refreshes that were put off are made up for when the reads are done",
         put_off,
         {{0, 0, 64 * 40}},
         510,
         with_reads({"0 ACT r0 b0 row 0"}, 16, 40,
                    {"259 PREA r0", "274 REF r0", "294 REF r0", "314 REF r0", "400 REF r0", "500 REF r0"}),
         {{&DramCounts::refreshes, 5}, {&DramCounts::refresh_clocks, 0}}},
        {"banks are refreshed in turn, and only the one whose turn it is waits",  // due every 100 from 400 on
         by_bank,
         {{495, kGroup}, {552, 2 * kGroup}},
         950,
         {"400 REFPB r0 b0", "495 ACT r0 b1 row 0", "534 PRE r0 b1", "551 REFPB r0 b1", "555 ACT r0 b2 row 0",
          "571 RD r0 b2", "581 ACT r0 b1 row 0", "597 RD r0 b1", "600 PRE r0 b2", "615 REFPB r0 b2", "700 REFPB r0 b3",
          "800 REFPB r0 b0", "900 PRE r0 b1", "915 REFPB r0 b1"},
         {{&DramCounts::bank_refreshes, 6}, {&DramCounts::refreshes, 0}, {&DramCounts::precharges, 3}},
         618,
         81},                                                                          // clocks 500 to 580
        {"the refresh of one bank is put off once, then it waits for its bank alone",  // due every 100 from 400 on
         by_bank_put_off,
         {{390, 0, 64 * 128}},
         710,
         with_reads(with_reads(with_reads(with_reads({"390 ACT r0 b0 row 0"}, 406, 16,
                                                     {"505 PRE r0 b0", "520 REFPB r0 b0", "550 ACT r0 b0 row 0"}),
                                          566, 6, {"600 REFPB r0 b1"}),
                               602, 17, {"700 REFPB r0 b2"}),
                    704, 1, {})},
        {"FCFS: all wait while the oldest burst is held back",
         fcfs,
         {{1000, 0}, {1001, kRank}},
         1250,
         {"1000 REF r0", "1200 ACT r0 b0 row 0", "1216 RD r0 b0", "1217 ACT r1 b0 row 0", "1233 RD r1 b0"},
         {},
         1254,
         199,  // clocks 1001 to 1199
         1},
    };
}

inline std::vector<DramScenario> sleep_scenarios() {
    using detail::one_rank;
    using detail::sleepy;
    DramConfig adaptive = sleepy(one_rank(), 20);
    adaptive.controller.page_policy = PagePolicy::adaptive;
    adaptive.controller.page_timeout = 100;
    const DramConfig refreshed = one_rank(RefreshMode::all_bank, 2000, 200, 0);
    return {
        {"an idle rank is powered down, a read wakes it",
         sleepy(one_rank(), 20),
         {{50, 0}},
         150,
         {"20 PDE r0", "50 PDX r0", "56 ACT r0 b0 row 0", "72 RD r0 b0", "93 PDE r0"},
         {{&DramCounts::power_downs, 2},
          {&DramCounts::precharged_power_down_clocks, 30},
          {&DramCounts::active_power_down_clocks, 57},
          {&DramCounts::active_clocks, 37},
          {&DramCounts::precharged_clocks, 26}},
         93},
        {"a rank stays powered down for nCKE",
         sleepy(one_rank(), 20),
         {{22, 0}},
         60,
         {"20 PDE r0", "25 PDX r0", "31 ACT r0 b0 row 0", "47 RD r0 b0"}},
        {"power-down waits for read data",
         sleepy(one_rank(), 1),
         {{0, 0}},
         50,
         {"0 ACT r0 b0 row 0", "16 RD r0 b0", "37 PDE r0"}},
        {"power-down waits for write recovery",
         sleepy(one_rank(), 1),
         {{0, 0, 64, true}},
         60,
         {"0 ACT r0 b0 row 0", "16 WR r0 b0", "50 PDE r0"}},
        {"two ranks sleep and wake one command at a time",
         sleepy(plain_ddr4(), 10),
         {{30, kRank}, {30, 0}},
         90,
         {"10 PDE r0", "11 PDE r1", "30 PDX r1", "31 PDX r0", "36 ACT r1 b0 row 0", "37 ACT r0 b0 row 0", "52 RD r1 b0",
          "58 RD r0 b0", "73 PDE r1", "79 PDE r0"}},
        {"a rank that may not wake yet does not keep another from it",
         sleepy(plain_ddr4(), 10),
         {{0, 0}, {38, 64}, {38, kRank}},
         90,
         {"0 ACT r0 b0 row 0", "10 PDE r1", "16 RD r0 b0", "37 PDE r0", "39 PDX r1", "42 PDX r0", "45 ACT r1 b0 row 0",
          "48 RD r0 b0", "61 RD r1 b0", "69 PDE r0", "82 PDE r1"}},
        {"a page whose time is up while the rank sleeps stays open",
         adaptive,
         {{0, 0}, {200, kRank}},
         300,
         {"0 ACT r0 b0 row 0", "16 RD r0 b0", "37 PDE r0", "200 PDX r0", "206 PRE r0 b0", "221 ACT r0 b0 row 1",
          "237 RD r0 b0", "258 PDE r0"},
         {{&DramCounts::row_conflicts, 1}}},
        {"a refresh wakes a powered-down rank",
         sleepy(one_rank(RefreshMode::all_bank, 500, 200, 0), 20),
         {},
         1100,
         {"20 PDE r0", "500 PDX r0", "506 REF r0", "507 PDE r0", "1000 PDX r0", "1006 REF r0", "1007 PDE r0"},
         {{&DramCounts::precharged_power_down_clocks, 480 + 493 + 93}, {&DramCounts::precharged_clocks, 34}}},
        {"a powered-down rank is woken for self-refresh and closed; after it one refresh is due",
         sleepy(refreshed, 20, 50),
         {{0, 0}, {3000, 0}},
         3450,
         {"0 ACT r0 b0 row 0", "16 RD r0 b0", "37 PDE r0", "67 PDX r0", "73 PREA r0", "88 SRE r0", "3000 SRX r0",
          "3210 REF r0", "3410 ACT r0 b0 row 0", "3426 RD r0 b0", "3447 PDE r0"},
         {{&DramCounts::self_refreshes, 1}, {&DramCounts::self_refresh_clocks, 2912}, {&DramCounts::refreshes, 1}},
         3447,
         409,
         1},  // clocks 3001 to 3409
        {"a rank stays in self-refresh for nCKESR",
         sleepy(refreshed, 0, 50),
         {{52, 0}},
         500,
         {"50 SRE r0", "57 SRX r0", "267 REF r0", "467 ACT r0 b0 row 0", "483 RD r0 b0"}},
        {"the refresh after self-refresh may be put off, but comes before the next one",
         sleepy(one_rank(RefreshMode::all_bank, 2000, 200, 1), 0, 50),
         {{52, 0}},
         530,
         {"50 SRE r0", "57 SRX r0", "267 ACT r0 b0 row 0", "283 RD r0 b0", "306 PREA r0", "323 REF r0", "523 SRE r0"}},
    };
}

inline std::vector<DramScenario> dram_scenarios() {
    std::vector<DramScenario> all = scheduling_scenarios();
    for (const std::vector<DramScenario>& more : {refresh_scenarios(), sleep_scenarios()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

}  // namespace palimpsest
