#pragma once
// Base of the policies that hold one number a slot and evict the least outside the protected positions: the first
// `cache.sinks`, and the last `cache.recent` up to the newest. Ties go to the oldest.

#include <algorithm>
#include <limits>
#include <vector>

#include "config/run_config.h"
#include "policy/position_policy.h"

namespace palimpsest {

/// The slot with the least score among the positions in range; of equal ones the oldest. `Score` is unsigned or float.
template <class Score>
std::optional<SlotId> least_scored(std::span<const std::uint32_t> positions, std::span<const Score> scores,
                                   EvictableRange range) {
    constexpr Score kNone = std::numeric_limits<Score>::has_infinity ? std::numeric_limits<Score>::infinity()
                                                                     : std::numeric_limits<Score>::max();
    Score least = kNone;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        least = std::min(least, range.contains(positions[i]) ? scores[i] : kNone);
    }
    // The oldest in range of those: elsewhere the distance from the range's start is past its end.
    std::uint32_t nearest = SlotPositions::kFree;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        nearest = std::min(nearest, scores[i] == least ? positions[i] - range.first : SlotPositions::kFree);
    }
    if (nearest >= range.count) {
        return std::nullopt;
    }
    return slot_holding(positions, range.first + nearest);
}

/// Adds a row to sums that stop at their largest value: after 65536 whole probabilities.
inline void accumulate(std::span<const RelevanceSample> row, std::vector<std::uint32_t>& sums) {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t i = 0; i < row.size(); ++i) {
        sums[i] += std::min(row[i], kMost - sums[i]);
    }
}

template <class Score>
class ScoredPolicy : public PositionPolicy {
  public:
    void insert(SlotId slot, TokenPosition position) override {
        PositionPolicy::insert(slot, position);
        scores_[slot.value] = fresh_;
    }
    void move(SlotId from, SlotId to) override {
        PositionPolicy::move(from, to);
        scores_[to.value] = scores_[from.value];
    }
    std::optional<SlotId> victim(TokenPosition newest) const override {
        return least_scored<Score>(slots().occupied(), scores_, evictable(newest));
    }
    bool uses_scores() const override { return true; }

  protected:
    /// `fresh`: the score of a token that no query has seen.
    ScoredPolicy(const CacheConfig& config, std::uint32_t slot_count, Score fresh = {})
        : PositionPolicy(slot_count),
          sinks_(config.sinks),
          recent_(config.recent),
          fresh_(fresh),
          scores_(slot_count, fresh) {}

    EvictableRange evictable(TokenPosition newest) const { return evictable_positions(sinks_, recent_, newest); }
    std::uint32_t sinks() const { return sinks_; }
    std::uint32_t recent() const { return recent_; }
    /// By slot; free slots hold anything.
    std::vector<Score>& scores() { return scores_; }
    const std::vector<Score>& scores() const { return scores_; }

  private:
    std::uint32_t sinks_;
    std::uint32_t recent_;
    Score fresh_;
    std::vector<Score> scores_;
};

}  // namespace palimpsest
