#pragma once
// Part of the golden DRAM controller (dram_golden.h): the commands that concern ranks, (a), (b) and (g) of
// docs/blocks/dram.md.

#include "golden/dram_golden_state.h"

namespace palimpsest {

class GoldenDramRanks : public GoldenDramState {
  protected:
    using GoldenDramState::GoldenDramState;

    // (a)

    bool wake(Channel& channel) {
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            Rank& rank = channel.ranks[r];
            const bool down = rank.power == Power::down;
            const DramCommandKind kind = down ? power_down_exit : self_refresh_exit;
            const bool is_to = !is_idle(channel, r) || (down && for_self_refresh(channel, r));
            if (rank.power == Power::awake || !is_to || !legal(channel, kind, place_of(r))) {
                continue;
            }
            if (!down) {  // one refresh is due at once, the next an interval later
                rank.first_due = now;
                rank.refreshed = 0;
            }
            rank.power = Power::awake;
            issue(channel, kind, place_of(r));
            return true;
        }
        return false;
    }

    // (b)

    bool refresh_one(Channel& channel) {
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            const Rank& rank = channel.ranks[r];
            const bool is_to = must_refresh(rank) || (owed(rank) > 0 && !has_bursts(channel, r));
            if (!is_to || rank.power != Power::awake) {
                continue;
            }
            if (config_.refresh.mode == RefreshMode::per_bank ? refresh_bank_of(channel, r)
                                                              : refresh_rank(channel, r)) {
                return true;
            }
        }
        return false;
    }

    bool refresh_rank(Channel& channel, std::uint32_t r) {
        if (close_all(channel, r)) {
            return true;
        }
        Rank& rank = channel.ranks[r];
        if (any_open(rank) || !legal(channel, refresh, place_of(r))) {
            return false;
        }
        issue(channel, refresh, place_of(r));
        ++rank.refreshed;
        ++counts.refreshes;
        for (Bank& bank : rank.banks) {
            bank.refresh_end = now + t().nRFC;
        }
        return true;
    }

    bool refresh_bank_of(Channel& channel, std::uint32_t r) {
        Rank& rank = channel.ranks[r];
        const GoldenPlace p = place_of(r, next_in_turn(rank));
        Bank& bank = bank_at(channel, p);
        const DramCommandKind kind = bank.open ? precharge : refresh_bank;
        if (!legal(channel, kind, p)) {
            return false;
        }
        if (bank.open) {
            close(channel, p);
        } else {
            ++rank.refreshed;
            ++counts.bank_refreshes;
            bank.refresh_end = now + t().nRFCpb;
        }
        const DramClock idle_since = rank.idle_since;  // a PRE for a refresh does not end the idle time
        issue(channel, kind, p);
        rank.idle_since = idle_since;
        return true;
    }

    // (g)

    bool sleep(Channel& channel) {
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            Rank& rank = channel.ranks[r];
            if (rank.power != Power::awake) {
                continue;
            }
            if (for_self_refresh(channel, r)) {
                if (close_all(channel, r)) {
                    return true;
                }
                if (!any_open(rank) && legal(channel, self_refresh_enter, place_of(r))) {
                    issue(channel, self_refresh_enter, place_of(r));
                    rank.power = Power::self_refresh;
                    ++counts.self_refreshes;
                    return true;
                }
            } else if (idle_for(channel, r, config_.power_down.power_down_after) &&
                       legal(channel, power_down_enter, place_of(r))) {
                issue(channel, power_down_enter, place_of(r));
                rank.power = Power::down;
                ++counts.power_downs;
                return true;
            }
        }
        return false;
    }
};

}  // namespace palimpsest
