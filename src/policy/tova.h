#pragma once
// Policy `tova`: the victim is the token that the last query attended to least. Oren et al., "Transformers are
// Multi-State RNNs", EMNLP 2024 (TOVA). Defaults: nothing protected, one victim a layer, the mean over its heads.

#include "policy/scored_policy.h"

namespace palimpsest {

class TovaPolicy final : public ScoredPolicy<RelevanceSample> {
  public:
    /// Uses sinks and recent of `config`.
    TovaPolicy(const CacheConfig& config, std::uint32_t slot_count) : ScoredPolicy(config, slot_count) {}
    void observe(const RelevanceRow& row) override { std::ranges::copy(row.probabilities, scores().begin()); }
};

}  // namespace palimpsest
