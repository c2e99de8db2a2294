#include "hardware/dram/channel.h"

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
        const bool may_match = writes_to_bank_[each.bank] > 0 && write_filter_.may_contain(each);
        if (write) {
            ++writes_to_bank_[each.bank];
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
    if (!untold_.empty()) {
        tell_until(kNever);
    }
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
        DramCommand command = command_of(pick.kind, pick.bank, now);
        if (pick.kind == DramCommandKind::activate) {
            command.row = scheduler_.queue(pick.write)[pick.slot].row;
        }
        tell(command);
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
        tell(column_of({burst.row, burst.column, burst.bank, 0}, pick.write, now));
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
