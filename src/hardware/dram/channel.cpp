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
      next_stop_(scheduler_.next_due()),
      rank_active_since_(config.organisation.ranks, 0) {}

std::uint32_t DramChannel::open_part(DramTransaction& transaction, DramClock now) {
    advance_to(now);
    clocks_.count_to(now);
    clocks_.set_occupied(true);
    next_stop_ = head_blocked_ ? next_stop_ : now;
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

void DramChannel::append(std::uint32_t index, const DramLocation& where) {
    Part& part = parts_[index];
    ++part.coming;
    part.fifo_end = ++fifo_in_;
    if (writes_pending_ > 0 && write_filter_.may_contain(where)) {
        ++part.may_match;
        ++may_match_;
    }
    if (part.transaction->write) {
        ++writes_pending_;
        write_filter_.add(where);
    } else {
        ++fifo_reads_in_;
    }
    part.fifo_reads_end = fifo_reads_in_;
    if (!fifo_.empty()) {
        Run& last = fifo_.back();
        if (last.part == index && last.where.bank == where.bank && last.where.row == where.row &&
            last.where.column + last.count == where.column) {
            ++last.count;
            return;
        }
    }
    fifo_.push_back({where, index, 1, part.transaction->write});
}

void DramChannel::stop_at(DramClock now) {
    if (now >= scheduler_.next_due()) {
        clocks_.count_to(now);
        scheduler_.refresh_due(now);
        clocks_.set_stalled_until(scheduler_.stalled_until());
    }
    if (!fifo_.empty() && !head_blocked_) {
        if (head_may_enter()) {
            take_in(now);
        }
        head_blocked_ = !fifo_.empty() && !head_may_enter();  // until a column command makes room
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
    const Run& head = fifo_.front();
    const bool write = head.write;
    return !scheduler_.queue(write).full() && !(write && scheduler_.queue(false).contains(head.where));
}

void DramChannel::take_in(DramClock now) {
    Run& head = fifo_.front();
    const DramLocation where = head.where;
    const std::uint32_t index = head.part;
    Part& part = parts_[index];
    const bool write = head.write;
    const bool blocked = scheduler_.blocked_until() > now;
    if (blocked) {
        clocks_.count_to(now + 1);
    }
    part.transaction->taken = std::max(part.transaction->taken, now);
    ++fifo_out_;
    fifo_reads_out_ += !write;
    --part.coming;
    if (--head.count == 0) {
        fifo_.pop_front();
    } else {
        ++head.where.column;
    }

    // Any of the part's bursts may be the one that matches.
    const bool in_write_queue = part.may_match > 0 && scheduler_.queue(true).contains(where);
    if (in_write_queue || part.may_match > part.coming) {
        --part.may_match;
        --may_match_;
    }
    if (!in_write_queue) {
        part.queued += !write;
        scheduler_.insert(write, where, index, part.transaction->traffic, now);
        if (blocked) {
            clocks_.set_stalled_until(scheduler_.stalled_until());
        }
    } else if (write) {
        --writes_pending_;
        write_filter_.remove(where);
        ++counts_.merged_writes;
    } else {
        ++counts_.forwarded_reads;
    }
    if (write) {
        burst_done(index, now + 1, now);
    } else if (in_write_queue) {
        burst_done(index, now + 1 + pipeline_latency_, now);
    }
    if (!sinks_.empty()) {
        tell_depths(now);
    }
}

void DramChannel::burst_done(std::uint32_t index, DramClock completion, DramClock now) {
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

void DramChannel::issue(const DramScheduler::Pick& pick, DramClock now) {
    const std::uint32_t rank = scheduler_.rank_of(pick.bank);
    const bool was_open = scheduler_.any_bank_open(rank);
    switch (pick.kind) {
        case DramCommandKind::read:
        case DramCommandKind::write:
            column(pick, now);
            return;
        case DramCommandKind::activate: {
            const BurstQueue::Entry& burst = scheduler_.queue(pick.write)[pick.slot];
            ++counts_.activates;
            ++counts_.activates_by_class[static_cast<std::size_t>(burst.traffic)];
            if (!sinks_.empty()) {
                tell(pick, &burst, now);
            }
            scheduler_.issue(pick, now);
            break;
        }
        case DramCommandKind::precharge:
        case DramCommandKind::precharge_all:
            counts_.precharges += pick.kind == DramCommandKind::precharge ? 1 : scheduler_.banks_open(rank);
            if (!sinks_.empty()) {
                tell(pick, nullptr, now);
            }
            scheduler_.issue(pick, now);
            break;
        default:
            break;
        case DramCommandKind::refresh:
            ++counts_.refreshes;
            if (!sinks_.empty()) {
                tell(pick, nullptr, now);
            }
            clocks_.count_to(now + 1);
            scheduler_.issue(pick, now);
            clocks_.set_stalled_until(scheduler_.stalled_until());
            break;
    }
    bank_opened_or_closed(rank, was_open, now);
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
    if (!burst.precharged && !burst.activated) {
        ++counts_.row_hits;
        ++(pick.write ? counts_.write_row_hits_by_class
                      : counts_.read_row_hits_by_class)[static_cast<std::size_t>(burst.traffic)];
    } else {
        ++(burst.precharged ? counts_.row_conflicts : counts_.row_misses);
    }
    scheduler_.issue(pick, now);
    if (!sinks_.empty()) {
        tell(pick, &burst, now);
        tell_depths(now);
    }
    if (pick.write) {
        ++counts_.writes;
        ++counts_.write_bursts_by_class[static_cast<std::size_t>(burst.traffic)];
        --writes_pending_;
        write_filter_.remove({burst.row, burst.column, burst.bank, 0});
    } else {
        ++counts_.reads;
        ++counts_.read_bursts_by_class[static_cast<std::size_t>(burst.traffic)];
        --parts_[burst.part].queued;
        burst_done(burst.part, now + read_latency(), now);
    }
    if (blocked) {
        clocks_.set_stalled_until(scheduler_.stalled_until());
    }
    if (last_burst) {
        clocks_.set_occupied(false);
    }
    head_blocked_ = false;
}

void DramChannel::bank_opened_or_closed(std::uint32_t rank, bool was_open, DramClock now) {
    const bool open = scheduler_.any_bank_open(rank);
    if (open && !was_open) {
        rank_active_since_[rank] = now;
    } else if (was_open && !open) {
        counts_.active_clocks += now - rank_active_since_[rank];
    }
}

}  // namespace palimpsest
