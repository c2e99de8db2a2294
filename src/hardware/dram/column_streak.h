#pragma once
// A streak: a stretch of clocks in which a channel issues nothing but column commands of one direction, all of them
// hits. Which burst is next depends on its bank group and its age alone, and what the commands hold back is made up
// once at the end. The commands and their clocks are those that the scheduler would pick one by one.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "hardware/dram/arrival_fifo.h"
#include "hardware/dram/scheduler.h"

namespace palimpsest {

class ColumnStreak {
  public:
    /// Shorter ones are not worth their beginning and end.
    static constexpr std::uint32_t kFewBursts = 4;

    explicit ColumnStreak(DramScheduler& scheduler)
        : scheduler_(scheduler),
          write_(scheduler.write_mode()),
          queue_(write_ ? scheduler.writes_ : scheduler.reads_) {}

    /// False where the next command may be another one than a hit of this direction.
    bool begin(DramClock now);
    /// A row command may come at this clock: the streak has to be over before.
    DramClock limit() const { return limit_; }
    /// Makes the scheduler's state what it is at clock `now`, the first one after the streak.
    void end(DramClock now);

    bool write() const { return write_; }
    const BurstQueue& queue() const { return queue_; }
    std::uint32_t hits() const { return queue_.size() - queue_.strangers(); }

    /// The simple case: bursts issued in order of age at an even spacing, the next arrival taken one clock after each
    /// command. `count` of 0: not from here on.
    struct InOrder {
        DramClock first = 0, spacing = 0;
        std::uint32_t count = 0;
    };
    /// `most` commands, all of them and what is taken after them before `end`.
    InOrder plan_in_order(const ArrivalFifo& arrivals, std::uint64_t most, DramClock end);
    /// Takes the plan's bursts out of the queue and puts the arrivals into it, which was full and is so again: writes
    /// stay beyond their high mark.
    void exchange(const InOrder& plan, const ArrivalFifo& arrivals);

    /// The general case, burst by burst, where all hits and what enters are of one rank.
    bool one_rank() const { return one_rank_; }
    bool of_its_rank(const Arrival& arrival) const { return scheduler_.rank_of(arrival.where.bank) == rank_; }
    /// The clock of the next command; choose() says whose.
    DramClock next() const { return next_; }
    const BurstQueue::Entry& choose() {
        std::uint64_t oldest = kNever;
        for (std::uint64_t rest = queued_; rest != 0; rest &= rest - 1) {
            const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
            const std::uint64_t not_ready = ready(bank) > next_ ? kNever : 0;
            oldest = std::min(oldest, queue_.oldest_word(bank) | not_ready);
        }
        chosen_ = static_cast<std::uint32_t>(oldest % kMaxBanks);
        return queue_[queue_.oldest(chosen_)];
    }
    /// The chosen burst's command is issued and the burst gone.
    void issue() {
        queue_.remove_hits(chosen_);
        scheduler_.keeper_.bursts_go(rank_, 1);
        commanded(chosen_, next_);
        if (queue_.bursts_of(chosen_) == 0) {
            queued_ &= ~(std::uint64_t{1} << chosen_);
        }
        group_ready_[group_of(chosen_)] = next_ + same_group_;
        rank_ready_ = next_ + other_group_;
        if (write_ && queue_.size() <= scheduler_.write_low_) {
            scheduler_.forced_writes_ = false;
        }
        find_next();
    }
    /// A burst that may enter without ending the streak.
    bool fits(const Arrival& arrival) const {
        const std::uint32_t bank = arrival.where.bank;
        return (fitting_ >> bank & 1) != 0 && scheduler_.open_row_[bank] == arrival.where.row &&
               arrival.write == write_ && !arrival.may_match && !arrival.owner.urgent;
    }
    /// The arrival's first burst enters.
    void insert(const Arrival& arrival) {
        put(arrival, 0, 1);
        if (write_ && queue_.size() >= scheduler_.write_high_) {
            scheduler_.forced_writes_ = true;
        }
        find_next();
    }

    /// The first hit of its rank at or after a slot in order of age; kNone if there is none.
    BurstQueue::Slot hit_from(BurstQueue::Slot slot) const {
        while (slot != BurstQueue::kNone && (passed_over_ >> queue_[slot].bank & 1) != 0) {
            slot = queue_[slot].younger;
        }
        return slot;
    }

  private:
    std::uint32_t first_rank(std::uint64_t banks) const;
    DramClock other_ranks_ready() const;
    std::uint32_t own_hits() const;
    void put(const Arrival& arrival, std::uint32_t skip, std::uint32_t bursts) {
        DramLocation where = arrival.where;
        where.column = static_cast<std::uint16_t>(where.column + skip);
        queue_.insert(where, DramScheduler::kNotUrgent + scheduler_.next_age_, arrival.owner.after(skip), true, bursts);
        scheduler_.next_age_ += bursts;
        scheduler_.keeper_.bursts_come(scheduler_.rank_of(where.bank), bursts);
        const std::uint64_t bank = std::uint64_t{1} << where.bank;
        touched_ |= bank;
        queued_ |= bank;
    }
    void commanded(std::uint32_t bank, DramClock clock) {
        last_command_[bank] = clock;
        commanded_ |= std::uint64_t{1} << bank;
    }
    DramClock ready(std::uint32_t bank) const {
        return std::max(group_ready_[group_of(bank)], scheduler_.device_.bank_ready(command_, bank));
    }
    void find_next() {
        DramClock first = kNever;
        for (std::uint64_t rest = queued_; rest != 0; rest &= rest - 1) {
            first = std::min(first, ready(static_cast<std::uint32_t>(std::countr_zero(rest))));
        }
        next_ = std::max(first, rank_ready_);
    }
    /// Of the rank.
    std::uint32_t group_of(std::uint32_t bank) const { return (bank >> group_shift_) & (groups_in_rank_ - 1); }

    DramScheduler& scheduler_;
    const bool write_;
    BurstQueue& queue_;
    TimedCommand command_ = TimedCommand::read;
    std::uint32_t rank_ = 0, groups_in_rank_ = 1, group_shift_ = 0, chosen_ = 0;
    bool one_rank_ = true;  ///< of all hits
    DramClock same_group_ = 0, other_group_ = 0;
    DramClock next_ = 0, rank_ready_ = 0;
    DramClock limit_ = kNever;
    std::uint64_t queued_ = 0;       ///< banks that have a hit
    std::uint64_t strangers_ = 0;    ///< banks with bursts of other rows only
    std::uint64_t passed_over_ = 0;  ///< banks with strangers and those of other ranks
    std::uint64_t fitting_ = 0;      ///< open banks without strangers
    std::uint64_t touched_ = 0;      ///< that had or have one
    std::uint64_t commanded_ = 0;    ///< that had a command
    std::array<DramClock, kMaxBanks> group_ready_;
    std::array<DramClock, kMaxBanks> last_command_;  ///< by bank, where `commanded_`
};

}  // namespace palimpsest
