#pragma once
// Policy `oracle`: the victim is the token that all later queries of the text attend to least in sum. No machine can
// know that; the others are measured against it. Defaults: nothing protected, one victim a KV head.
//
// The attention is that of the text under a full cache, averaged over the set's heads (FutureAttention). What is left
// of a token's mass is the total of its column minus the rows of the queries that have come, in fixed point with 40
// fraction bits (rounded down), so that a token with nothing left has exactly nothing. One number a position, whatever
// the slots.
//
// Greedy: each victim is the best at its time, which does not make a sequence of victims the best there is. A token
// that is needed for a few steps more counts as much as one whose mass is spread over the rest of the text.

#include "config/run_config.h"
#include "policy/position_policy.h"

namespace palimpsest {

class OraclePolicy final : public PositionPolicy {
  public:
    /// Uses sinks and recent of `config`. Reads every row of `future` at once, and each once more as its query comes.
    OraclePolicy(const CacheConfig& config, std::uint32_t slot_count, FutureAttention& future);

    void observe(const RelevanceRow& row) override;
    std::optional<SlotId> victim(TokenPosition newest) const override;
    bool uses_scores() const override { return true; }

    /// Attention that the token at `position` gets from queries that have not come yet.
    double mass_left(TokenPosition position) const;

  private:
    void read_row(std::uint32_t query);

    std::uint32_t sinks_;
    std::uint32_t recent_;
    FutureAttention& future_;
    std::uint32_t next_query_ = 0;
    std::vector<std::int64_t> left_;  ///< by position
    std::vector<float> row_;
};

}  // namespace palimpsest
