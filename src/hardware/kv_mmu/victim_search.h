#pragma once
// How the KV-MMU finds victims: two circuits over the scores of a word, a word a cycle. Both find the least score that
// is not protected, ties to the oldest token. Per-cycle specification: docs/blocks/kv_mmu.md.
//
// The first victim rides on the update of the scores; what is given here comes on top of its cycles. A comparator works
// whenever a word passes it: lanes without a score, and protected ones, hold the largest value.

#include <cstdint>

#include "palimpsest/types.h"

namespace palimpsest {

/// What the searches of a command read: whole passes of the scores, the update's included, and single words.
struct SearchPasses {
    std::uint64_t whole = 0;
    std::uint64_t single_words = 0;
    bool operator==(const SearchPasses&) const = default;
};

/// A register and a comparator in each lane hold the lane's least score; when the last word has passed, the lanes are
/// compared among each other. Each further victim is a pass of its own.
class RunningMinimum {
  public:
    /// `lanes`: scores in a word; `latency`: cycles from the last word to the victim.
    RunningMinimum(std::uint32_t lanes, Cycles latency) : lanes_(lanes), latency_(latency) {}

    /// Cycles after the update until `searches` victims are found, for vectors of `words` words.
    Cycles cycles(std::uint64_t words, std::uint32_t searches) const;
    SearchPasses passes(std::uint32_t searches) const { return {searches, 0}; }
    std::uint64_t compares(std::uint64_t words, std::uint32_t searches) const;

  private:
    std::uint32_t lanes_;
    Cycles latency_;
};

/// A registered tree with a word's scores as leaves, and a register with the least so far at its root. The least of
/// each word stays in a row of winners: a further victim needs the word of the one before it once more, and then the
/// winners, which go through the same tree a word's worth a cycle.
class ComparatorTree {
  public:
    /// `compares_per_stage`: levels of the tree between two registers.
    ComparatorTree(std::uint32_t lanes, std::uint32_t compares_per_stage);

    /// Registers between leaves and root.
    std::uint32_t stages() const { return stages_; }
    Cycles cycles(std::uint64_t words, std::uint32_t searches) const;
    SearchPasses passes(std::uint32_t searches) const;
    std::uint64_t compares(std::uint64_t words, std::uint32_t searches) const;

  private:
    std::uint32_t lanes_;
    std::uint32_t stages_;
};

}  // namespace palimpsest
