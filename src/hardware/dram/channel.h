#pragma once
// One DRAM channel: the FIFO of what was sent to it, its scheduler, and the account of its clocks.
//
// Each clock: at most one burst goes from the FIFO to a queue, then at most one command is issued
// (docs/blocks/dram.md). The channel stops only at clocks at which one of the two can happen.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hardware/dram/burst_filter.h"
#include "hardware/dram/channel_clocks.h"
#include "hardware/dram/column_streak.h"
#include "hardware/dram/scheduler.h"

namespace palimpsest {

class DramChannel {
  public:
    static constexpr std::uint32_t kNoPart = ~std::uint32_t{0};
    static constexpr std::uint32_t kStreakBursts = 512;  ///< the longest streak: its clocks are kept until its end

    /// `sinks` hear its commands, `finished` receives transactions whose last part is done; both outlive the channel.
    DramChannel(const DramConfig& config, std::uint32_t number, const std::vector<DramCommandSink*>& sinks,
                std::vector<DramTransaction*>& finished);

    /// A transaction sent at `now` has bursts here: decides the clocks before and returns the part to append them to.
    std::uint32_t open_part(DramTransaction& transaction, DramClock now);
    /// The part's next bursts, of consecutive columns, to the FIFO's end.
    void append(std::uint32_t index, const DramLocation& where, std::uint32_t count);
    /// A burst of a single request, arriving at `now`, to the FIFO's end; the request has number `index`.
    void append_streamed(std::uint32_t index, const DramLocation& where, bool write, DramClock now) {
        if (now > now_) {
            advance_to(now);
        }
        if (fifo_.empty()) {
            clocks_.count_to(now);
            clocks_.set_occupied(true);
            next_stop_ = std::max(now, now_);
        }
        push(where, {index, true, false, Traffic::weights}, 1, write);
    }
    /// Where the answers of single requests are: of number n at n modulo their count, a power of two.
    void set_answers(std::span<DramAnswer> answers) { answers_ = answers; }

    /// Decides every clock before `now`.
    void advance_to(DramClock now) {
        while (next_stop_ < now) {
            advance_a_step(now, ~std::uint64_t{0});
        }
        now_ = std::max(now_, now);
        if (!untold_.empty()) {
            tell_until(now);
        }
    }
    /// Decides clocks until at most `bursts` of the FIFO are not taken.
    void advance_until_taken(std::uint64_t bursts) {
        while (fifo_.bursts() > bursts) {
            advance_a_step(kNever, fifo_.bursts() - bursts);
        }
    }
    DramClock now() const { return now_; }
    /// A transaction waits for this channel.
    bool awaited() const { return first_part_ != kNoPart; }
    /// No open part is done before this clock.
    DramClock completion_bound() const;
    /// The same, known at once and looser.
    DramClock completion_floor() const {
        const bool reads_alone = fifo_in_ - fifo_out_ == fifo_reads_in_ - fifo_reads_out_ && may_match_ == 0;
        return now_ + (reads_alone ? read_latency() : 1);
    }
    /// What was sent last is not done before this clock.
    DramClock latest_floor() const { return now_ + fifo_.bursts(); }
    /// The channel is not empty, with all data moved, before this clock.
    DramClock idle_bound() const;
    /// Nothing is queued or moves from the next undecided clock on.
    bool idle() const { return bursts_held() == 0 && clocks_.bus_end() <= now_; }
    /// Adds the counts of the clocks before `now`, which are decided.
    void add_counts(DramCounts& sum, DramClock now);
    std::string diagnose() const;

  private:
    /// What a transaction has in this channel, in a list by age. A slot of `parts_`, used again once it is done.
    struct Part {
        DramTransaction* transaction = nullptr;
        std::uint32_t queued = 0;                        ///< bursts in the read queue
        std::uint32_t coming = 0;                        ///< bursts in the FIFO
        std::uint64_t fifo_end = 0, fifo_reads_end = 0;  ///< fifo_in_ and fifo_reads_in_ just after its last burst
        DramClock refresh_before = 0;                    ///< refresh clocks of the channel before it arrived
        std::uint32_t may_match = 0;  ///< of `coming`: a write to the same burst may be queued before it
        std::uint32_t previous = kNoPart, next = kNoPart;
    };

    std::uint32_t bursts_held() const {
        return static_cast<std::uint32_t>(fifo_.bursts()) + scheduler_.queue(false).size() +
               scheduler_.queue(true).size();
    }
    /// Bursts of consecutive columns to the FIFO's end.
    void push(const DramLocation& where, const BurstOwner& owner, std::uint32_t count, bool write) {
        const bool was_empty = fifo_.empty();
        fifo_in_ += count;
        fifo_reads_in_ += write ? 0 : count;
        if (write || writes_to_bank_[where.bank] > 0) {
            push_checked(where, owner, count, write);
        } else {
            fifo_.push(where, owner, count, write, false);
        }
        if (was_empty) {
            head_blocked_ = !head_may_enter();
        }
    }
    void push_checked(const DramLocation& where, const BurstOwner& owner, std::uint32_t count, bool write);
    /// Decides the clocks up to and with the next stop, or a streak of commands before `end` with at most `intakes`.
    void advance_a_step(DramClock end, std::uint64_t intakes) {
        if (scheduler_.streak_possible() && (head_blocked_ || fifo_.empty()) && streak(end, intakes)) {
            return;
        }
        stop_at(next_stop_);
    }
    void stop_at(DramClock now);
    /// What the counts say of a column command.
    struct Column {
        Traffic traffic;
        bool activated, precharged;
    };
    void count_column(const Column& column, bool write, std::uint64_t by);
    /// Carry a streak out; commands issued. Commands of the first may come at or after `asked`, those of the second
    /// come before `end`.
    std::uint32_t issue_in_order(ColumnStreak& streak, const ColumnStreak::InOrder& plan, DramClock asked);
    std::uint32_t issue_by_groups(ColumnStreak& streak, std::uint64_t intakes, DramClock end);
    /// Bursts of a streak get their commands at `now` and every `spacing` clocks, and leave the queue.
    void leave(bool write, const DramLocation& where, const BurstOwner& owner, std::uint32_t bursts, DramClock now,
               DramClock spacing) {
        if (write) {
            written(where, bursts);
        } else if (owner.streamed) {
            answer_run(owner.index, bursts, now + read_latency(), spacing);
        } else {
            now += (bursts - 1) * spacing;
            parts_[owner.index].queued -= bursts;
            part_done(owner.index, now + read_latency(), now);
        }
    }
    /// The first bursts of a streak's arrival enter the queue at `now` and every `spacing` clocks.
    void enter(const Arrival& arrival, std::uint32_t bursts, DramClock now, DramClock spacing) {
        if (arrival.owner.streamed) {
            for (std::uint32_t i = 0; i < bursts; ++i, now += spacing) {
                DramClock& taken_at = answer_of(arrival.owner.index + i).taken;
                taken_at = std::max(taken_at, now);
                if (arrival.write) {
                    answer(arrival.owner.index + i, now + 1);
                }
            }
            return;
        }
        now += (bursts - 1) * spacing;
        Part& part = parts_[arrival.owner.index];
        part.coming -= bursts;
        part.queued += arrival.write ? 0 : bursts;
        part.transaction->taken = std::max(part.transaction->taken, now);
        if (arrival.write) {
            part_done(arrival.owner.index, now + 1, now);
        }
    }
    /// Writes leave their queue.
    void written(DramLocation where, std::uint32_t bursts) {
        writes_to_bank_[where.bank] -= bursts;
        for (; bursts > 0; --bursts, ++where.column) {
            write_filter_.remove(where);
        }
    }
    /// After a streak in which that many bursts entered: every clock before `decided` is decided.
    void end_streak(std::uint64_t entered, bool write, DramClock decided);
    bool streak(DramClock end, std::uint64_t intakes);
    bool head_may_enter() const;
    void take_in(DramClock now);
    void issue(const DramScheduler::Pick& pick, DramClock now);
    void column(const DramScheduler::Pick& pick, DramClock now);
    /// The FIFO's first burst leaves it.
    void taken(const Arrival& arrival, DramClock now);
    void burst_done(const BurstOwner& owner, DramClock completion, DramClock now);
    DramAnswer& answer_of(std::uint32_t index) { return answers_[index & (answers_.size() - 1)]; }
    void answer(std::uint32_t index, DramClock completion) {
        DramAnswer& a = answer_of(index);
        a.completion = std::max(a.completion, completion);
        --a.open_bursts;
    }
    void answer_run(std::uint32_t index, std::uint32_t bursts, DramClock completion, DramClock spacing) {
        for (std::uint32_t i = 0; i < bursts; ++i, completion += spacing) {
            answer(index + i, completion);
        }
    }
    void part_done(std::uint32_t index, DramClock completion, DramClock now);
    using StateClocks = DramClock DramCounts::*;  ///< of the five states of a rank
    StateClocks state_of(std::uint32_t rank) const;
    /// Books what has passed of a rank's state.
    void book_rank_state(std::uint32_t rank, DramClock now);
    DramClock read_latency() const { return DramClock{timing_.nCL} + timing_.burst_clocks() + pipeline_latency_; }
    /// From the first of some column commands to the last, at least: reads alone, reads and writes mixed.
    DramClock reads_span(std::uint64_t columns) const;
    DramClock columns_span(std::uint64_t columns) const;
    /// Clocks before which certain column commands cannot come.
    struct ColumnBounds {
        DramClock queued_read;  ///< the first RD of a burst that is in the read queue now
        DramClock read;         ///< the first RD of any burst
        DramClock column;       ///< the first command of either kind
    };
    ColumnBounds column_bounds() const;
    std::uint32_t first_coming() const;
    DramClock queued_bound(const Part& part, const ColumnBounds& first) const;
    DramClock coming_bound(const Part& part, const ColumnBounds& first) const;
    DramCommand command_of(DramCommandKind kind, std::uint32_t bank, DramClock now) const;
    DramCommand column_of(const DramLocation& where, bool write, DramClock now) const;
    void tell(const DramCommand& command) const;
    void tell_depths(DramClock now, std::uint32_t reads, std::uint32_t writes) const;
    void tell_depths(DramClock now) const {
        tell_depths(now, scheduler_.queue(false).size(), scheduler_.queue(true).size());
    }
    void note_in_order(const ColumnStreak& streak, const ColumnStreak::InOrder& plan);
    /// Tells what has been noted of the clocks before `now`.
    void tell_until(DramClock now);

    const DramTiming timing_;
    const DramOrganisation organisation_;
    const std::uint32_t number_;
    const Bytes burst_bytes_;
    const std::uint32_t pipeline_latency_;
    const std::vector<DramCommandSink*>& sinks_;
    std::vector<DramTransaction*>& finished_;

    DramScheduler scheduler_;
    ChannelClocks clocks_;
    ArrivalFifo fifo_;
    std::span<DramAnswer> answers_;
    static constexpr std::uint32_t kLongestPause = 8;
    std::uint32_t streak_pause_ = 0, streak_penalty_ = 0;  ///< tries to leave out, after vain ones more and more
    std::uint64_t fifo_in_ = 0, fifo_out_ = 0;             ///< bursts ever
    std::uint64_t fifo_reads_in_ = 0, fifo_reads_out_ = 0;
    bool head_blocked_ = false;  ///< the FIFO's head waits for a column command to make room

    std::vector<Part> parts_;
    std::vector<std::uint32_t> free_parts_;
    std::uint32_t first_part_ = kNoPart, last_part_ = kNoPart;
    std::uint64_t may_match_ = 0;                            ///< sum over the parts
    std::array<std::uint32_t, kMaxBanks> writes_to_bank_{};  ///< in the FIFO and the write queue
    BurstFilter write_filter_;                               ///< the same by burst

    DramClock now_ = 0;        ///< first undecided clock
    DramClock next_stop_ = 0;  ///< nothing happens before it
    DramCounts counts_;
    /// What listeners are to hear of a streak that ran ahead, in order of clocks.
    struct Note {
        DramCommand command;
        DramClock clock;
        std::uint32_t reads, writes;  ///< bursts in the queues, where it is no command
        bool is_command;
    };
    std::vector<Note> untold_;
    /// The latest streak, as far as it ran ahead of what was asked for: commands of `first` and every `spacing` clocks.
    struct Ahead {
        DramClock first = 0, spacing = 1;
        bool write = false;
        std::vector<std::pair<Column, std::uint32_t>> runs;
    } ahead_;
    struct RankState {
        StateClocks clocks = &DramCounts::precharged_clocks;
        DramClock since = 0;
    };
    std::vector<RankState> rank_states_;
};

}  // namespace palimpsest
