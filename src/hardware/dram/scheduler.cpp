#include "hardware/dram/scheduler.h"

namespace palimpsest {
namespace {

std::uint64_t bit(std::uint32_t bank) {
    return std::uint64_t{1} << bank;
}

TimedCommand column_command(bool write) {
    return write ? TimedCommand::write : TimedCommand::read;
}

template <class Function>
void for_each_bank(std::uint64_t banks, Function f) {
    for (; banks != 0; banks &= banks - 1) {
        f(static_cast<std::uint32_t>(std::countr_zero(banks)));
    }
}

}  // namespace

TimedCommand DramScheduler::command_of(Need need, bool write) {
    return need == Need::column     ? column_command(write)
           : need == Need::activate ? TimedCommand::activate
                                    : TimedCommand::precharge;
}

DramScheduler::DramScheduler(const DramConfig& config)
    : device_(config.timing, config.organisation),
      reads_(config.controller.read_queue),
      writes_(config.controller.write_queue),
      ranks_(config.organisation.ranks),
      banks_a_rank_(config.organisation.banks()),
      rank_banks_(banks_a_rank_ == 64 ? ~std::uint64_t{0} : bit(banks_a_rank_) - 1),
      starvation_cap_(config.controller.starvation_cap),
      write_high_(config.controller.write_high),
      write_low_(config.controller.write_low),
      closed_page_(config.controller.page_policy == PagePolicy::closed),
      streaks_(config.controller.page_policy == PagePolicy::open && config.timing.nCCD_S > 1),
      same_group_spacing_(config.timing.nCCD_L),
      other_group_spacing_(config.timing.nCCD_S),
      activate_to_column_(config.timing.nRCD),
      precharge_to_activate_(config.timing.nRP),
      refresh_interval_(config.timing.nREFI),
      refresh_clocks_(config.timing.nRFC),
      due_at_(ranks_, kNever),
      rank_blocked_until_(ranks_, 0),
      rank_bursts_(ranks_, 0) {
    if (config.refresh.mode != RefreshMode::none) {
        for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
            due_at_[rank] = refresh_interval_ * (rank + 1) / ranks_;  // ranks take turns
        }
        next_due_ = due_at_[0];
    }
}

void DramScheduler::insert(bool write, const DramLocation& where, const BurstOwner& owner, DramClock now) {
    const std::uint32_t bank = where.bank;
    const bool was_write_mode = write_mode();
    const bool open = (open_banks_ & bit(bank)) != 0 && open_row_[bank] == where.row;
    mutable_queue(write).insert(where, next_age_++, owner, open);
    ++rank_bursts_[device_.rank_of(bank)];
    if (write && writes_.size() >= write_high_) {
        forced_writes_ = true;
    }
    classify(write, bank);
    if (write_mode() != was_write_mode) {
        next_pick_ = now;
    } else if (write == was_write_mode && (serviceable_ & bit(bank)) != 0) {
        const TimedCommand next = command_of(wanted_[write].need[bank], write);
        next_pick_ = std::min(next_pick_, std::max(now, device_.ready(next, bank)));
    }
}

void DramScheduler::add(Candidates& candidates, std::uint32_t bank, TimedCommand command) {
    const DramClock ready = device_.ready_within_rank(command, bank);
    candidates.soonest = candidates.banks == 0 ? ready : std::min(candidates.soonest, ready);
    candidates.banks |= bit(bank);
}

void DramScheduler::classify(bool write, std::uint32_t bank) {
    const BurstQueue& q = queue(write);
    const BurstQueue::Slot oldest = q.oldest(bank), hit = q.oldest_hit(bank);
    Need need = Need::nothing;
    if (hit != BurstQueue::kNone && (hit == oldest || passed_[bank] < starvation_cap_)) {
        need = Need::column;
    } else if (oldest != BurstQueue::kNone) {
        need = (open_banks_ & bit(bank)) != 0 ? Need::precharge : Need::activate;
    }
    Wanted& wanted = wanted_[write];
    const Need before = wanted.need[bank];
    if (need != before) {
        wanted.need[bank] = need;
        if (before != Need::nothing) {
            wanted.of(before).banks &= ~bit(bank);
        }
        if (need != Need::nothing) {
            add(wanted.of(need), bank, command_of(need, write));
        }
    }
    if (closed_page_) {
        classify_unwanted(bank);
    }
}

void DramScheduler::classify_unwanted(std::uint32_t bank) {
    const bool unwanted = (open_banks_ & bit(bank)) != 0 && reads_.oldest_hit(bank) == BurstQueue::kNone &&
                          writes_.oldest_hit(bank) == BurstQueue::kNone;
    if (!unwanted) {
        unwanted_open_.banks &= ~bit(bank);
    } else if ((unwanted_open_.banks & bit(bank)) == 0) {
        add(unwanted_open_, bank, TimedCommand::precharge);
    }
}

void DramScheduler::classify(std::uint32_t bank) {
    classify(false, bank);
    classify(true, bank);
}

template <class AgeOf>
DramScheduler::Best DramScheduler::oldest_legal(Candidates& candidates, TimedCommand command, DramClock now,
                                                AgeOf age_of) const {
    Best best;
    const std::uint64_t banks = candidates.banks & serviceable_;
    if (banks == 0 || candidates.soonest > now) {
        return best;
    }
    DramClock soonest = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        const std::uint64_t here = banks & rank_mask(rank);
        if (here == 0) {
            continue;
        }
        if (const DramClock ready = device_.rank_ready(command, rank); ready > now) {
            soonest = std::min(soonest, ready);
            continue;
        }
        for_each_bank(here, [&](std::uint32_t bank) {  // no branches: which banks are ready has no pattern
            const DramClock ready = device_.ready_within_rank(command, bank);
            const std::uint64_t illegal = ready > now ? ~std::uint64_t{0} : 0;
            best.word = std::min(best.word, Best::word_of(age_of(bank), bank) | illegal);
            soonest = std::min(soonest, ready | ~illegal);
        });
    }
    if (!best.any()) {
        candidates.soonest = soonest;
    }
    return best;
}

DramClock DramScheduler::first_legal(const Candidates& candidates, TimedCommand command) const {
    const std::uint64_t banks = candidates.banks & serviceable_;
    if (banks == 0) {
        return kNever;
    }
    if (ranks_ == 1) {
        return std::max(device_.rank_ready(command, 0), candidates.soonest);
    }
    DramClock ready = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if (banks & rank_mask(rank)) {
            ready = std::min(ready, device_.rank_ready(command, rank));
        }
    }
    return std::max(ready, candidates.soonest);
}

/// A lower bound on the next clock of any command but for refresh.
DramClock DramScheduler::first_legal() const {
    const bool write = write_mode();
    const Wanted& wanted = wanted_[write];
    DramClock first = std::min({first_legal(wanted.column, column_command(write)),
                                first_legal(wanted.activate, TimedCommand::activate),
                                first_legal(wanted.precharge, TimedCommand::precharge)});
    if (closed_page_) {
        first = std::min(first, first_legal(unwanted_open_, TimedCommand::precharge));
    }
    return first;
}

bool DramScheduler::pick_refresh(DramClock now, Pick& pick, DramClock& next) const {
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if ((due_ & bit(rank)) == 0) {
            continue;
        }
        const std::uint64_t open = open_banks_ & rank_mask(rank);
        DramClock ready = device_.rank_ready(TimedCommand::refresh, rank);
        if (open != 0) {
            ready = 0;
            for_each_bank(open, [&](std::uint32_t bank) {
                ready = std::max(ready, device_.ready(TimedCommand::precharge, bank));
            });
        }
        if (ready <= now) {
            pick.kind = open != 0 ? DramCommandKind::precharge_all : DramCommandKind::refresh;
            pick.bank = static_cast<std::uint8_t>(rank * banks_a_rank_);
            return true;
        }
        next = std::min(next, ready);
    }
    return false;
}

bool DramScheduler::pick(DramClock now, Pick& pick) {
    DramClock next = kNever;
    if (due_ != 0 && pick_refresh(now, pick, next)) {
        return true;
    }
    const bool write = write_mode();
    const BurstQueue& q = queue(write);
    Wanted& wanted = wanted_[write];
    const auto take = [&](DramCommandKind kind, std::uint32_t bank, BurstQueue::Slot slot) {
        pick.kind = kind;
        pick.write = write;
        pick.bank = static_cast<std::uint8_t>(bank);
        pick.slot = slot;
        return true;
    };
    const auto age_of_oldest = [&](std::uint32_t bank) { return q[q.oldest(bank)].age; };

    const Best column = oldest_legal(wanted.column, column_command(write), now,
                                     [&](std::uint32_t bank) { return q[q.oldest_hit(bank)].age; });
    if (column.any()) {
        return take(write ? DramCommandKind::write : DramCommandKind::read, column.bank(), q.oldest_hit(column.bank()));
    }
    const Best activate = oldest_legal(wanted.activate, TimedCommand::activate, now, age_of_oldest);
    if (activate.any()) {
        return take(DramCommandKind::activate, activate.bank(), q.oldest(activate.bank()));
    }
    const Best precharge = oldest_legal(wanted.precharge, TimedCommand::precharge, now, age_of_oldest);
    if (precharge.any()) {
        return take(DramCommandKind::precharge, precharge.bank(), q.oldest(precharge.bank()));
    }
    if (closed_page_) {
        const Best unwanted = oldest_legal(unwanted_open_, TimedCommand::precharge, now,
                                           [](std::uint32_t bank) { return std::uint64_t{bank}; });
        if (unwanted.any()) {
            return take(DramCommandKind::precharge, unwanted.bank(), BurstQueue::kNone);
        }
    }
    next_pick_ = std::min(next, first_legal());
    return false;
}

void DramScheduler::issue(const Pick& pick, DramClock now) {
    const std::uint32_t bank = pick.bank;
    const std::uint32_t rank = device_.rank_of(bank);
    switch (pick.kind) {
        case DramCommandKind::activate: {
            BurstQueue::Entry& burst = mutable_queue(pick.write)[pick.slot];
            burst.activated = true;
            device_.issue(TimedCommand::activate, bank, now);
            open_banks_ |= bit(bank);
            open_row_[bank] = burst.row;
            passed_[bank] = 0;
            reads_.row_opened(bank, burst.row);
            writes_.row_opened(bank, burst.row);
            classify(bank);
            break;
        }
        case DramCommandKind::precharge:
            if (pick.slot != BurstQueue::kNone) {
                mutable_queue(pick.write)[pick.slot].precharged = true;
            }
            device_.issue(TimedCommand::precharge, bank, now);
            close(bank);
            break;
        case DramCommandKind::precharge_all:
            for_each_bank(open_banks_ & rank_mask(rank), [&](std::uint32_t open) {
                device_.issue(TimedCommand::precharge, open, now);
                close(open);
            });
            break;
        case DramCommandKind::read:
        case DramCommandKind::write: {
            BurstQueue& q = mutable_queue(pick.write);
            device_.issue(column_command(pick.write), bank, now);
            const bool passes = pick.slot != q.oldest(bank);
            q.remove_hit(bank);
            --rank_bursts_[rank];
            if (pick.write && writes_.size() <= write_low_) {
                forced_writes_ = false;
            }
            classify(pick.write, bank);
            if (passes && ++passed_[bank] >= starvation_cap_) {
                classify(bank);
            }
            break;
        }
        default:
            break;
        case DramCommandKind::refresh:
            device_.issue(TimedCommand::refresh, bank, now);
            due_ &= ~bit(rank);
            serviceable_ |= rank_mask(rank);
            rank_blocked_until_[rank] = now + refresh_clocks_;
            blocked_until_ = 0;
            for (const DramClock until : rank_blocked_until_) {
                blocked_until_ = std::max(blocked_until_, until);
            }
            for (Wanted& wanted : wanted_) {  // scans since it fell due have left the rank out
                wanted.column.soonest = wanted.activate.soonest = wanted.precharge.soonest = 0;
            }
            unwanted_open_.soonest = 0;
            break;
    }
    next_pick_ = due_ != 0 ? now + 1 : std::max(now + 1, first_legal());
}

void DramScheduler::close(std::uint32_t bank) {
    open_banks_ &= ~bit(bank);
    reads_.row_closed(bank);
    writes_.row_closed(bank);
    classify(bank);
}

void DramScheduler::refresh_due(DramClock now) {
    next_due_ = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if (due_at_[rank] <= now) {
            due_ |= bit(rank);
            serviceable_ &= ~rank_mask(rank);
            rank_blocked_until_[rank] = blocked_until_ = kNever;
            due_at_[rank] += refresh_interval_;
            next_pick_ = now;
        }
        next_due_ = std::min(next_due_, due_at_[rank]);
    }
}

DramClock DramScheduler::stalled_until() const {
    DramClock until = 0;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if (rank_bursts_[rank] > 0) {
            until = std::max(until, rank_blocked_until_[rank]);
        }
    }
    return until;
}

DramClock DramScheduler::earliest_column(bool write) const {
    if (due_ != 0) {
        return earliest_column_of_any(write);  // banks that wait for a REF are not among the candidates' bounds
    }
    const Wanted& wanted = wanted_[write];
    const auto after = [](DramClock first, DramClock clocks) { return first == kNever ? kNever : first + clocks; };
    return std::min(
        {first_legal(wanted.column, column_command(write)),
         after(first_legal(wanted.activate, TimedCommand::activate), activate_to_column_),
         after(first_legal(wanted.precharge, TimedCommand::precharge), precharge_to_activate_ + activate_to_column_)});
}

DramClock DramScheduler::earliest_column_of_any(bool write) const {
    DramClock earliest = kNever;
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        earliest = std::min(earliest, device_.rank_ready(column_command(write), rank));
    }
    return earliest;
}

}  // namespace palimpsest
