#pragma once
// Part of the golden DRAM controller (dram_golden.h): whether a command is legal, found by looking at every command
// that came before it.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"

namespace palimpsest {

/// Clocks that `c` must stay away from the earlier command `e` of its channel; 0 or less if it need not.
inline std::int64_t golden_distance(const DramTiming& t, const DramCommand& e, const DramCommand& c) {
    using enum DramCommandKind;
    const bool rank = e.rank == c.rank, group = rank && e.bank_group == c.bank_group;
    const bool bank = group && e.bank == c.bank;
    const std::int64_t burst = t.burst_length / t.beats_per_clock;
    const std::int64_t read_end = t.nCL + burst, write_end = t.nCWL + burst;
    const bool column = c.kind == read || c.kind == write;
    std::int64_t need = 0;
    const auto needs = [&need](std::int64_t clocks) { need = std::max(need, clocks); };

    if (!rank) {  // ranks share the data bus only
        if (e.kind == c.kind && column)
            needs(burst + t.nRTRS);
        if (e.kind == read && c.kind == write)
            needs(read_end + t.nRTRS - t.nCWL);
        if (e.kind == write && c.kind == read)
            needs(write_end + t.nRTRS - t.nCL);
        return need;
    }
    switch (e.kind) {
        case activate:
            if (bank && column)
                needs(t.nRCD);
            if (bank && c.kind == precharge)
                needs(t.nRAS);
            if (bank && (c.kind == activate || c.kind == refresh_bank))
                needs(t.nRC);
            if (group && c.kind == activate)
                needs(t.nRRD_L);
            if (c.kind == activate)
                needs(t.nRRD_S);
            if (rank && c.kind == refresh_bank)
                needs(t.nRRD_S);
            if (c.kind == refresh)
                needs(t.nRC);
            break;
        case precharge:
        case precharge_all:
            if ((bank || e.kind == precharge_all) && (c.kind == activate || c.kind == refresh_bank))
                needs(t.nRP);
            if (c.kind == refresh || c.kind == self_refresh_enter)
                needs(t.nRP);
            break;
        case read:
            if (bank && c.kind == precharge)
                needs(t.nRTP);
            if (group && c.kind == read)
                needs(t.nCCD_L);
            if (c.kind == read)
                needs(t.nCCD_S);
            if (c.kind == write)
                needs(read_end + 2 - t.nCWL);
            if (c.kind == power_down_enter || c.kind == self_refresh_enter)
                needs(read_end + 1);
            break;
        case write:
            if (bank && c.kind == precharge)
                needs(write_end + t.nWR);
            if (group && c.kind == write)
                needs(t.nCCD_L);
            if (c.kind == write)
                needs(t.nCCD_S);
            if (group && c.kind == read)
                needs(write_end + t.nWTR_L);
            if (c.kind == read)
                needs(write_end + t.nWTR_S);
            if (c.kind == power_down_enter)
                needs(write_end + t.nWR);
            break;
        case refresh:
            if (c.kind == activate || c.kind == refresh || c.kind == self_refresh_enter)
                needs(t.nRFC);
            break;
        case refresh_bank:
            if (c.kind == activate)
                needs(bank ? std::max(t.nRFCpb, t.nRRD_S) : t.nRRD_S);
            if (c.kind == refresh_bank)
                needs(t.nRFCpb);
            break;
        case power_down_enter:
            if (c.kind == power_down_exit)
                needs(t.nCKE);
            break;
        case power_down_exit:
            needs(t.nXP);
            break;
        case self_refresh_enter:
            if (c.kind == self_refresh_exit)
                needs(t.nCKESR);
            break;
        case self_refresh_exit:
            needs(t.nXS);
            break;
    }
    return need;
}

/// `history`: all commands of the channel so far. A PREA is not asked for here: it is legal when a PRE of each open
/// bank is.
inline bool golden_legal(const DramTiming& t, const std::vector<DramCommand>& history, const DramCommand& c) {
    constexpr std::uint64_t longest_constraint = 4000;
    int activates_in_window = 0;
    for (auto e = history.rbegin(); e != history.rend(); ++e) {
        const std::uint64_t past = c.clock - e->clock;
        if (past > longest_constraint) {
            break;
        }
        if (static_cast<std::int64_t>(past) < golden_distance(t, *e, c)) {
            return false;
        }
        activates_in_window += e->kind == DramCommandKind::activate && e->rank == c.rank && past < t.nFAW;
    }
    return c.kind != DramCommandKind::activate || activates_in_window < 4;
}

}  // namespace palimpsest
