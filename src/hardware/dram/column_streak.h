#pragma once
// A streak: a stretch of clocks in which a channel issues nothing but column commands of one direction, all of them
// hits. Which burst is next then depends on its bank group and its age alone, so that the queue is kept as one list a
// group while the streak lasts, and the bank lists, the sets of wanted banks and the timing are made up when it ends.
// The commands and their clocks are those that the scheduler would pick one by one.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "hardware/dram/ring.h"
#include "hardware/dram/scheduler.h"

namespace palimpsest {

class ColumnStreak {
  public:
    /// Too short to be worth its beginning and end.
    static constexpr std::uint32_t kFewBursts = 6;

    explicit ColumnStreak(DramScheduler& scheduler)
        : scheduler_(scheduler),
          write_(scheduler.write_mode()),
          queue_(write_ ? scheduler.writes_ : scheduler.reads_) {}

    /// False where a command other than a hit of this direction may come first, or one soon would.
    bool begin(DramClock now);

    /// The simple case: bursts issued in order of age at an even spacing, the next arrival taken one clock after each
    /// command. `count` of 0: not from here on.
    struct InOrder {
        DramClock first = 0, spacing = 0;
        std::uint32_t count = 0;
    };
    InOrder plan_in_order(const detail::Ring<Arrival>& arrivals, std::uint64_t most, DramClock end);
    /// The burst of a plan's i-th command; those from size() on are arrivals.
    const BurstQueue::Entry& queued(std::uint32_t i) const { return queue_.entries_[slot(i)]; }
    /// Carries a plan out: as end().
    void end_in_order(const InOrder& plan, const detail::Ring<Arrival>& arrivals, DramClock now);

    /// The general case, burst by burst; after begin() alone.
    void link();
    /// Makes the scheduler's state what it is at clock `now`, the one after the streak's last command.
    void end(DramClock now);

    bool write() const { return write_; }
    std::uint32_t size() const { return queue_.size_; }
    /// The clock of the next command; choose() says whose.
    DramClock next() const { return next_; }
    const BurstQueue::Entry& choose() {
        std::uint64_t oldest = kNever;
        for (std::uint32_t i = 0; i < groups_in_rank_; ++i) {
            const std::uint64_t not_ready = head_ready_[i] > next_ ? kNever : 0;
            oldest = std::min(oldest, head_word_[i] | not_ready);
        }
        chosen_ = static_cast<std::uint32_t>(oldest % kMaxBanks);
        return queue_.entries_[head_[chosen_]];
    }
    /// The chosen burst's command is issued and the burst gone.
    void issue() {
        const BurstQueue::Slot slot = head_[chosen_];
        const BurstQueue::Entry& entry = queue_.entries_[slot];
        last_command_[entry.bank] = next_;
        commanded_ |= std::uint64_t{1} << entry.bank;
        queue_.free_ |= std::uint64_t{1} << slot;
        --queue_.size_;
        head_[chosen_] = entry.next;
        group_ready_[chosen_] = next_ + same_group_;
        head_ready_[chosen_] = kNever;
        if (entry.next != BurstQueue::kNone) {
            new_head(chosen_);
        }
        rank_ready_ = next_ + other_group_;
        if (write_ && queue_.size_ <= scheduler_.write_low_) {
            scheduler_.forced_writes_ = false;
        }
        find_next();
    }
    /// A burst that may enter at `now` without ending the streak.
    bool fits(const DramLocation& where, DramClock now) const {
        return (scheduler_.open_banks_ >> where.bank & 1) != 0 && scheduler_.open_row_[where.bank] == where.row &&
               scheduler_.rank_of(where.bank) == rank_ && scheduler_.device_.bank_ready(command_, where.bank) <= now;
    }
    void insert(const DramLocation& where, const BurstOwner& owner) {
        const auto slot = static_cast<BurstQueue::Slot>(std::countr_zero(queue_.free_));
        queue_.free_ &= queue_.free_ - 1;
        ++queue_.size_;
        queue_.entries_[slot].fill(where, owner, scheduler_.next_order());
        banks_ |= std::uint64_t{1} << where.bank;
        append(slot);
        if (write_ && queue_.size_ >= scheduler_.write_high_) {
            scheduler_.forced_writes_ = true;
        }
    }

  private:
    BurstQueue::Slot slot(std::uint32_t i) const { return static_cast<BurstQueue::Slot>(order_[i] & 63); }
    void append_to_bank(BurstQueue::Slot slot);
    void clear_banks();
    void settle(DramClock now);
    void append(BurstQueue::Slot slot) {
        BurstQueue::Entry& entry = queue_.entries_[slot];
        const std::uint32_t group = group_of(entry.bank);
        entry.next = BurstQueue::kNone;
        if (head_[group] == BurstQueue::kNone) {
            head_[group] = slot;
            new_head(group);
            find_next();
        } else {
            queue_.entries_[tail_[group]].next = slot;
        }
        tail_[group] = slot;
    }
    void new_head(std::uint32_t group) {
        head_word_[group] = queue_.entries_[head_[group]].order * kMaxBanks + group;
        head_ready_[group] = group_ready_[group];
    }
    void find_next() {
        DramClock first = kNever;
        for (std::uint32_t i = 0; i < groups_in_rank_; ++i) {
            first = std::min(first, head_ready_[i]);
        }
        next_ = std::max(first, rank_ready_);
    }
    std::uint32_t group_of(std::uint32_t bank) const { return (bank >> group_shift_) & (groups_in_rank_ - 1); }

    DramScheduler& scheduler_;
    const bool write_;
    BurstQueue& queue_;
    TimedCommand command_ = TimedCommand::read;
    std::uint32_t rank_ = 0, groups_in_rank_ = 1, group_shift_ = 0, chosen_ = 0;
    DramClock same_group_ = 0, other_group_ = 0;
    DramClock next_ = 0, rank_ready_ = 0;
    std::uint64_t banks_ = 0;      ///< that had or have a burst
    std::uint64_t commanded_ = 0;  ///< that had a command
    std::uint32_t size_before_ = 0;
    std::uint32_t entries_ = 0;                            ///< at the beginning, in order of age:
    std::array<std::uint64_t, kMaxQueue> order_;           ///< age and slot in one word
    std::array<BurstQueue::Slot, kMaxBanks> head_, tail_;  ///< by group of the rank
    std::array<std::uint64_t, kMaxBanks> head_word_;       ///< age and group of the head in one word
    std::array<DramClock, kMaxBanks> group_ready_;         ///< whether it has a burst or not
    std::array<DramClock, kMaxBanks> head_ready_;          ///< the same; kNever without a burst
    std::array<DramClock, kMaxBanks> last_command_;        ///< by bank, where `commanded_`
};

}  // namespace palimpsest
