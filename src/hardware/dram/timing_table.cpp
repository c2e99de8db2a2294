#include "hardware/dram/timing_table.h"

namespace palimpsest {
namespace {

/// A distance that a negative sum turns into none.
std::uint32_t clocks(std::int64_t n) {
    return n > 0 ? static_cast<std::uint32_t>(n) : 0;
}

}  // namespace

std::vector<TimingConstraint> timing_table(const DramTiming& t) {
    using enum TimingLevel;
    constexpr auto ACT = TimedCommand::activate, PRE = TimedCommand::precharge, RD = TimedCommand::read,
                   WR = TimedCommand::write, REF = TimedCommand::refresh, REFPB = TimedCommand::refresh_bank,
                   PDE = TimedCommand::power_down_enter, PDX = TimedCommand::power_down_exit,
                   SRE = TimedCommand::self_refresh_enter, SRX = TimedCommand::self_refresh_exit;
    const std::int64_t burst = t.burst_clocks(), cl = t.nCL, cwl = t.nCWL, rtrs = t.nRTRS;
    const std::int64_t write_end = cwl + burst;  // WR to the end of its data
    // clang-format off
    std::vector<TimingConstraint> table{
        // level        first  then  clocks                        JEDEC name
        {bank,          ACT,   RD,   t.nRCD,                       "tRCD"},
        {bank,          ACT,   WR,   t.nRCD,                       "tRCD"},
        {bank,          ACT,   PRE,  t.nRAS,                       "tRAS"},
        {bank,          ACT,   ACT,  t.nRC,                        "tRC"},
        {bank,          PRE,   ACT,  t.nRP,                        "tRP"},
        {bank,          RD,    PRE,  t.nRTP,                       "tRTP"},
        {bank,          WR,    PRE,  clocks(write_end + t.nWR),    "tWR"},
        {bank_group,    ACT,   ACT,  t.nRRD_L,                     "tRRD_L"},
        {bank_group,    RD,    RD,   t.nCCD_L,                     "tCCD_L"},
        {bank_group,    WR,    WR,   t.nCCD_L,                     "tCCD_L"},
        {bank_group,    WR,    RD,   clocks(write_end + t.nWTR_L), "tWTR_L"},
        {rank,          ACT,   ACT,  t.nRRD_S,                     "tRRD_S"},
        {rank,          ACT,   ACT,  t.nFAW,                       "tFAW", 4},
        {rank,          RD,    RD,   t.nCCD_S,                     "tCCD_S"},
        {rank,          WR,    WR,   t.nCCD_S,                     "tCCD_S"},
        {rank,          WR,    RD,   clocks(write_end + t.nWTR_S), "tWTR_S"},
        {rank,          RD,    WR,   clocks(cl + burst + 2 - cwl), "read to write: data bus and 2 clocks to turn it"},
        {rank,          PRE,   REF,  t.nRP,                        "tRP"},
        {rank,          ACT,   REF,  t.nRC,                        "tRC"},
        {rank,          REF,   ACT,  t.nRFC,                       "tRFC"},
        {rank,          REF,   REF,  t.nRFC,                       "tRFC"},
        {bank,          PRE,   REFPB, t.nRP,                       "tRP"},
        {bank,          ACT,   REFPB, t.nRC,                       "tRC"},
        {rank,          ACT,   REFPB, t.nRRD_S,                    "tRRD_S"},
        {bank,          REFPB, ACT,   t.nRFCpb,                    "tRFCpb"},
        {rank,          REFPB, ACT,   t.nRRD_S,                    "tRRD_S"},
        {rank,          REFPB, REFPB, t.nRFCpb,                    "tRFCpb"},
        {other_ranks,   RD,    RD,   clocks(burst + rtrs),            "tRTRS"},
        {other_ranks,   WR,    WR,   clocks(burst + rtrs),            "tRTRS"},
        {other_ranks,   RD,    WR,   clocks(cl + burst + rtrs - cwl), "tRTRS"},
        {other_ranks,   WR,    RD,   clocks(cwl + burst + rtrs - cl), "tRTRS"},
        {rank,          RD,    PDE,  clocks(cl + burst + 1),       "read data before power-down"},
        {rank,          WR,    PDE,  clocks(write_end + t.nWR),    "tWR before power-down"},
        {rank,          PDE,   PDX,  t.nCKE,                       "tCKE"},
        {rank,          RD,    SRE,  clocks(cl + burst + 1),       "read data before self-refresh"},
        {rank,          PRE,   SRE,  t.nRP,                        "tRP"},
        {rank,          REF,   SRE,  t.nRFC,                       "tRFC"},
        {rank,          SRE,   SRX,  t.nCKESR,                     "tCKESR"},
    };
    // clang-format on
    for (const TimedCommand next : {ACT, PRE, RD, WR, REF, REFPB, PDE, SRE}) {
        table.push_back({rank, PDX, next, t.nXP, "tXP"});
        table.push_back({rank, SRX, next, t.nXS, "tXS"});
    }
    return table;
}

}  // namespace palimpsest
