#pragma once
// Victim unit: adds attention rows to the scores and finds the least ones as the words stream.
//
// Cycles of one command, in this order (docs/blocks/kv_mmu.md):
//   accumulate  rows * ceil(slots / lanes)          probabilities arrive `lanes` a cycle
//   update      ceil(slots / scores a word)         each score word is read, added to and written back
//   search      RunningMinimum::cycles or ComparatorTree::cycles, by `victim_unit`
//   table       one cycle a freed slot that no search's tail has written
// A command of a policy without scores has the table's cycles only. None takes less than one cycle.

#include <cstdint>
#include <variant>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "hardware/kv_mmu/victim_search.h"
#include "palimpsest/counters.h"

namespace palimpsest {

/// Whole scores in a word of the score store.
std::uint32_t scores_per_word(const KvMmuConfig& config, std::uint32_t score_bits);

class VictimUnit {
  public:
    /// `lanes`: probabilities a cycle from the vector unit; `score_bits`: width of a score.
    VictimUnit(const KvMmuConfig& config, std::uint32_t lanes, std::uint32_t score_bits);

    std::uint32_t scores_per_word() const { return scores_per_word_; }
    /// From the cycle the command starts (its score vector at hand) to the cycle it is complete.
    Cycles cycles(const KvCommand& command) const;
    /// Adds what the command does to `counts`.
    void count(const KvCommand& command, ActionCounts& counts) const;
    /// What its searches read, and what they must know the positions of.
    SearchPasses passes(const KvCommand& command) const;

  private:
    std::uint32_t lanes_;
    std::uint32_t scores_per_word_;
    std::variant<RunningMinimum, ComparatorTree> search_;
};

}  // namespace palimpsest
