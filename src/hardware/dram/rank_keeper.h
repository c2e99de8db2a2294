#pragma once
// Refresh and sleep of a channel's ranks: what falls due, which banks are held back, which rank is to refresh, to wake
// or to sleep (docs/blocks/dram.md). The scheduler asks it before and after everything else and tells it what happens.

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"
#include "hardware/dram/device_timing.h"

namespace palimpsest {

class RankKeeper {
  public:
    /// A command of its own, to be issued now.
    struct Wish {
        DramCommandKind kind = DramCommandKind::refresh;
        std::uint8_t bank = 0;  ///< PRE and REFPB: of the channel; the others: first bank of the rank
    };

    RankKeeper(const DramConfig& config, const DeviceTiming& device);

    /// The next refresh to fall due; at that clock call fall_due().
    DramClock next_due() const { return next_due_; }
    void fall_due(DramClock now);

    /// (a) and (b) of a clock: wake, refresh. False if none is legal now; then `next` is lowered to the first clock at
    /// which one may be.
    bool wake_or_refresh(std::uint64_t open_banks, DramClock now, Wish& wish, DramClock& next) const;
    /// (g): sleep.
    bool sleep(std::uint64_t open_banks, DramClock now, Wish& wish, DramClock& next) const;
    /// The two questions may have an answer other than no.
    bool wants_something() const { return to_refresh_ != 0 || (sleeps_ && !all_busy()); }
    bool sleeps() const { return sleeps_; }

    void burst_enters(std::uint32_t rank);
    void burst_leaves(std::uint32_t rank);
    /// The same for many at once, where the rank holds some before and after.
    void bursts_come(std::uint32_t rank, std::uint32_t bursts) { ranks_[rank].bursts += bursts; }
    void bursts_go(std::uint32_t rank, std::uint32_t bursts) { ranks_[rank].bursts -= bursts; }
    /// A command other than its own wishes went to the bank's rank.
    void commanded(std::uint32_t rank, DramClock now) {
        if (sleeps_) {
            ranks_[rank].idle_since = now + 1;
        }
    }
    /// A wish is issued.
    void granted(const Wish& wish, DramClock now);

    /// Banks that are neither held back by a refresh to come nor of a rank asleep.
    std::uint64_t serviceable() const { return serviceable_; }
    /// Some bank is held back by refresh up to this clock (kNever: its REF is not issued yet); past values mean none
    /// is.
    DramClock blocked_until() const { return blocked_until_; }
    /// The same of some banks.
    DramClock held_until(std::uint64_t banks) const;
    bool powered_down(std::uint32_t rank) const { return ranks_[rank].state == State::powered_down; }
    bool self_refreshing(std::uint32_t rank) const { return ranks_[rank].state == State::self_refresh; }

  private:
    enum class State : std::uint8_t { awake, powered_down, self_refresh };
    struct Rank {
        State state = State::awake;
        std::uint32_t owed = 0;        ///< refreshes due and not issued
        std::uint32_t bursts = 0;      ///< in the queues
        std::uint64_t due_number = 0;  ///< of the next one to fall due
        DramClock due_base = 0;        ///< when number 0 fell or falls due
        DramClock due_at = kNever;
        std::uint32_t turn = 0;    ///< per-bank refresh: bank of the rank that is next
        DramClock idle_since = 0;  ///< while idle
    };

    std::uint64_t rank_mask(std::uint32_t rank) const { return rank_banks_ << (rank * banks_a_rank_); }
    std::uint32_t first_bank(std::uint32_t rank) const { return rank * banks_a_rank_; }
    std::uint32_t next_bank(std::uint32_t rank) const { return first_bank(rank) + ranks_[rank].turn; }
    bool must(const Rank& rank) const { return rank.owed > postpone_; }
    bool idle(const Rank& rank) const { return rank.bursts == 0 && rank.owed == 0; }
    bool self_refresh_wanted(const Rank& rank, DramClock now) const {
        return self_refresh_after_ > 0 && idle(rank) && now >= rank.idle_since + self_refresh_after_;
    }
    /// Every rank is awake with bursts in the queues.
    bool all_busy() const {
        bool busy = true;
        for (const Rank& rank : ranks_) {
            busy = busy && rank.state == State::awake && rank.bursts > 0;
        }
        return busy;
    }
    DramClock due_clock(const Rank& rank) const;
    void update(std::uint32_t rank);
    void hold(std::uint64_t banks, DramClock until);

    const DeviceTiming& device_;
    std::uint32_t banks_a_rank_;
    std::uint64_t rank_banks_;
    bool per_bank_;
    std::uint32_t postpone_, refreshes_an_interval_;
    DramClock interval_, rank_refresh_clocks_, bank_refresh_clocks_;
    DramClock power_down_after_, self_refresh_after_;
    bool sleeps_;

    std::vector<Rank> ranks_;
    std::array<DramClock, kMaxBanks> bank_held_until_{};
    std::uint64_t serviceable_ = ~std::uint64_t{0};
    std::uint64_t to_refresh_ = 0;  ///< ranks that are to refresh
    DramClock next_due_ = kNever;
    DramClock blocked_until_ = 0;
};

}  // namespace palimpsest
