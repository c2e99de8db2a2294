// What a channel says about itself: bounds on what comes, counts, commands to sinks, a line for the watchdog.

#include <fmt/format.h>

#include "hardware/dram/channel.h"

namespace palimpsest {

DramClock DramChannel::reads_span(std::uint64_t columns) const {
    const std::uint32_t other_rank = timing_.burst_clocks() + timing_.nRTRS;
    const std::uint32_t spacing = organisation_.ranks > 1 ? std::min(timing_.nCCD_S, other_rank) : timing_.nCCD_S;
    return (columns - 1) * spacing;
}

DramClock DramChannel::columns_span(std::uint64_t columns) const {
    // Their data follow one another on the bus; latencies differ between reads and writes.
    const DramClock data = (columns - 1) * timing_.burst_clocks();
    const std::uint32_t skew = std::max(timing_.nCL, timing_.nCWL) - std::min(timing_.nCL, timing_.nCWL);
    return data > skew ? data - skew : 0;
}

DramClock DramChannel::queued_bound(const Part& part, DramClock next_read) const {
    return next_read + reads_span(part.queued) + read_latency();
}

DramClock DramChannel::coming_bound(const Part& part, DramClock next_read, DramClock next_write) const {
    // Its last burst enters a queue: one a clock, and what does not fit needs column commands first. Bursts that merge
    // or are served from the write queue take no room.
    const std::uint64_t ahead = part.fifo_end - fifo_out_;
    const std::uint64_t reads_ahead = part.fifo_reads_end - fifo_reads_out_;
    const auto beyond = [](std::uint64_t bursts, std::uint64_t room) { return bursts > room ? bursts - room : 0; };
    const std::uint64_t columns = beyond(beyond(reads_ahead, scheduler_.queue(false).room()) +
                                             beyond(ahead - reads_ahead, scheduler_.queue(true).room()),
                                         may_match_);
    DramClock entry = now_ + ahead - 1;
    if (columns > 0) {
        entry = std::max(entry, std::min(next_read, next_write) + columns_span(columns) + 1);
    }
    if (part.transaction->write) {
        return entry + 1;
    }
    const std::uint64_t own_columns = part.queued + part.coming - part.may_match;
    const DramClock last_data = own_columns > 0 ? next_read + reads_span(own_columns) + read_latency() : 0;
    return std::max(last_data, entry + (part.may_match > 0 ? 1 + pipeline_latency_ : read_latency()));
}

DramClock DramChannel::completion_bound() const {
    const DramClock next_read = std::max(now_, scheduler_.earliest_column(false));
    const DramClock next_write = std::max(now_, scheduler_.earliest_column(true));
    const std::uint32_t fifo_head = fifo_.empty() ? kNoPart : fifo_.front().part;
    DramClock bound = kNever;
    std::uint32_t index = first_part_;
    while (index != fifo_head && bound > next_read + read_latency()) {  // no read in the queue can beat that
        bound = std::min(bound, queued_bound(parts_[index], next_read));
        index = parts_[index].next;
    }
    for (index = fifo_head; index != kNoPart; index = parts_[index].next) {
        const Part& part = parts_[index];
        if (now_ + (part.fifo_end - fifo_out_) >= bound) {
            break;  // neither it nor any younger one can be done before
        }
        bound = std::min(bound, coming_bound(part, next_read, next_write));
    }
    return bound;
}

DramClock DramChannel::idle_bound() const {
    const std::uint32_t in_queues = scheduler_.queue(false).size() + scheduler_.queue(true).size();
    const std::uint64_t columns = bursts_held() - may_match_;
    DramClock bound = std::max(now_ + (bursts_held() > in_queues), clocks_.bus_end());
    if (columns > 0) {
        const DramClock next_column =
            std::max(now_, std::min(scheduler_.earliest_column(false), scheduler_.earliest_column(true)));
        bound = std::max(
            bound, next_column + columns_span(columns) + std::min(timing_.nCL, timing_.nCWL) + timing_.burst_clocks());
    }
    return bound;
}

void DramChannel::add_counts(DramCounts& sum) {
    clocks_.count_to(now_);
    DramCounts counts = counts_;
    counts.bytes_read = counts.reads * burst_bytes_;
    counts.bytes_written = counts.writes * burst_bytes_;
    for (std::uint32_t rank = 0; rank < organisation_.ranks; ++rank) {
        if (scheduler_.any_bank_open(rank)) {
            counts.active_clocks += now_ - rank_active_since_[rank];
        }
    }
    counts.precharged_clocks = organisation_.ranks * now_ - counts.active_clocks;
    clocks_.add_to(counts);
    sum += counts;
}

void DramChannel::tell(const DramScheduler::Pick& pick, const BurstQueue::Entry* burst, DramClock now) const {
    DramCommand command;
    command.clock = now;
    command.kind = pick.kind;
    command.channel = static_cast<std::uint8_t>(number_);
    command.rank = static_cast<std::uint8_t>(scheduler_.rank_of(pick.bank));
    if (pick.kind != DramCommandKind::precharge_all && pick.kind != DramCommandKind::refresh) {
        const std::uint32_t in_rank = pick.bank % organisation_.banks();
        command.bank_group = static_cast<std::uint8_t>(in_rank / organisation_.banks_per_group);
        command.bank = static_cast<std::uint8_t>(in_rank % organisation_.banks_per_group);
    }
    if (burst != nullptr) {
        command.row = burst->row;
    }
    if (pick.kind == DramCommandKind::read || pick.kind == DramCommandKind::write) {
        command.column = burst->column * timing_.burst_length;
    }
    for (DramCommandSink* sink : sinks_) {
        sink->command(command);
    }
}

void DramChannel::tell_depths(DramClock now) const {
    for (DramCommandSink* sink : sinks_) {
        sink->queue_depths(now, number_, scheduler_.queue(false).size(), scheduler_.queue(true).size());
    }
}

std::string DramChannel::diagnose() const {
    std::string text =
        fmt::format("channel {} at clock {}: {} burst(s) in the FIFO, {} read(s) and {} write(s) queued", number_, now_,
                    fifo_in_ - fifo_out_, scheduler_.queue(false).size(), scheduler_.queue(true).size());
    if (scheduler_.blocked_until() > now_) {
        text += ", refreshing";
    }
    return text;
}

}  // namespace palimpsest
