#pragma once
// What each eviction policy protects and how far one victim reaches where the configuration does not say: as published,
// scaled down where the budget is small.

#include <cstdint>
#include <span>
#include <string_view>

#include "config/run_config.h"

namespace palimpsest {

struct PolicyDefaults {
    std::string_view policy;
    bool protects_sinks = false;   ///< never evicts the first `cache.sinks` positions
    bool protects_recent = false;  ///< never evicts the last `cache.recent` positions
    std::uint32_t sinks = 0;
    std::uint32_t recent = 0;
    double recent_share = 0;  ///< of the budget, rounded down; where 0, `recent` holds
    std::uint32_t score_bits = 16;
    EvictionScope scope = EvictionScope::head;
    std::string_view source = "";  ///< of these figures
};

/// One a policy that ships.
std::span<const PolicyDefaults> all_policy_defaults();
/// Null for a policy that does not ship.
const PolicyDefaults* find_policy_defaults(std::string_view policy);

/// Sets sinks, recent, score_bits and scope of `cache` to the defaults of `cache.policy` for `cache.budget`: sinks at
/// most a quarter of the budget, recent tokens at most half. Those of snapkv are `cache.snapkv_window`. Does nothing
/// for a policy that does not ship.
void apply_policy_defaults(CacheConfig& cache);

}  // namespace palimpsest
