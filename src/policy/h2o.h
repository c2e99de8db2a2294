#pragma once
// Policy `h2o`: the victim has the least attention accumulated since it came; half of the budget is recent tokens, the
// other half the heavy hitters. Zhang et al., "H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large
// Language Models", NeurIPS 2023. Defaults: recent half the budget, one victim a KV head.
//
// Score: the sum of the probabilities a token got, 32 bits, 16 of them after the point. With `recent` 0 this is plain
// accumulation, which keeps the first tokens for ever and evicts the newest.

#include "policy/scored_policy.h"

namespace palimpsest {

class H2oPolicy final : public ScoredPolicy<std::uint32_t> {
  public:
    /// Uses sinks and recent of `config`.
    H2oPolicy(const CacheConfig& config, std::uint32_t slot_count) : ScoredPolicy(config, slot_count) {}
    void observe(const RelevanceRow& row) override { accumulate(row.probabilities, scores()); }
};

}  // namespace palimpsest
