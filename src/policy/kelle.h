#pragma once
// Policy `kelle`: the victim has the least sum of attention logits (query times key, before softmax). "Kelle: Co-design
// KV Caching and eDRAM for Efficient LLM Serving in Edge Computing", MICRO 2025 (arXiv 2510.16040). Defaults: the first
// 10 tokens and recent ones of half the budget stay, one victim a KV head.
//
// Logits may be negative: the sum is no measure of mass, and it is what was published.

#include "policy/scored_policy.h"

namespace palimpsest {

class KellePolicy final : public ScoredPolicy<float> {
  public:
    /// Uses sinks and recent of `config`.
    KellePolicy(const CacheConfig& config, std::uint32_t slot_count) : ScoredPolicy(config, slot_count) {}
    void observe(const RelevanceRow& row) override {
        std::vector<float>& sums = scores();
        for (std::size_t i = 0; i < row.logits.size(); ++i) {
            sums[i] += row.logits[i];
        }
    }
    bool uses_logits() const override { return true; }
};

}  // namespace palimpsest
