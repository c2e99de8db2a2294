#include "hardware/dram/column_streak.h"

namespace palimpsest {

bool ColumnStreak::begin(DramClock now) {
    DramScheduler& s = scheduler_;
    if (write_ && s.reads_.size() > 0) {
        return false;
    }
    const std::uint64_t banks = s.wanted_[write_].column.banks;
    if (banks == 0) {
        return false;
    }
    command_ = write_ ? TimedCommand::write : TimedCommand::read;
    if (queue_.strangers() > 0) {  // each bank has hits or strangers, not both
        strangers_ = s.wanted_[write_].activate.banks | s.wanted_[write_].precharge.banks;
        std::uint32_t strangers = 0;
        for (std::uint64_t rest = strangers_; rest != 0; rest &= rest - 1) {
            const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
            if (queue_.oldest_hit(bank) != BurstQueue::kNone) {
                return false;
            }
            strangers += queue_.bursts_of(bank);
        }
        limit_ = s.first_row_command();
        if (strangers != queue_.strangers()) {
            return false;
        }
    }
    rank_ = first_rank(banks);
    one_rank_ = (banks & ~s.rank_mask(rank_)) == 0;
    passed_over_ = strangers_ | ~s.rank_mask(rank_);
    group_shift_ = s.device_.group_shift();
    groups_in_rank_ = s.banks_a_rank_ >> group_shift_;
    same_group_ = s.same_group_spacing_;
    other_group_ = s.other_group_spacing_;
    for (std::uint32_t i = 0; i < groups_in_rank_; ++i) {
        group_ready_[i] = s.device_.group_ready(command_, rank_ * groups_in_rank_ + i);
    }
    rank_ready_ = std::max(now, s.device_.rank_ready(command_, rank_));
    touched_ = queued_ = banks;
    fitting_ = s.open_banks_ & ~strangers_;
    find_next();
    return true;
}

ColumnStreak::InOrder ColumnStreak::plan_in_order(const ArrivalFifo& arrivals, std::uint64_t most, DramClock end) {
    // Hits of other ranks wait, however old, as long as they can only follow later on the data bus than those of this
    // rank follow one another. Either every burst is of one group, or the groups take turns so that none is waited for.
    const std::uint32_t first_group = group_of(queue_[hit_from(queue_.first())].bank);
    bool one_group = same_group_ > other_group_;
    for (std::uint64_t rest = queued_; rest != 0 && one_group; rest &= rest - 1) {
        one_group = group_of(static_cast<std::uint32_t>(std::countr_zero(rest))) == first_group;
    }
    InOrder plan{rank_ready_, other_group_, 0};
    if (one_group) {
        plan = {std::max(rank_ready_, group_ready_[first_group]), same_group_, 0};
    }
    if (end < 2 || plan.first > end - 2) {
        return plan;
    }
    const std::uint64_t fitting_clocks = (end - 2 - plan.first) / plan.spacing + 1;
    const auto limit = static_cast<std::uint32_t>(std::min<std::uint64_t>({most, arrivals.bursts(), fitting_clocks}));
    const bool ranks_wait = plan.spacing < scheduler_.other_rank_spacing_;
    if (!one_rank_ && !(ranks_wait && other_ranks_ready() > plan.first)) {
        return plan;
    }
    bool one_rank = one_rank_;
    std::uint32_t count = 0;
    for (std::size_t i = 0;
         count < limit && fits(arrivals[i]) && (!one_group || group_of(arrivals[i].where.bank) == first_group); ++i) {
        if (scheduler_.rank_of(arrivals[i].where.bank) != rank_) {
            if (!ranks_wait) {
                break;
            }
            one_rank = false;
        }
        count = std::min(limit, count + arrivals[i].count);
    }
    if (!one_rank) {  // no arrival is issued, and the rank keeps a burst: what an empty one does is not for a streak
        count = std::min(count, own_hits() - 1);
    }
    DramClock clock = plan.first;
    std::array<DramClock, kMaxBanks> group_clocks = group_ready_;
    BurstQueue::Slot slot = hit_from(queue_.first());
    for (std::size_t arrival = 0; plan.count < count;) {
        std::uint32_t bank = 0, bursts = 0;
        if (slot != BurstQueue::kNone) {
            bank = queue_[slot].bank;
            bursts = queue_[slot].count;
            slot = hit_from(queue_[slot].younger);
        } else {
            bank = arrivals[arrival].where.bank;
            bursts = arrivals[arrival++].count;
        }
        DramClock& of_group = group_clocks[group_of(bank)];
        if (std::max(of_group, scheduler_.device_.bank_ready(command_, bank)) > clock) {
            break;
        }
        // In groups that take turns only the first of a run comes in its turn.
        const std::uint32_t in_turn = plan.spacing >= same_group_ ? std::min(bursts, count - plan.count) : 1;
        const DramClock last = clock + (in_turn - 1) * plan.spacing;
        of_group = last + same_group_;
        commanded(bank, last);
        clock = last + plan.spacing;
        plan.count += in_turn;
        if (in_turn < bursts) {
            break;
        }
    }
    return plan;
}

/// Of the ranks with hits, the one that may get its command first.
std::uint32_t ColumnStreak::first_rank(std::uint64_t banks) const {
    std::uint32_t first = scheduler_.rank_of(static_cast<std::uint32_t>(std::countr_zero(banks)));
    for (std::uint32_t rank = first + 1; rank < scheduler_.ranks_; ++rank) {
        if ((banks & scheduler_.rank_mask(rank)) != 0 &&
            scheduler_.device_.rank_ready(command_, rank) < scheduler_.device_.rank_ready(command_, first)) {
            first = rank;
        }
    }
    return first;
}

/// No hit of another rank may get its command before this clock.
DramClock ColumnStreak::other_ranks_ready() const {
    DramClock ready = kNever;
    for (std::uint64_t rest = queued_ & ~scheduler_.rank_mask(rank_); rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        ready = std::min(ready, scheduler_.device_.ready(command_, bank));
    }
    return ready;
}

std::uint32_t ColumnStreak::own_hits() const {
    std::uint32_t hits = 0;
    for (std::uint64_t rest = queued_ & scheduler_.rank_mask(rank_); rest != 0; rest &= rest - 1) {
        hits += queue_.bursts_of(static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
    return hits;
}

void ColumnStreak::exchange(const InOrder& plan, const ArrivalFifo& arrivals) {
    const std::uint32_t size = queue_.size();
    const std::uint32_t first_left = plan.count > hits() ? plan.count - hits() : 0;  // arrival that is not issued
    if (first_left > 0 && strangers_ == 0) {
        scheduler_.keeper_.bursts_go(rank_, size);
        queue_.clear();
    } else {
        BurstQueue::Slot slot = hit_from(queue_.first());
        for (std::uint32_t left = plan.count - first_left; left > 0;) {
            const std::uint32_t bank = queue_[slot].bank, bursts = std::min<std::uint32_t>(left, queue_[slot].count);
            slot = hit_from(queue_[slot].younger);
            queue_.remove_hits(bank, bursts);
            scheduler_.keeper_.bursts_go(rank_, bursts);
            left -= bursts;
        }
    }
    std::uint32_t passed = 0;
    for (std::size_t i = 0; passed < plan.count; ++i) {
        const Arrival& arrival = arrivals[i];
        const std::uint32_t end = std::min(plan.count, passed + arrival.count);
        if (end > first_left) {
            const std::uint32_t skip = std::max(first_left, passed) - passed;
            put(arrival, skip, end - passed - skip);
        }
        passed = end;
    }
}

void ColumnStreak::end(DramClock now) {
    DramScheduler& s = scheduler_;
    for (std::uint64_t rest = commanded_; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        s.device_.issue(command_, bank, last_command_[bank]);
    }
    // Its rank keeps a burst, so that the keeper need not know when it had its last command.
    DramScheduler::Candidates& column = s.wanted_[write_].column;
    column.soonest = kNever;
    for (std::uint64_t rest = touched_; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        s.classify(write_, bank);
        column.soonest = std::min(column.soonest, s.device_.ready_within_rank(command_, bank));
    }
    s.next_pick_ = std::max(now, s.first_legal());
}

}  // namespace palimpsest
