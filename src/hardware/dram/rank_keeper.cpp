#include "hardware/dram/rank_keeper.h"

#include <algorithm>

namespace palimpsest {
namespace {

std::uint64_t bit(std::uint32_t i) {
    return std::uint64_t{1} << i;
}

}  // namespace

RankKeeper::RankKeeper(const DramConfig& config, const DeviceTiming& device)
    : device_(device),
      banks_a_rank_(config.organisation.banks()),
      rank_banks_(banks_a_rank_ == 64 ? ~std::uint64_t{0} : bit(banks_a_rank_) - 1),
      per_bank_(config.refresh.mode == RefreshMode::per_bank),
      postpone_(config.refresh.postpone),
      refreshes_an_interval_(per_bank_ ? banks_a_rank_ : 1),
      interval_(config.timing.nREFI),
      rank_refresh_clocks_(config.timing.nRFC),
      bank_refresh_clocks_(config.timing.nRFCpb),
      power_down_after_(config.power_down.power_down_after),
      self_refresh_after_(config.power_down.self_refresh_after),
      sleeps_(power_down_after_ > 0 || self_refresh_after_ > 0),
      ranks_(config.organisation.ranks) {
    if (config.refresh.mode == RefreshMode::none) {
        return;
    }
    for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
        ranks_[r].due_base = interval_ * (r + 1) / ranks_.size();  // ranks take turns
        ranks_[r].due_at = due_clock(ranks_[r]);
        next_due_ = std::min(next_due_, ranks_[r].due_at);
    }
}

DramClock RankKeeper::due_clock(const Rank& rank) const {
    return rank.due_base + rank.due_number * interval_ / refreshes_an_interval_;
}

void RankKeeper::fall_due(DramClock now) {
    next_due_ = kNever;
    for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
        Rank& rank = ranks_[r];
        if (rank.due_at <= now) {
            ++rank.owed;
            ++rank.due_number;
            rank.due_at = due_clock(rank);
            update(r);
        }
        next_due_ = std::min(next_due_, rank.due_at);
    }
}

/// After a change of what a rank owes, holds, or of its state.
void RankKeeper::update(std::uint32_t r) {
    const Rank& rank = ranks_[r];
    const std::uint64_t banks = per_bank_ ? bit(next_bank(r)) : rank_mask(r);
    serviceable_ |= rank_mask(r);
    if (must(rank)) {
        serviceable_ &= ~banks;
        hold(banks, kNever);
    }
    if (rank.state != State::awake) {
        serviceable_ &= ~rank_mask(r);
    }
    const bool refreshes = rank.owed > 0 && rank.state == State::awake && (must(rank) || rank.bursts == 0);
    to_refresh_ = refreshes ? to_refresh_ | bit(r) : to_refresh_ & ~bit(r);
}

void RankKeeper::hold(std::uint64_t banks, DramClock until) {
    for (; banks != 0; banks &= banks - 1) {
        bank_held_until_[static_cast<std::uint32_t>(std::countr_zero(banks))] = until;
    }
    blocked_until_ = *std::max_element(bank_held_until_.begin(), bank_held_until_.end());
}

DramClock RankKeeper::held_until(std::uint64_t banks) const {
    DramClock until = 0;
    for (; banks != 0; banks &= banks - 1) {
        until = std::max(until, bank_held_until_[static_cast<std::uint32_t>(std::countr_zero(banks))]);
    }
    return until;
}

void RankKeeper::burst_enters(std::uint32_t rank) {
    if (++ranks_[rank].bursts == 1 && ranks_[rank].owed > 0) {
        update(rank);
    }
}

void RankKeeper::burst_leaves(std::uint32_t rank) {
    if (--ranks_[rank].bursts == 0 && ranks_[rank].owed > 0) {
        update(rank);
    }
}

bool RankKeeper::wake_or_refresh(std::uint64_t open_banks, DramClock now, Wish& wish, DramClock& next) const {
    const auto when = [&](DramClock ready, DramCommandKind kind, std::uint32_t bank) {
        if (ready > now) {
            next = std::min(next, ready);
            return false;
        }
        wish = {kind, static_cast<std::uint8_t>(bank)};
        return true;
    };
    for (std::uint32_t r = 0; sleeps_ && r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        const bool down = rank.state == State::powered_down;
        if (rank.state == State::awake || (idle(rank) && !(down && self_refresh_wanted(rank, now)))) {
            if (down && self_refresh_after_ > 0) {
                next = std::min(next, rank.idle_since + self_refresh_after_);
            }
            continue;
        }
        const TimedCommand command = down ? TimedCommand::power_down_exit : TimedCommand::self_refresh_exit;
        if (when(device_.rank_ready(command, r),
                 down ? DramCommandKind::power_down_exit : DramCommandKind::self_refresh_exit, first_bank(r))) {
            return true;
        }
    }
    for (std::uint64_t rest = to_refresh_; rest != 0; rest &= rest - 1) {
        const auto r = static_cast<std::uint32_t>(std::countr_zero(rest));
        const std::uint64_t open = open_banks & (per_bank_ ? bit(next_bank(r)) : rank_mask(r));
        DramClock ready = 0;
        for (std::uint64_t each = open; each != 0; each &= each - 1) {
            ready = std::max(
                ready, device_.ready(TimedCommand::precharge, static_cast<std::uint32_t>(std::countr_zero(each))));
        }
        using enum DramCommandKind;
        const bool legal =
            per_bank_
                ? (open != 0
                       ? when(ready, precharge, next_bank(r))
                       : when(device_.ready(TimedCommand::refresh_bank, next_bank(r)), refresh_bank, next_bank(r)))
                : (open != 0 ? when(ready, precharge_all, first_bank(r))
                             : when(device_.rank_ready(TimedCommand::refresh, r), refresh, first_bank(r)));
        if (legal) {
            return true;
        }
    }
    return false;
}

bool RankKeeper::sleep(std::uint64_t open_banks, DramClock now, Wish& wish, DramClock& next) const {
    for (std::uint32_t r = 0; sleeps_ && r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        if (rank.state != State::awake || !idle(rank)) {
            continue;
        }
        DramClock ready = kNever;
        DramCommandKind kind = DramCommandKind::power_down_enter;
        if (self_refresh_wanted(rank, now)) {
            const std::uint64_t open = open_banks & rank_mask(r);
            kind = open != 0 ? DramCommandKind::precharge_all : DramCommandKind::self_refresh_enter;
            ready = open != 0 ? 0 : device_.rank_ready(TimedCommand::self_refresh_enter, r);
            for (std::uint64_t each = open; each != 0; each &= each - 1) {
                ready = std::max(
                    ready, device_.ready(TimedCommand::precharge, static_cast<std::uint32_t>(std::countr_zero(each))));
            }
        } else {
            if (power_down_after_ > 0) {
                ready = std::max(rank.idle_since + power_down_after_,
                                 device_.rank_ready(TimedCommand::power_down_enter, r));
            }
            if (self_refresh_after_ > 0) {
                next = std::min(next, rank.idle_since + self_refresh_after_);
            }
        }
        if (ready <= now) {
            wish = {kind, static_cast<std::uint8_t>(first_bank(r))};
            return true;
        }
        next = std::min(next, ready);
    }
    return false;
}

void RankKeeper::granted(const Wish& wish, DramClock now) {
    const std::uint32_t r = device_.rank_of(wish.bank);
    Rank& rank = ranks_[r];
    switch (wish.kind) {
        case DramCommandKind::refresh:
            --rank.owed;
            hold(rank_mask(r), now + rank_refresh_clocks_);
            break;
        case DramCommandKind::refresh_bank: {
            const std::uint64_t bank = bit(next_bank(r));
            --rank.owed;
            rank.turn = (rank.turn + 1) % banks_a_rank_;
            hold(bank, now + bank_refresh_clocks_);
            break;
        }
        case DramCommandKind::power_down_enter:
            rank.state = State::powered_down;
            break;
        case DramCommandKind::self_refresh_enter:
            rank.state = State::self_refresh;
            rank.due_at = kNever;
            break;
        case DramCommandKind::power_down_exit:
            rank.state = State::awake;
            break;
        case DramCommandKind::self_refresh_exit:
            rank.state = State::awake;
            rank.owed = 1;  // due at once
            rank.due_base = rank.due_at = now + interval_;
            rank.due_number = 0;
            break;
        default:  // PRE, PREA
            break;
    }
    if (wish.kind == DramCommandKind::self_refresh_enter || wish.kind == DramCommandKind::self_refresh_exit) {
        commanded(r, now);
    }
    update(r);
    next_due_ = kNever;
    for (const Rank& each : ranks_) {
        next_due_ = std::min(next_due_, each.due_at);
    }
}

}  // namespace palimpsest
