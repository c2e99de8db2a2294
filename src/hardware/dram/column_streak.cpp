#include "hardware/dram/column_streak.h"

namespace palimpsest {

bool ColumnStreak::begin(DramClock now) {
    DramScheduler& s = scheduler_;
    DramScheduler::Wanted& wanted = s.wanted_[write_];
    if (queue_.size_ < kFewBursts || (wanted.activate.banks | wanted.precharge.banks) != 0 ||
        (write_ && s.reads_.size() > 0)) {
        return false;
    }
    const std::uint64_t banks = wanted.column.banks;
    rank_ = s.rank_of(static_cast<std::uint32_t>(std::countr_zero(banks)));
    if (banks == 0 || (banks & ~s.rank_mask(rank_)) != 0) {
        return false;
    }
    command_ = write_ ? TimedCommand::write : TimedCommand::read;
    for (std::uint64_t rest = banks; rest != 0; rest &= rest - 1) {
        if (s.device_.bank_ready(command_, static_cast<std::uint32_t>(std::countr_zero(rest))) > now) {
            return false;
        }
    }
    group_shift_ = s.device_.group_shift();
    groups_in_rank_ = s.banks_a_rank_ >> group_shift_;
    same_group_ = s.same_group_spacing_;
    other_group_ = s.other_group_spacing_;
    for (std::uint64_t rest = banks; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        for (BurstQueue::Slot each = queue_.head_[bank]; each != BurstQueue::kNone; each = queue_.entries_[each].next) {
            const BurstQueue::Entry& entry = queue_.entries_[each];
            if (entry.row != s.open_row_[bank]) {
                return false;
            }
            order_[entries_++] = entry.order << 6 | each;
        }
    }
    if (!std::is_sorted(order_.begin(), order_.begin() + entries_)) {
        std::sort(order_.begin(), order_.begin() + entries_);
    }
    for (std::uint32_t i = 0; i < groups_in_rank_; ++i) {
        group_ready_[i] = s.device_.group_ready(command_, rank_ * groups_in_rank_ + i);
    }
    rank_ready_ = std::max(now, s.device_.rank_ready(command_, rank_));
    banks_ = banks;
    size_before_ = queue_.size_;
    return true;
}

ColumnStreak::InOrder ColumnStreak::plan_in_order(const detail::Ring<Arrival>& arrivals, std::uint64_t most,
                                                  DramClock end) {
    const auto group_at = [&](std::uint32_t i) { return group_of(queue_.entries_[slot(i)].bank); };
    const std::uint32_t first_group = group_at(0);
    // Either every burst is of one group, or the groups take turns so that none is waited for.
    bool one_group = same_group_ > other_group_;
    for (std::uint32_t i = 1; i < entries_ && one_group; ++i) {
        one_group = group_at(i) == first_group;
    }
    InOrder plan{rank_ready_, other_group_, 0};
    if (one_group) {
        plan = {std::max(rank_ready_, group_ready_[first_group]), same_group_, 0};
    }
    if (plan.first + 1 >= end) {
        return plan;
    }
    const auto limit = static_cast<std::uint32_t>(
        std::min<std::uint64_t>({most, arrivals.size(), (end - 2 - plan.first) / plan.spacing + 1}));
    std::uint32_t count = 0;
    for (; count < limit; ++count) {
        const Arrival& arrival = arrivals[count];
        if (arrival.write != write_ || arrival.may_match || arrival.owner.urgent || !fits(arrival.where, plan.first) ||
            (one_group && group_of(arrival.where.bank) != first_group)) {
            break;
        }
    }
    DramClock clock = plan.first;
    std::array<DramClock, kMaxBanks> ready = group_ready_;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t bank = i < entries_ ? queue_.entries_[slot(i)].bank : arrivals[i - entries_].where.bank;
        DramClock& of_group = ready[group_of(bank)];
        if (of_group > clock) {
            count = i;
            break;
        }
        of_group = clock + same_group_;
        last_command_[bank] = clock;
        commanded_ |= std::uint64_t{1} << bank;
        clock += plan.spacing;
    }
    plan.count = count;
    return plan;
}

void ColumnStreak::end_in_order(const InOrder& plan, const detail::Ring<Arrival>& arrivals, DramClock now) {
    for (std::uint32_t i = 0; i < std::min(plan.count, entries_); ++i) {
        queue_.free_ |= std::uint64_t{1} << slot(i);
    }
    for (std::uint32_t i = 0; i < plan.count; ++i) {
        banks_ |= std::uint64_t{1} << arrivals[i].where.bank;
    }
    clear_banks();
    for (std::uint32_t i = plan.count; i < plan.count + entries_; ++i) {
        if (i < entries_) {
            append_to_bank(slot(i));
            continue;
        }
        const Arrival& arrival = arrivals[i - entries_];
        const auto free = static_cast<BurstQueue::Slot>(std::countr_zero(queue_.free_));
        queue_.free_ &= queue_.free_ - 1;
        queue_.entries_[free].fill(arrival.where, arrival.owner,
                                   scheduler_.next_age_ + DramScheduler::kNotUrgent + i - entries_);
        append_to_bank(free);
    }
    scheduler_.next_age_ += plan.count;
    if (write_) {
        scheduler_.forced_writes_ = queue_.size_ >= scheduler_.write_high_ ||
                                    (scheduler_.forced_writes_ && queue_.size_ - 1 > scheduler_.write_low_);
    }
    settle(now);
}

void ColumnStreak::link() {
    commanded_ = 0;
    head_.fill(BurstQueue::kNone);
    head_ready_.fill(kNever);
    for (std::uint32_t i = 0; i < entries_; ++i) {
        append(slot(i));
    }
}

void ColumnStreak::end(DramClock now) {
    clear_banks();
    for (std::uint32_t i = 0; i < groups_in_rank_; ++i) {
        for (BurstQueue::Slot each = head_[i], next; each != BurstQueue::kNone; each = next) {
            next = queue_.entries_[each].next;
            append_to_bank(each);
        }
    }
    settle(now);
}

void ColumnStreak::clear_banks() {
    for (std::uint64_t rest = banks_; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        queue_.head_[bank] = queue_.tail_[bank] = queue_.hit_[bank] = BurstQueue::kNone;
    }
}

void ColumnStreak::append_to_bank(BurstQueue::Slot each) {
    BurstQueue::Entry& entry = queue_.entries_[each];
    entry.next = BurstQueue::kNone;
    entry.previous = queue_.tail_[entry.bank];
    if (entry.previous == BurstQueue::kNone) {
        queue_.head_[entry.bank] = each;
        queue_.oldest_word_[entry.bank] = queue_.word_of(each);
        queue_.set_hit(entry.bank, each);
    } else {
        queue_.entries_[entry.previous].next = each;
    }
    queue_.tail_[entry.bank] = each;
}

void ColumnStreak::settle(DramClock now) {
    DramScheduler& s = scheduler_;
    DramClock last_of_all = 0;
    for (std::uint64_t rest = commanded_; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        s.device_.issue(command_, bank, last_command_[bank]);
        last_of_all = std::max(last_of_all, last_command_[bank]);
    }
    s.keeper_.burst_count_changes(rank_, size_before_, queue_.size_);
    s.keeper_.commanded(rank_, last_of_all);
    DramScheduler::Candidates& column = s.wanted_[write_].column;
    column.soonest = kNever;
    for (std::uint64_t rest = banks_; rest != 0; rest &= rest - 1) {
        const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
        s.classify(write_, bank);
        column.soonest = std::min(column.soonest, s.device_.ready_within_rank(command_, bank));
    }
    s.next_pick_ = std::max(now, s.first_legal());
}

}  // namespace palimpsest
