#pragma once
// The KV cache of one text under one policy, at constant size: the slot tables of all eviction sets and the policies
// that rule them. The same policies that the simulator runs.
//
// For each token: where the set is full, the policy's victim goes; the token takes the victim's slot (else the lowest
// free one); then it attends to all residents, itself included; then the policy observes the row. So a set never holds
// more than its slots, and its slots 0 .. tokens-1 are always the occupied ones.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "config/model_shape.h"
#include "config/run_config.h"
#include "engine/cache_hook.h"
#include "palimpsest/policy.h"
#include "policy/relevance_mean.h"
#include "policy/set_index.h"

namespace palimpsest {

class ManagedCache {
  public:
    /// `futures` is empty or has one entry a set (for the oracle). Sets hold min(config.budget, length) tokens;
    /// policies that never evict hold `length`.
    ManagedCache(const ModelShape& shape, const CacheConfig& config, std::uint32_t length, std::uint64_t seed,
                 std::span<FutureAttention* const> futures = {});

    std::uint32_t slots() const { return slots_; }
    const SetIndex& index() const { return index_; }
    std::uint64_t evictions() const { return evictions_; }

    /// The token at `position` enters the sets of `layer`; `cells` (by KV head) takes its slots. With scope model,
    /// layer 0 decides for all layers: layers must come in order for each token.
    void place(std::uint32_t layer, std::uint32_t position, std::span<std::uint32_t> cells);
    /// Positions of the residents, by slot.
    std::span<const std::uint32_t> residents(std::uint32_t layer, std::uint32_t kv_head) const;
    void observe(const AttentionRows& rows);

  private:
    struct Set {
        std::unique_ptr<EvictionPolicy> policy;
        std::vector<std::uint32_t> positions;  ///< by slot
        std::uint32_t newest_slot = 0;
    };

    void admit(Set& set, std::uint32_t position);

    ModelShape shape_;
    SetIndex index_;
    std::uint32_t slots_;
    bool uses_scores_ = false, uses_logits_ = false;
    std::uint64_t evictions_ = 0;
    std::vector<Set> sets_;
    RelevanceMean mean_;  ///< of the set at hand; with scope model, of the layers that have come
};

}  // namespace palimpsest
