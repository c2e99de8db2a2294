#pragma once
// Policy `accumulated`: the victim is the resident with the least accumulated attention, in fixed point as hardware
// adds it up. Nothing is protected unless asked for: the plain reading of "least relevant", which freezes the cache on
// the first tokens. With sinks, a recent window and decay it is a tunable relative of H2O.
//
// Score: an unsigned number of `score_bits`, `kScoreWholeBits` of them before the binary point, so that it saturates at
// 16 whole probabilities (with 16 bits its step is 1/4096). Scores of more than 20 bits keep the 16 fraction bits of
// the probability and saturate later. For each row, every resident: score -= score >> decay_shift (where decay is on),
// then score += the row's probability, rounded to the score's step, saturating. Once below 2^decay_shift steps a score
// decays no further.
//
// Relevance: the score, or with `normalise_by_age` the score over the number of queries that could see the token (its
// own included); compared by cross-multiplication. Ties go to the oldest.
//
// Protected: positions 0 .. sinks-1, and the last `recent` positions up to the newest.

#include <vector>

#include "config/run_config.h"
#include "policy/position_policy.h"

namespace palimpsest {

class AccumulatedPolicy final : public PositionPolicy {
  public:
    static constexpr std::uint32_t kScoreWholeBits = 4;

    /// Uses sinks, recent, score_bits (1 to 32), decay_shift (0 to 31), normalise_by_age of `config`.
    AccumulatedPolicy(const CacheConfig& config, std::uint32_t slots);

    void insert(SlotId slot, TokenPosition position) override;
    void remove(SlotId slot) override;
    void move(SlotId from, SlotId to) override;
    void observe(const RelevanceRow& row) override;
    std::optional<SlotId> victim(TokenPosition newest) const override;
    bool uses_scores() const override { return true; }

    std::uint32_t score(SlotId slot) const { return scores_[slot.value]; }

  private:
    std::uint32_t sinks_;
    std::uint32_t recent_;
    std::uint32_t score_max_;
    std::uint32_t sample_shift_;  ///< fraction bits of a sample that a score does not keep
    std::uint32_t decay_shift_;
    std::uint32_t decay_mask_;  ///< all ones where scores decay, else 0
    bool by_age_;
    std::uint32_t last_query_ = 0;
    std::vector<std::uint32_t> scores_;  ///< by slot; 0 where free
};

}  // namespace palimpsest
