#pragma once
// Small eviction sets for the tests of the policies: filled, shown rows, and made to evict.

#include <memory>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "policy/eviction_policy.h"

namespace palimpsest {

inline CacheConfig cache(const std::string& policy, std::uint32_t sinks = 0, std::uint32_t recent = 0) {
    CacheConfig config;
    config.policy = policy;
    config.sinks = sinks;
    config.recent = recent;
    return config;
}

/// Puts tokens 0 .. n-1 into slots 0 .. n-1.
inline void fill(EvictionPolicy& policy, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) {
        policy.insert(SlotId(i), TokenPosition(i));
    }
}

/// A set of n slots, full.
inline std::unique_ptr<EvictionPolicy> filled(const CacheConfig& config, std::uint32_t n,
                                              const PolicyContext& context = {}) {
    auto policy = make_policy(config, n, context);
    fill(*policy, n);
    return policy;
}

/// Evicts the victim for the token at `position` and puts that token in its slot; gives the slot.
inline std::uint32_t replace(EvictionPolicy& policy, std::uint32_t position) {
    const SlotId slot = policy.victim(TokenPosition(position)).value();
    policy.remove(slot);
    policy.insert(slot, TokenPosition(position));
    return slot.value;
}

inline void observe(EvictionPolicy& policy, const std::vector<RelevanceSample>& row, std::uint32_t query,
                    const std::vector<float>& logits = {}) {
    policy.observe({row, logits, TokenPosition(query)});
}

}  // namespace palimpsest
