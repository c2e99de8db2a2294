#pragma once
// Which command a channel issues at a clock: FR-FCFS or FCFS over the read and the write queue, between what the rank
// keeper wants. The rules are those of docs/blocks/dram.md, in its order.
//
// The scheduler is asked only at clocks at which something may be legal. Between two questions it keeps, for each
// queue, the banks whose next command is a column, an ACT or a PRE as bit sets, so that a question costs a few words,
// and answers "nothing yet" together with the first clock worth asking again.

#include <array>
#include <cstdint>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/burst_queue.h"
#include "hardware/dram/command_sink.h"
#include "hardware/dram/device_timing.h"
#include "hardware/dram/rank_keeper.h"

namespace palimpsest {

class DramScheduler {
  public:
    struct Pick {
        DramCommandKind kind = DramCommandKind::activate;
        bool write = false;                         ///< the queue that wanted it
        std::uint8_t bank = 0;                      ///< of the channel; PREA and REF: first bank of the rank
        BurstQueue::Slot slot = BurstQueue::kNone;  ///< the burst it is for, if any
        bool of_keeper = false;                     ///< the rank keeper wanted it
    };

    explicit DramScheduler(const DramConfig& config);

    const BurstQueue& queue(bool write) const { return write ? writes_ : reads_; }
    /// A burst enters its queue at clock `now`, before the question of that clock.
    void insert(bool write, const DramLocation& where, const BurstOwner& owner, DramClock now);
    /// The command of clock `now`; false if there is none.
    bool pick(DramClock now, Pick& pick);
    /// Carries out a pick. A column command's burst leaves its queue: look at it before.
    void issue(const Pick& pick, DramClock now);
    /// Nothing is picked before this clock unless a burst is inserted or a refresh falls due.
    DramClock next_pick() const { return next_pick_; }

    /// A streak (column_streak.h) may be tried.
    bool streak_possible() const { return streaks_ && !keeper_.wants_something(); }
    /// No ACT and no PRE may come at `now`, and enough bursts of the direction are queued for a streak.
    bool columns_next(DramClock now) const {
        const BurstQueue& q = queue(write_mode());
        return q.size() - q.strangers() > 1 && (q.strangers() == 0 || first_row_command() > now);
    }
    /// No ACT and no PRE before this clock, as long as nothing enters a queue but hits.
    DramClock first_row_command() const {
        const Wanted& wanted = wanted_[write_mode()];
        return std::min(first_legal(wanted.activate, TimedCommand::activate),
                        first_legal(wanted.precharge, TimedCommand::precharge));
    }

    /// The next refresh to fall due; at that clock call refresh_due().
    DramClock next_due() const { return keeper_.next_due(); }
    void refresh_due(DramClock now);
    /// Some bank is held back by refresh up to this clock (kNever: its REF is not issued yet); past values mean none
    /// is.
    DramClock blocked_until() const { return keeper_.blocked_until(); }
    /// The same of the banks that a queued burst goes to.
    DramClock stalled_until() const { return keeper_.held_until(wanted_[0].banks() | wanted_[1].banks()); }

    bool write_mode() const { return writes_.size() > 0 && (forced_writes_ || reads_.size() == 0); }
    /// Writes that go out before any read; 0 unless the write queue has reached its high mark.
    std::uint32_t forced_writes() const { return forced_writes_ ? writes_.size() - write_low_ : 0; }
    /// No burst that is in the queue now gets its column command before this clock; and none that will be.
    DramClock earliest_column(bool write) const;
    DramClock earliest_column_of_any(bool write) const;
    bool any_bank_open(std::uint32_t rank) const { return open_banks_ & rank_mask(rank); }
    std::uint32_t banks_open(std::uint32_t rank) const {
        return static_cast<std::uint32_t>(std::popcount(open_banks_ & rank_mask(rank)));
    }
    std::uint32_t rank_of(std::uint32_t bank) const { return device_.rank_of(bank); }
    const RankKeeper& keeper() const { return keeper_; }

  private:
    friend class ColumnStreak;

    enum class Need : std::uint8_t { nothing, column, activate, precharge };
    /// Banks that need one and the same command next. None of them can take it before `soonest`: constraints only ever
    /// move a bank's clock back, so the bound holds until a scan or a new bank replaces it.
    struct Candidates {
        std::uint64_t banks = 0;
        DramClock soonest = kNever;
    };
    /// Banks by the command that their oldest eligible burst in a queue needs.
    struct Wanted {
        Candidates column, activate, precharge;
        std::array<Need, kMaxBanks> need{};  ///< the same by bank
        std::uint64_t banks() const { return column.banks | activate.banks | precharge.banks; }
        Candidates& of(Need n) { return n == Need::column ? column : n == Need::activate ? activate : precharge; }
    };
    /// Added to the order of bursts that are not urgent.
    static constexpr std::uint64_t kNotUrgent = std::uint64_t{1} << 56;
    /// The oldest of some banks: a word of order and bank.
    struct Best {
        std::uint64_t word = ~std::uint64_t{0};
        bool any() const { return word != ~std::uint64_t{0}; }
        std::uint32_t bank() const { return static_cast<std::uint32_t>(word % kMaxBanks); }
    };

    std::uint64_t rank_mask(std::uint32_t rank) const { return rank_banks_ << (rank * banks_a_rank_); }
    BurstQueue& mutable_queue(bool write) { return write ? writes_ : reads_; }
    static TimedCommand command_of(Need need, bool write);
    std::uint64_t next_order() { return kNotUrgent + next_age_++; }
    void classify(std::uint32_t bank);
    void classify(bool write, std::uint32_t bank);
    void classify_unwanted(std::uint32_t bank);
    void add(Candidates& candidates, std::uint32_t bank, TimedCommand command);
    bool unwanted(std::uint32_t bank) const;
    /// When (f) may close a bank.
    DramClock close_ready(std::uint32_t bank) const;
    bool pick_first_come(DramClock now, Pick& pick, DramClock& next);
    bool pick_unwanted(DramClock now, Pick& pick, DramClock& next);
    bool take(const RankKeeper::Wish& wish, Pick& pick) const;
    /// `word_of(bank)` orders the banks.
    template <class WordOf>
    Best oldest_legal(Candidates& candidates, TimedCommand command, DramClock now, WordOf word_of) const;
    DramClock first_legal(const Candidates& candidates, TimedCommand command) const;
    DramClock first_legal() const;
    void open(const Pick& pick, DramClock now);
    void close(std::uint32_t bank, DramClock now);
    void adapt_to_opening(std::uint32_t bank, std::uint32_t row);
    void forget_bounds();

    DeviceTiming device_;
    RankKeeper keeper_;
    BurstQueue reads_, writes_;
    std::array<Wanted, 2> wanted_;     ///< [write]
    std::uint64_t unwanted_open_ = 0;  ///< closed and adaptive page policy: open banks without a queued hit
    std::uint64_t open_banks_ = 0;
    std::array<std::uint32_t, kMaxBanks> open_row_{};
    std::array<std::uint32_t, kMaxBanks> passed_{};  ///< hits that passed an older burst since the bank's last ACT
    std::uint32_t ranks_, banks_a_rank_;
    std::uint64_t rank_banks_;
    std::uint32_t starvation_cap_, write_high_, write_low_;
    bool first_come_;  ///< FCFS
    PagePolicy page_policy_;
    bool streaks_;                                                             ///< the policies allow them
    DramClock same_group_spacing_, other_group_spacing_, other_rank_spacing_;  ///< of column commands of one kind
    DramClock activate_to_column_, precharge_to_activate_;
    bool forced_writes_ = false;
    std::uint64_t next_age_ = 0;
    DramClock next_pick_ = 0;

    /// What the adaptive page policy knows of a bank.
    struct Page {
        std::uint32_t timeout = 0;
        DramClock last_column = kNever;  ///< since the bank's ACT
        std::uint32_t closed_row = 0;    ///< that (f) closed last,
        bool closed = false;             ///< if no ACT came since
    };
    std::vector<Page> pages_;  ///< by bank; empty with other policies
};

}  // namespace palimpsest
