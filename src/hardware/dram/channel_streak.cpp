// Streaks of a channel: what its transactions, counts and listeners learn of many column commands at once.

#include "hardware/dram/channel.h"

namespace palimpsest {

/// Whether there was a streak; then all clocks before `now_` are decided.
bool DramChannel::streak(DramClock end, std::uint64_t intakes) {
    if (streak_pause_ > 0) {
        --streak_pause_;
        return false;
    }
    if (!scheduler_.columns_next(next_stop_)) {
        return false;  // for some clocks only
    }
    ColumnStreak streak(scheduler_);
    if (scheduler_.stalled_until() > next_stop_ || !streak.begin(next_stop_)) {
        streak_penalty_ = std::min(streak_penalty_ + 1, kLongestPause);
        streak_pause_ = streak_penalty_;
        return false;
    }
    if (clocks_.stall_unbooked()) {
        clocks_.count_to(next_stop_);
    }
    ahead_.runs.clear();
    tell_until(kNever);
    const std::uint64_t most = std::min<std::uint64_t>(intakes, kStreakBursts);
    const DramClock due = std::min(scheduler_.next_due(), streak.limit());
    // A plan rests on what is in the FIFO; what comes later goes behind. So it may run ahead of the clocks that are
    // asked for; listeners hear of them when they are.
    const ColumnStreak::InOrder plan = streak.plan_in_order(fifo_, most, due);
    std::uint32_t issued = 0;
    if (plan.count > 0) {
        issued = issue_in_order(streak, plan, end);
    } else if (streak.one_rank()) {
        issued = issue_by_groups(streak, most, std::min(end, due));
    }
    streak_penalty_ = issued >= ColumnStreak::kFewBursts ? 0 : std::min(streak_penalty_ + 1, kLongestPause);
    streak_pause_ = issued > 1 ? 0 : streak_penalty_;
    return issued > 0;
}

std::uint32_t DramChannel::issue_in_order(ColumnStreak& streak, const ColumnStreak::InOrder& plan, DramClock asked) {
    const bool write = streak.write();
    const DramClock latency = read_latency();
    const BurstQueue& queue = streak.queue();
    if (!sinks_.empty()) {
        note_in_order(streak, plan);
        tell_until(asked);
    }
    const DramClock last = plan.first + (plan.count - 1) * plan.spacing;
    const bool ahead = last >= asked;  // then remembered by runs: counts may be asked for in between
    ahead_ = {plan.first, plan.spacing, write, std::move(ahead_.runs)};
    // All intakes before any command, so that no part seems done while bursts of it are still to be taken.
    std::uint32_t entered = 0;
    for (std::size_t i = 0; entered < plan.count; ++i) {
        const std::uint32_t bursts = std::min(fifo_[i].count, plan.count - entered);
        enter(fifo_[i], bursts, plan.first + entered * plan.spacing + 1, plan.spacing);
        entered += bursts;
    }
    std::uint32_t issued = 0;
    std::array<std::uint64_t, kTrafficClasses> hits{};
    const auto run = [&](const DramLocation& where, const BurstOwner& owner, std::uint32_t bursts) {
        leave(write, where, owner, bursts, plan.first + issued * plan.spacing, plan.spacing);
        issued += bursts;
        hits[static_cast<std::size_t>(owner.traffic)] += bursts;
        if (ahead) {
            ahead_.runs.emplace_back(Column{owner.traffic, false, false}, bursts);
        }
    };
    for (BurstQueue::Slot slot = streak.hit_from(queue.first()); slot != BurstQueue::kNone && issued < plan.count;) {
        const BurstQueue::Entry& entry = queue[slot];
        std::uint32_t bursts = std::min<std::uint32_t>(entry.count, plan.count - issued);
        DramLocation where{entry.row, entry.column, entry.bank, 0};
        BurstOwner owner = entry.owner;
        slot = streak.hit_from(entry.younger);
        if (entry.activated || entry.precharged) {  // the run's first burst, and it alone, is no row hit
            const Column opened{entry.owner.traffic, entry.activated, entry.precharged};
            run(where, owner, 1);
            --hits[static_cast<std::size_t>(entry.owner.traffic)];
            count_column(opened, write, 1);
            if (ahead) {
                ahead_.runs.back().first = opened;
            }
            --bursts;
            ++where.column;
            owner = owner.after(1);
        }
        if (bursts > 0) {
            run(where, owner, bursts);
        }
    }
    for (std::size_t i = 0; issued < plan.count; ++i) {
        const Arrival& arrival = fifo_[i];
        const std::uint32_t bursts = std::min(arrival.count, plan.count - issued);
        if (arrival.owner.streamed && !write && !ahead) {  // what run() does, for traces of single requests
            hits[static_cast<std::size_t>(arrival.owner.traffic)] += bursts;
            answer_run(arrival.owner.index, bursts, plan.first + issued * plan.spacing + latency, plan.spacing);
            issued += bursts;
        } else {
            run(arrival.where, arrival.owner, bursts);
        }
    }
    for (std::size_t c = 0; c < kTrafficClasses; ++c) {
        count_column({static_cast<Traffic>(c), false, false}, write, hits[c]);
    }
    streak.exchange(plan, fifo_);
    const DramClock decided = last + 2;
    streak.end(decided);
    fifo_.pop(plan.count);
    clocks_.count_to(std::min(decided, asked));
    clocks_.add_even_data(plan.first + (write ? timing_.nCWL : timing_.nCL), plan.spacing, plan.count,
                          timing_.burst_clocks());
    end_streak(plan.count, write, decided);
    return plan.count;
}

std::uint32_t DramChannel::issue_by_groups(ColumnStreak& streak, std::uint64_t intakes, DramClock end) {
    const bool write = streak.write(), watched = !sinks_.empty();
    DramClock decided = next_stop_;
    std::array<DramClock, kStreakBursts> commands;
    std::uint32_t issued = 0;
    std::uint64_t entered = 0;
    bool more = true;
    while (more && issued < kStreakBursts && streak.next() < end && streak.hits() > 1) {
        const DramClock now = streak.next();
        const BurstQueue::Entry& burst = streak.choose();
        commands[issued++] = now;
        decided = now + 1;
        count_column({burst.owner.traffic, burst.activated, burst.precharged}, write, 1);
        if (watched) {
            tell(column_of({burst.row, burst.column, burst.bank, 0}, write, now));
        }
        leave(write, {burst.row, burst.column, burst.bank, 0}, burst.owner, 1, now, 1);
        streak.issue();
        if (watched) {
            tell_depths(now);
        }
        if (fifo_.empty()) {
            continue;
        }
        const Arrival& head = fifo_.front();
        more = decided < end && streak.fits(head) && streak.of_its_rank(head);
        if (more) {
            ++entered;
            enter(head, 1, decided, 1);
            streak.insert(head);
            fifo_.pop(1);
            if (watched) {
                tell_depths(decided);
            }
            ++decided;
            // The queue is full again, but one of the other kind may enter before it has room.
            more = entered < intakes && (fifo_.empty() || fifo_.front().write == write);
        }
    }
    if (issued > 0) {
        streak.end(decided);
        clocks_.count_to(decided);
        clocks_.add_data_of({commands.data(), issued}, write ? timing_.nCWL : timing_.nCL, timing_.burst_clocks());
        end_streak(entered, write, decided);
    }
    return issued;
}

void DramChannel::end_streak(std::uint64_t entered, bool write, DramClock decided) {
    fifo_out_ += entered;
    fifo_reads_out_ += write ? 0 : entered;
    now_ = decided;
    head_blocked_ = !fifo_.empty() && !head_may_enter();
    next_stop_ = std::min(scheduler_.next_pick(), scheduler_.next_due());
    if (!fifo_.empty() && !head_blocked_) {
        next_stop_ = now_;
    }
}

}  // namespace palimpsest
