#pragma once
// Policy `snapkv`: the victim has the least attention of the last W queries, pooled over its neighbours. Li et al.,
// "SnapKV: LLM Knows What You are Looking for Before Generation", NeurIPS 2024. Defaults: W = 32, average pooling over
// 5 neighbours, the last 32 tokens protected, one victim a KV head.
//
// Published for the prompt alone: its last W queries choose once what is kept. In a cache of constant size the window
// of observing queries slides along: at each eviction it is the last W queries that choose. At the end of a prompt that
// runs in one shot this is the published choice, one victim after another.
//
// Score: the sum of the probabilities of the last W queries, 0 for those before the token came. Pooled over the
// residents older than the recent window in position order, `kernel` wide and centred, nothing beyond the ends; average
// is the sum (the divisor is the same for all), max the largest.

#include "policy/scored_policy.h"

namespace palimpsest {

class SnapKvPolicy final : public ScoredPolicy<std::uint32_t> {
  public:
    /// Uses sinks, recent, snapkv_window, snapkv_kernel and snapkv_pooling of `config`.
    SnapKvPolicy(const CacheConfig& config, std::uint32_t slot_count);

    void insert(SlotId slot, TokenPosition position) override;
    void remove(SlotId slot) override;
    void move(SlotId from, SlotId to) override;
    void observe(const RelevanceRow& row) override;
    std::optional<SlotId> victim(TokenPosition newest) const override;

  private:
    std::uint32_t window_;
    std::uint32_t reach_;  ///< neighbours on each side
    SnapKvPooling pooling_;
    std::uint32_t next_row_ = 0;
    std::vector<RelevanceSample> history_;    ///< the last `window_` rows, slot by slot within a row
    std::vector<std::uint32_t> by_position_;  ///< occupied slots, the oldest token first
};

}  // namespace palimpsest
