#pragma once
// The table of the policies that ship: what each is, what it reads of the configuration, what it protects.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "config/run_config.h"
#include "palimpsest/policy.h"

namespace palimpsest {

struct PolicyInfo {
    std::string_view name;
    std::string_view summary;                      ///< one line
    std::span<const std::string_view> parameters;  ///< keys under `cache` that it reads besides `policy`
    bool uses_scores;                              ///< reads attention rows
    bool evicts;                                   ///< false: holds every token and ignores the budget
    bool reads_future;                             ///< its PolicyContext must have a `future`
    bool protects_sinks;                           ///< never evicts the first `sinks` positions
    bool protects_recent;                          ///< never evicts the last `recent` positions
    std::unique_ptr<EvictionPolicy> (*make)(const CacheConfig& config, std::uint32_t slots,
                                            const PolicyContext& context);
};

/// All of them, in the order they are listed to users.
std::span<const PolicyInfo> policies();
/// The one of that name; throws InputError at `cache.policy` naming those there are.
const PolicyInfo& policy_info(std::string_view name);
/// Tokens that `config.policy` never evicts; a budget must be larger.
std::uint32_t protected_tokens(const CacheConfig& config);

}  // namespace palimpsest
