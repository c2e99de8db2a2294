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
                   WR = TimedCommand::write, REF = TimedCommand::refresh;
    const std::int64_t burst = t.burst_clocks(), cl = t.nCL, cwl = t.nCWL, rtrs = t.nRTRS;
    const std::int64_t write_end = cwl + burst;  // WR to the end of its data
    // clang-format off
    return {
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
        {other_ranks,   RD,    RD,   clocks(burst + rtrs),            "tRTRS"},
        {other_ranks,   WR,    WR,   clocks(burst + rtrs),            "tRTRS"},
        {other_ranks,   RD,    WR,   clocks(cl + burst + rtrs - cwl), "tRTRS"},
        {other_ranks,   WR,    RD,   clocks(cwl + burst + rtrs - cl), "tRTRS"},
    };
    // clang-format on
}

}  // namespace palimpsest
