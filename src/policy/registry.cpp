#include "policy/registry.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/full.h"
#include "policy/random.h"
#include "policy/rce.h"
#include "policy/streaming_llm.h"
#include "policy/window.h"

namespace palimpsest {
namespace {

using Policy = std::unique_ptr<EvictionPolicy>;

constexpr std::array<std::string_view, 7> kRceParameters{
    "budget", "sinks", "recent", "score_bits", "decay_shift", "normalise_by_age", "scope"};
constexpr std::array<std::string_view, 1> kWindowParameters{"budget"};
constexpr std::array<std::string_view, 2> kStreamingParameters{"budget", "sinks"};
constexpr std::array<std::string_view, 2> kRandomParameters{"budget", "scope"};

const std::array<PolicyInfo, 5> kPolicies{{
    {.name = "full",
     .summary = "keeps every token; the cache grows with the sequence",
     .parameters = {},
     .uses_scores = false,
     .evicts = false,
     .protects_sinks = false,
     .protects_recent = false,
     .make = [](const CacheConfig&, std::uint32_t, const PolicyContext&) -> Policy {
         return std::make_unique<FullPolicy>();
     }},
    {.name = "rce",
     .summary = "runtime cache eviction: drops the token with the least accumulated attention, keeps sinks and recent",
     .parameters = kRceParameters,
     .uses_scores = true,
     .evicts = true,
     .protects_sinks = true,
     .protects_recent = true,
     .make = [](const CacheConfig& config, std::uint32_t slots, const PolicyContext&) -> Policy {
         return std::make_unique<RcePolicy>(config, slots);
     }},
    {.name = "window",
     .summary = "sliding window: drops the oldest token",
     .parameters = kWindowParameters,
     .uses_scores = false,
     .evicts = true,
     .protects_sinks = false,
     .protects_recent = false,
     .make = [](const CacheConfig&, std::uint32_t slots, const PolicyContext&) -> Policy {
         return std::make_unique<WindowPolicy>(slots);
     }},
    {.name = "streaming_llm",
     .summary = "StreamingLLM: keeps the first tokens, drops the oldest of the others",
     .parameters = kStreamingParameters,
     .uses_scores = false,
     .evicts = true,
     .protects_sinks = true,
     .protects_recent = false,
     .make = [](const CacheConfig& config, std::uint32_t slots, const PolicyContext&) -> Policy {
         return std::make_unique<StreamingLlmPolicy>(slots, config.sinks);
     }},
    {.name = "random",
     .summary = "drops any token, seeded by workload.seed; nothing is protected",
     .parameters = kRandomParameters,
     .uses_scores = false,
     .evicts = true,
     .protects_sinks = false,
     .protects_recent = false,
     .make = [](const CacheConfig&, std::uint32_t slots, const PolicyContext& context) -> Policy {
         return std::make_unique<RandomPolicy>(slots, context.seed, context.set);
     }},
}};

}  // namespace

std::span<const PolicyInfo> policies() {
    return kPolicies;
}

const PolicyInfo& policy_info(std::string_view name) {
    const auto found = std::ranges::find(kPolicies, name, &PolicyInfo::name);
    if (found == kPolicies.end()) {
        std::string names;
        for (const PolicyInfo& info : kPolicies) {
            names += names.empty() ? "" : ", ";
            names += info.name;
        }
        throw InputError({}, "cache.policy", fmt::format("\"{}\"", name), "one of " + names);
    }
    return *found;
}

std::uint32_t protected_tokens(const CacheConfig& config) {
    const PolicyInfo& info = policy_info(config.policy);
    const std::uint64_t tokens =
        std::uint64_t{info.protects_sinks ? config.sinks : 0} + (info.protects_recent ? config.recent : 0);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens, std::numeric_limits<std::uint32_t>::max()));
}

std::unique_ptr<EvictionPolicy> make_policy(const CacheConfig& config, std::uint32_t slots,
                                            const PolicyContext& context) {
    return policy_info(config.policy).make(config, slots, context);
}

}  // namespace palimpsest
