#include "hardware/dram/channel.h"

#include <fmt/format.h>

namespace palimpsest {

DramChannel::DramChannel(const DramConfig& config, std::uint32_t number, const std::vector<DramCommandSink*>& sinks,
                         std::vector<DramTransaction*>& finished)
    : timing_(config.timing),
      organisation_(config.organisation),
      number_(number),
      burst_bytes_(config.burst_bytes()),
      pipeline_latency_(config.controller.pipeline_latency),
      sinks_(sinks),
      finished_(finished),
      scheduler_(config),
      next_stop_(0),
      rank_states_(config.organisation.ranks) {}

std::uint32_t DramChannel::open_part(DramTransaction& transaction, DramClock now) {
    advance_to(now);
    clocks_.count_to(now);
    clocks_.set_occupied(true);
    next_stop_ = head_blocked_ ? next_stop_ : std::max(now, now_);
    std::uint32_t index = static_cast<std::uint32_t>(parts_.size());
    if (free_parts_.empty()) {
        parts_.emplace_back();
    } else {
        index = free_parts_.back();
        free_parts_.pop_back();
    }
    parts_[index] =
        Part{.transaction = &transaction, .refresh_before = clocks_.refresh_clocks(), .previous = last_part_};
    (last_part_ == kNoPart ? first_part_ : parts_[last_part_].next) = index;
    last_part_ = index;
    return index;
}

void DramChannel::append(std::uint32_t index, const DramLocation& where, std::uint32_t count) {
    Part& part = parts_[index];
    const DramTransaction& transaction = *part.transaction;
    part.coming += count;
    push(where, {index, false, transaction.urgent, transaction.traffic}, count, transaction.write);
    part.fifo_end = fifo_in_;
    part.fifo_reads_end = fifo_reads_in_;
}

/// Burst by burst, where a write to the same burst may be on its way.
void DramChannel::push_checked(const DramLocation& where, const BurstOwner& owner, std::uint32_t count, bool write) {
    DramLocation each = where;
    if (!write) {
        std::uint32_t free = 0;  // the first of them, that no write is before
        for (; free < count && !write_filter_.may_contain(each); ++free) {
            ++each.column;
        }
        if (free > 0) {
            fifo_.push(where, owner, free, false, false);
        }
        count -= free;
    }
    for (std::uint32_t i = 0; i < count; ++i, ++each.column) {
        const bool may_match = writes_pending_ > 0 && write_filter_.may_contain(each);
        if (write) {
            ++writes_pending_;
            write_filter_.add(each);
        }
        may_match_ += may_match;
        if (may_match && !owner.streamed) {
            ++parts_[owner.index].may_match;
        }
        fifo_.push(each, owner, 1, write, may_match);
    }
}

void DramChannel::stop_at(DramClock now) {
    if (now >= scheduler_.next_due()) {
        clocks_.count_to(now);
        scheduler_.refresh_due(now);
        clocks_.set_stalled_until(scheduler_.stalled_until());
    }
    if (!fifo_.empty() && !head_blocked_) {
        take_in(now);
        head_blocked_ = !fifo_.empty() && !head_may_enter();
    }
    if (scheduler_.next_pick() <= now) {
        DramScheduler::Pick pick;
        if (scheduler_.pick(now, pick)) {
            issue(pick, now);
        }
    }
    now_ = now + 1;
    next_stop_ = std::min(scheduler_.next_pick(), scheduler_.next_due());
    if (!fifo_.empty() && !head_blocked_) {
        next_stop_ = now_;
    }
}

bool DramChannel::head_may_enter() const {
    const Arrival& head = fifo_.front();
    const bool write = head.write;
    return !scheduler_.queue(write).full() && !(write && scheduler_.queue(false).contains(head.where));
}

void DramChannel::taken(const Arrival& arrival, DramClock now) {
    ++fifo_out_;
    fifo_reads_out_ += !arrival.write;
    may_match_ -= arrival.may_match;
    DramClock* when = nullptr;
    if (arrival.owner.streamed) {
        when = &answer_of(arrival.owner.index).taken;
    } else {
        Part& part = parts_[arrival.owner.index];
        --part.coming;
        part.may_match -= arrival.may_match;
        when = &part.transaction->taken;
    }
    *when = std::max(*when, now);
}

void DramChannel::take_in(DramClock now) {
    const Arrival arrival = fifo_.front();
    const bool write = arrival.write;
    const bool blocked = scheduler_.blocked_until() > now;
    if (blocked) {
        clocks_.count_to(now + 1);
    }
    fifo_.pop(1);
    taken(arrival, now);
    const bool in_write_queue = arrival.may_match && scheduler_.queue(true).contains(arrival.where);
    if (!in_write_queue) {
        if (!write && !arrival.owner.streamed) {
            ++parts_[arrival.owner.index].queued;
        }
        scheduler_.insert(write, arrival.where, arrival.owner, now);
        if (blocked) {
            clocks_.set_stalled_until(scheduler_.stalled_until());
        }
    } else if (write) {
        written(arrival.where, 1);
        ++counts_.merged_writes;
    } else {
        ++counts_.forwarded_reads;
    }
    if (write) {
        burst_done(arrival.owner, now + 1, now);
    } else if (in_write_queue) {
        burst_done(arrival.owner, now + 1 + pipeline_latency_, now);
    }
    if (!sinks_.empty()) {
        tell_depths(now);
    }
}

void DramChannel::burst_done(const BurstOwner& owner, DramClock completion, DramClock now) {
    if (owner.streamed) {
        answer(owner.index, completion);
    } else {
        part_done(owner.index, completion, now);
    }
}

void DramChannel::part_done(std::uint32_t index, DramClock completion, DramClock now) {
    Part& part = parts_[index];
    DramTransaction& transaction = *part.transaction;
    transaction.completion = std::max(transaction.completion, completion);
    if (part.queued + part.coming > 0) {
        return;
    }
    if (clocks_.stall_unbooked()) {
        clocks_.count_to(now + 1);
    }
    transaction.refresh_wait = std::max(transaction.refresh_wait, clocks_.refresh_clocks() - part.refresh_before);
    (part.previous == kNoPart ? first_part_ : parts_[part.previous].next) = part.next;
    (part.next == kNoPart ? last_part_ : parts_[part.next].previous) = part.previous;
    free_parts_.push_back(index);
    if (--transaction.open_parts == 0) {
        finished_.push_back(&transaction);
    }
}

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
    const std::uint64_t most = std::min<std::uint64_t>(intakes, kStreakBursts);
    const DramClock due = std::min(scheduler_.next_due(), streak.limit());
    // A plan rests on what is in the FIFO; what comes later goes behind. So it may run ahead of the clocks that are
    // asked for, unless somebody listens who must not hear of the future.
    const ColumnStreak::InOrder plan = streak.plan_in_order(fifo_, most, sinks_.empty() ? due : std::min(end, due));
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

void DramChannel::count_column(const Column& column, bool write, std::uint64_t by) {
    const auto traffic = static_cast<std::size_t>(column.traffic);
    (write ? counts_.writes : counts_.reads) += by;
    (write ? counts_.write_bursts_by_class : counts_.read_bursts_by_class)[traffic] += by;
    if (!column.activated && !column.precharged) {
        counts_.row_hits += by;
        (write ? counts_.write_row_hits_by_class : counts_.read_row_hits_by_class)[traffic] += by;
    } else {
        (column.precharged ? counts_.row_conflicts : counts_.row_misses) += by;
    }
}

std::uint32_t DramChannel::issue_in_order(ColumnStreak& streak, const ColumnStreak::InOrder& plan, DramClock asked) {
    const bool write = streak.write();
    const DramClock latency = read_latency();
    const BurstQueue& queue = streak.queue();
    if (!sinks_.empty()) {
        tell_in_order(streak, plan);
    }
    const DramClock last = plan.first + (plan.count - 1) * plan.spacing;
    const bool ahead = last >= asked;  // then remembered: counts may be asked for in between
    ahead_ = {plan.first, plan.spacing, write, std::move(ahead_.runs)};
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
        if (entry.activated || entry.precharged) {
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
            tell_column({burst.row, burst.column, burst.bank, 0}, write, now, streak.queue().size() - 1);
        }
        leave(write, {burst.row, burst.column, burst.bank, 0}, burst.owner, 1, now, 1);
        streak.issue();
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
                tell_streak_depths(decided, write, streak.queue().size());
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

void DramChannel::issue(const DramScheduler::Pick& pick, DramClock now) {
    const std::uint32_t rank = scheduler_.rank_of(pick.bank);
    switch (pick.kind) {
        case DramCommandKind::read:
        case DramCommandKind::write:
            column(pick, now);
            return;
        case DramCommandKind::activate: {
            const BurstQueue::Entry& burst = scheduler_.queue(pick.write)[pick.slot];
            ++counts_.activates;
            ++counts_.activates_by_class[static_cast<std::size_t>(burst.owner.traffic)];
            break;
        }
        case DramCommandKind::precharge:
            ++counts_.precharges;
            break;
        case DramCommandKind::precharge_all:
            counts_.precharges += scheduler_.banks_open(rank);
            break;
        case DramCommandKind::refresh:
            ++counts_.refreshes;
            break;
        case DramCommandKind::refresh_bank:
            ++counts_.bank_refreshes;
            break;
        case DramCommandKind::power_down_enter:
            ++counts_.power_downs;
            break;
        case DramCommandKind::self_refresh_enter:
            ++counts_.self_refreshes;
            break;
        case DramCommandKind::power_down_exit:
        case DramCommandKind::self_refresh_exit:
            break;
    }
    if (!sinks_.empty()) {
        const bool for_burst = pick.kind == DramCommandKind::activate;
        tell(pick, for_burst ? &scheduler_.queue(pick.write)[pick.slot] : nullptr, now);
    }
    if (pick.of_keeper) {
        clocks_.count_to(now + 1);
    }
    scheduler_.issue(pick, now);
    if (pick.of_keeper) {
        clocks_.set_stalled_until(scheduler_.stalled_until());
    }
    if (const StateClocks state = state_of(rank); state != rank_states_[rank].clocks) {
        book_rank_state(rank, now);
        rank_states_[rank].clocks = state;
    }
}

void DramChannel::column(const DramScheduler::Pick& pick, DramClock now) {
    const BurstQueue::Entry burst = scheduler_.queue(pick.write)[pick.slot];
    const bool last_burst = bursts_held() == 1;
    const bool blocked = scheduler_.blocked_until() > now;
    if (last_burst || blocked || clocks_.pending() >= 64) {
        clocks_.count_to(now + 1);
    }
    const DramClock data = now + (pick.write ? timing_.nCWL : timing_.nCL);
    const DramClock data_end = data + timing_.burst_clocks();
    clocks_.add_data(data, data_end);
    count_column({burst.owner.traffic, burst.activated, burst.precharged}, pick.write, 1);
    scheduler_.issue(pick, now);
    if (!sinks_.empty()) {
        tell(pick, &burst, now);
        tell_depths(now);
    }
    if (pick.write) {
        written({burst.row, burst.column, burst.bank, 0}, 1);
    } else {
        if (!burst.owner.streamed) {
            --parts_[burst.owner.index].queued;
        }
        burst_done(burst.owner, now + read_latency(), now);
    }
    if (blocked) {
        clocks_.set_stalled_until(scheduler_.stalled_until());
    }
    if (last_burst) {
        clocks_.set_occupied(false);
    }
    head_blocked_ = head_blocked_ && !head_may_enter();
}

DramChannel::StateClocks DramChannel::state_of(std::uint32_t rank) const {
    const RankKeeper& keeper = scheduler_.keeper();
    const bool active = scheduler_.any_bank_open(rank);
    if (keeper.self_refreshing(rank)) {
        return &DramCounts::self_refresh_clocks;
    }
    if (keeper.powered_down(rank)) {
        return active ? &DramCounts::active_power_down_clocks : &DramCounts::precharged_power_down_clocks;
    }
    return active ? &DramCounts::active_clocks : &DramCounts::precharged_clocks;
}

void DramChannel::book_rank_state(std::uint32_t rank, DramClock now) {
    RankState& state = rank_states_[rank];
    counts_.*state.clocks += now - state.since;
    state.since = now;
}

}  // namespace palimpsest
