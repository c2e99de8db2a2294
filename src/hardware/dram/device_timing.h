#pragma once
// When each command becomes legal, for all ranks and banks of a channel: the timing table applied to what was issued.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/timing_table.h"
#include "hardware/dram/transaction.h"

namespace palimpsest {

inline constexpr std::uint32_t kMaxBanks = 64;  ///< banks of a channel, all ranks: bank sets are bits of one word

/// A command is legal from the latest of its bank's, its group's and its rank's clock on. Banks and groups are numbered
/// through the channel: bank = (rank * groups + group) * banks a group + bank in group.
class DeviceTiming {
  public:
    /// `used`: commands that will be issued; constraints on others cost nothing.
    DeviceTiming(const DramTiming& timing, const DramOrganisation& organisation,
                 TimedCommandSet used = kAllTimedCommands);

    DramClock rank_ready(TimedCommand c, std::uint32_t rank) const { return ready_rank_[index(c)][rank]; }
    DramClock ready(TimedCommand c, std::uint32_t bank) const {
        return std::max({ready_bank_[index(c)][bank], ready_group_[index(c)][bank >> group_shift_],
                         ready_rank_[index(c)][bank >> rank_shift_]});
    }
    /// The bank's and group's part of ready(), for where the rank's is known to be met.
    DramClock ready_within_rank(TimedCommand c, std::uint32_t bank) const {
        return std::max(ready_bank_[index(c)][bank], ready_group_[index(c)][bank >> group_shift_]);
    }
    DramClock bank_ready(TimedCommand c, std::uint32_t bank) const { return ready_bank_[index(c)][bank]; }
    DramClock group_ready(TimedCommand c, std::uint32_t group) const { return ready_group_[index(c)][group]; }
    std::uint32_t group_shift() const { return group_shift_; }  ///< group of a bank: bank >> group_shift()
    std::uint32_t rank_of(std::uint32_t bank) const { return bank >> rank_shift_; }

    /// `command` goes to `bank` at `now`; REF, PDE and the like go to the bank's whole rank.
    void issue(TimedCommand command, std::uint32_t bank, DramClock now);

  private:
    struct Rule {
        std::uint32_t following;
        std::uint32_t latency;
    };
    /// What a command holds back at one level; in place, as every command reads it.
    class RuleList {
      public:
        void push_back(const Rule& rule) { rules_.at(size_++) = rule; }
        const Rule* begin() const { return rules_.data(); }
        const Rule* end() const { return rules_.data() + size_; }

      private:
        std::array<Rule, kTimedCommands> rules_{};
        std::size_t size_ = 0;
    };
    struct Rules {
        RuleList bank, group, rank, other_ranks;
    };
    static std::size_t index(TimedCommand c) { return static_cast<std::size_t>(c); }

    std::uint32_t group_shift_, rank_shift_, ranks_;
    std::array<Rules, kTimedCommands> rules_;
    using ReadyClocks = std::array<std::array<DramClock, kMaxBanks>, kTimedCommands>;
    ReadyClocks ready_bank_{}, ready_group_{}, ready_rank_{};
    /// When the last commands of a rank that a window counts stop holding back the following: `window` a rank, a ring.
    struct History {
        TimedCommand following;
        std::uint32_t window, latency;
        std::vector<DramClock> clocks;
        std::vector<std::uint32_t> next;  ///< by rank: the oldest of its ring
    };
    std::array<std::vector<History>, kTimedCommands> histories_;
};

}  // namespace palimpsest
