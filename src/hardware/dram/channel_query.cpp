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

DramChannel::ColumnBounds DramChannel::column_bounds() const {
    const DramClock any_read = std::max(now_, scheduler_.earliest_column_of_any(false));
    const DramClock any_write = std::max(now_, scheduler_.earliest_column_of_any(true));
    ColumnBounds bounds{std::max(any_read, scheduler_.earliest_column(false)), any_read, std::min(any_read, any_write)};
    if (const std::uint32_t writes = scheduler_.forced_writes(); writes > 0) {
        // Reads wait until that many writes are out.
        const DramClock last_write = any_write + (writes - 1) * DramClock{timing_.burst_clocks()};
        bounds.queued_read = std::max(bounds.queued_read, last_write + 1);
        bounds.read = std::max(bounds.read, last_write + 1);
        bounds.column = any_write;
    }
    if (head_blocked_) {
        // Nothing enters, so the direction stays, before a burst that is in a queue now has left it.
        bounds.column =
            scheduler_.write_mode() ? std::max(any_write, scheduler_.earliest_column(true)) : bounds.queued_read;
        bounds.read = std::max(bounds.read, std::min(bounds.queued_read, bounds.column + 1));
    }
    return bounds;
}

DramClock DramChannel::queued_bound(const Part& part, const ColumnBounds& first) const {
    return first.queued_read + reads_span(part.queued) + read_latency();
}

DramClock DramChannel::coming_bound(const Part& part, const ColumnBounds& first) const {
    // Its last burst enters a queue: one a clock, and what does not fit needs column commands first. Bursts that merge
    // or are served from the write queue take no room.
    const std::uint64_t ahead = part.fifo_end - fifo_out_;
    const std::uint64_t reads_ahead = part.fifo_reads_end - fifo_reads_out_;
    const auto beyond = [](std::uint64_t bursts, std::uint64_t room) { return bursts > room ? bursts - room : 0; };
    const std::uint64_t reads = beyond(reads_ahead, scheduler_.queue(false).room() + may_match_);
    const std::uint64_t writes = beyond(ahead - reads_ahead, scheduler_.queue(true).room() + may_match_);
    DramClock entry = now_ + ahead - 1;
    if (reads > 0) {
        entry = std::max(entry, first.read + reads_span(reads) + 1);
    }
    if (writes > 0) {
        entry = std::max(entry, first.column + columns_span(writes) + 1);
    }
    if (part.transaction->write) {
        return entry + 1;
    }
    const std::uint64_t own_columns = part.queued + part.coming - part.may_match;
    const DramClock last_data = own_columns > 0 ? first.read + reads_span(own_columns) + read_latency() : 0;
    return std::max(last_data, entry + (part.may_match > 0 ? 1 + pipeline_latency_ : read_latency()));
}

/// The first part that has bursts in the FIFO.
std::uint32_t DramChannel::first_coming() const {
    for (std::size_t i = 0; i < fifo_.runs(); ++i) {
        if (!fifo_[i].owner.streamed) {
            return fifo_[i].owner.index;
        }
    }
    return kNoPart;
}

DramClock DramChannel::completion_bound() const {
    const ColumnBounds first = column_bounds();
    const std::uint32_t fifo_head = first_coming();
    DramClock bound = kNever;
    std::uint32_t index = first_part_;
    while (index != fifo_head && bound > first.queued_read + read_latency()) {  // no queued read can beat that
        bound = std::min(bound, queued_bound(parts_[index], first));
        index = parts_[index].next;
    }
    const bool reads_alone = fifo_in_ - fifo_out_ == fifo_reads_in_ - fifo_reads_out_ && may_match_ == 0;
    for (index = fifo_head; index != kNoPart; index = parts_[index].next) {
        const Part& part = parts_[index];
        const DramClock least = reads_alone ? first.read + read_latency() : 0;
        if (std::max(least, now_ + (part.fifo_end - fifo_out_)) >= bound) {
            break;  // neither it nor any younger one can be done before
        }
        bound = std::min(bound, coming_bound(part, first));
    }
    return bound;
}

DramClock DramChannel::idle_bound() const {
    const std::uint32_t in_queues = scheduler_.queue(false).size() + scheduler_.queue(true).size();
    const std::uint64_t columns = bursts_held() - may_match_;
    DramClock bound = std::max(now_ + (bursts_held() > in_queues), clocks_.bus_end());
    if (columns > 0) {
        bound = std::max(bound, column_bounds().column + columns_span(columns) + std::min(timing_.nCL, timing_.nCWL) +
                                    timing_.burst_clocks());
    }
    return bound;
}

void DramChannel::add_counts(DramCounts& sum, DramClock now) {
    clocks_.count_to(now);
    for (std::uint32_t rank = 0; rank < organisation_.ranks; ++rank) {
        book_rank_state(rank, now);
    }
    const auto count_ahead = [&](std::uint64_t by) {
        // Commands before `now`, the first of the streak.
        std::uint64_t past = now <= ahead_.first ? 0 : ceil_div(now - ahead_.first, ahead_.spacing);
        for (const auto& [column, bursts] : ahead_.runs) {
            const std::uint64_t before = std::min<std::uint64_t>(past, bursts);
            past -= before;
            count_column(column, ahead_.write, by * (bursts - before));
        }
    };
    count_ahead(~std::uint64_t{0});  // less one each
    DramCounts counts = counts_;
    count_ahead(1);
    counts.bytes_read = counts.reads * burst_bytes_;
    counts.bytes_written = counts.writes * burst_bytes_;
    clocks_.add_to(counts);
    sum += counts;
}

DramCommand DramChannel::command_of(DramCommandKind kind, std::uint32_t bank, DramClock now) const {
    DramCommand command;
    command.clock = now;
    command.kind = kind;
    command.channel = static_cast<std::uint8_t>(number_);
    command.rank = static_cast<std::uint8_t>(scheduler_.rank_of(bank));
    using enum DramCommandKind;
    if (kind == activate || kind == precharge || kind == read || kind == write || kind == refresh_bank) {
        const std::uint32_t in_rank = bank % organisation_.banks();
        command.bank_group = static_cast<std::uint8_t>(in_rank / organisation_.banks_per_group);
        command.bank = static_cast<std::uint8_t>(in_rank % organisation_.banks_per_group);
    }
    return command;
}

DramCommand DramChannel::column_of(const DramLocation& where, bool write, DramClock now) const {
    DramCommand command = command_of(write ? DramCommandKind::write : DramCommandKind::read, where.bank, now);
    command.row = where.row;
    command.column = where.column * timing_.burst_length;
    return command;
}

void DramChannel::tell(const DramCommand& command) const {
    for (DramCommandSink* sink : sinks_) {
        sink->command(command);
    }
}

void DramChannel::tell_depths(DramClock now, std::uint32_t reads, std::uint32_t writes) const {
    for (DramCommandSink* sink : sinks_) {
        sink->queue_depths(now, number_, reads, writes);
    }
}

/// The notes of a plan, to be told when their clocks are asked for.
void DramChannel::note_in_order(const ColumnStreak& streak, const ColumnStreak::InOrder& plan) {
    const BurstQueue& queue = streak.queue();
    const bool write = streak.write();
    const std::uint32_t other = scheduler_.queue(!write).size(), full = queue.size();
    const auto depths = [&](DramClock clock, std::uint32_t size) {
        untold_.push_back({{}, clock, write ? other : size, write ? size : other, false});
    };
    DramClock now = plan.first;
    std::uint32_t issued = 0;
    const auto run = [&](DramLocation where, std::uint32_t bursts) {
        for (bursts = std::min(bursts, plan.count - issued); bursts > 0; --bursts, ++issued, ++where.column) {
            untold_.push_back({column_of(where, write, now), now, 0, 0, true});
            depths(now, full - 1);
            depths(now + 1, full);
            now += plan.spacing;
        }
    };
    for (BurstQueue::Slot slot = streak.hit_from(queue.first()); slot != BurstQueue::kNone;) {
        const BurstQueue::Entry& entry = queue[slot];
        run({entry.row, entry.column, entry.bank, 0}, entry.count);
        slot = streak.hit_from(entry.younger);
    }
    for (std::size_t i = 0; issued < plan.count; ++i) {
        run(fifo_[i].where, fifo_[i].count);
    }
}

void DramChannel::tell_until(DramClock now) {
    std::size_t told = 0;
    for (; told < untold_.size() && untold_[told].clock < now; ++told) {
        const Note& note = untold_[told];
        if (note.is_command) {
            tell(note.command);
        } else {
            tell_depths(note.clock, note.reads, note.writes);
        }
    }
    untold_.erase(untold_.begin(), untold_.begin() + static_cast<std::ptrdiff_t>(told));
}

std::string DramChannel::diagnose() const {
    std::string text =
        fmt::format("channel {} at clock {}: {} burst(s) in the FIFO, {} read(s) and {} write(s) queued", number_, now_,
                    fifo_.bursts(), scheduler_.queue(false).size(), scheduler_.queue(true).size());
    if (scheduler_.blocked_until() > now_) {
        text += ", refreshing";
    }
    return text;
}

}  // namespace palimpsest
