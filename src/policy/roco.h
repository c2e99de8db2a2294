#pragma once
// Policy `roco`: a token stays while its attention history has a large mean or a large deviation. Ren and Zhu, "On the
// Efficacy of Eviction Policy for Key-Value Constrained Generative Language Model Inference" (arXiv 2402.06262), in the
// form of the authors' program EasyKV: of n residents the round-down of `roco_share` * n with the largest standard
// deviation stay, the recent ones counted among them as if their deviation were infinite; of the others the victim is
// the one with the least mean. Defaults: share 0.3, the last 10 tokens recent, one victim a KV head.
//
// A history has one probability for each query that could see the token, its own included. Of equal deviations the
// younger stays, of equal means the oldest goes. Sinks, where there are any, count as the recent ones do.

#include "policy/scored_policy.h"

namespace palimpsest {

class RocoPolicy final : public ScoredPolicy<std::uint64_t> {
  public:
    /// Uses sinks, recent and roco_share of `config`.
    RocoPolicy(const CacheConfig& config, std::uint32_t slot_count);

    void insert(SlotId slot, TokenPosition position) override;
    void move(SlotId from, SlotId to) override;
    void observe(const RelevanceRow& row) override;
    std::optional<SlotId> victim(TokenPosition newest) const override;

  private:
    struct Candidate {
        std::uint32_t slot, position;
        std::uint64_t sum, queries;
        double variance;
    };

    double share_;
    std::uint32_t last_query_ = 0;
    std::vector<std::uint64_t> squares_;  ///< by slot: sum of squared probabilities; scores hold the sums
    mutable std::vector<Candidate> candidates_;
};

}  // namespace palimpsest
