#pragma once
// Policy `voting`: every query votes against the tokens it attends to little; the victim has the most votes. "VEDA:
// Efficient LLM Generation Through Voting-based KV Cache Eviction and Dataflow-flexible Accelerator", DAC 2025 (arXiv
// 2507.00797). Defaults: the first 32 tokens are reserved, one victim a layer, a = 0.2.
//
// With the mean and the standard deviation of the row over the residents (population, all residents counted):
// threshold = mean - a * deviation. A token whose probability is below the threshold gets a vote. Where the threshold
// is negative, the one unreserved token with the least probability gets it, of equal ones the oldest.

#include "policy/scored_policy.h"

namespace palimpsest {

class VotingPolicy final : public ScoredPolicy<std::uint32_t> {
  public:
    /// Uses sinks, recent and voting_sigma of `config`.
    VotingPolicy(const CacheConfig& config, std::uint32_t slot_count);
    void observe(const RelevanceRow& row) override;

    std::uint32_t votes(SlotId slot) const { return kNoVotes - scores()[slot.value]; }

  private:
    /// Scores count down, so that the most voted token is the least.
    static constexpr std::uint32_t kNoVotes = 0xFFFF'FFFE;

    double sigma_;
};

}  // namespace palimpsest
