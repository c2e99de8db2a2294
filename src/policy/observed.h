#pragma once
// Policy `observed`: the victim has the least attention a query: what it accumulated over the number of queries that
// could see it, its own included. The "observed attention" of NVIDIA's kvpress. Defaults: nothing protected, one victim
// a KV head.
//
// Means are compared exactly, by cross-multiplication of 32-bit sums and query counts.

#include "policy/scored_policy.h"

namespace palimpsest {

/// Queries that have seen the token at `position` when the last one was `last_query`; a token that none has seen counts
/// as seen once.
inline std::uint32_t queries_seen(std::uint32_t position, std::uint32_t last_query) {
    return last_query >= position ? last_query - position + 1 : 1;
}

/// The slot with the least score a query among the positions in range; of equal ones the oldest.
std::optional<SlotId> least_per_query(std::span<const std::uint32_t> positions, std::span<const std::uint32_t> scores,
                                      std::uint32_t last_query, EvictableRange range);

class ObservedPolicy final : public ScoredPolicy<std::uint32_t> {
  public:
    /// Uses sinks and recent of `config`.
    ObservedPolicy(const CacheConfig& config, std::uint32_t slot_count) : ScoredPolicy(config, slot_count) {}
    void observe(const RelevanceRow& row) override {
        accumulate(row.probabilities, scores());
        last_query_ = row.query.value;
    }
    std::optional<SlotId> victim(TokenPosition newest) const override {
        return least_per_query(slots().occupied(), scores(), last_query_, evictable(newest));
    }

  private:
    std::uint32_t last_query_ = 0;
};

}  // namespace palimpsest
