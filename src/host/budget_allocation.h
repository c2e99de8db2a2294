#pragma once
// How many tokens each eviction set may hold where these need not be equally many (cache.allocation "by_attention"):
// the sets that share a budget give it to the entries with the largest attention of all of them together, each set
// keeping a least number. Rule, worked example and source: docs/eviction.md.

#include <cstdint>
#include <span>
#include <vector>

#include "config/run_config.h"
#include "host/attention_feed.h"

namespace palimpsest {

/// Last queries of the prompt whose attention decides.
inline constexpr std::uint32_t kProfiledQueries = 32;

struct AllocationRule {
    std::uint32_t mean = 0;    ///< tokens of a set, on average: the budget
    std::uint32_t least = 0;   ///< of a set; more than are protected, at most `mean`
    std::uint32_t sinks = 0;   ///< positions that every set keeps: the first of the prompt ...
    std::uint32_t recent = 0;  ///< ... and the last
};

/// By set that shares the budget, how many tokens it may hold; they add up to sets * mean. `attention[set][key]` is
/// what the profiled queries gave the prompt's token `key`, of all sets equally long.
std::vector<std::uint32_t> allocate_budget(std::span<const std::span<const std::uint64_t>> attention,
                                           const AllocationRule& rule);

/// The budgets of all (request, layer, KV head), requests outermost and heads innermost, read from `feed`. Sets of
/// different requests share nothing.
std::vector<std::uint32_t> allocate_budgets(const RunConfig& config, AttentionFeed& feed, const AllocationRule& rule);

}  // namespace palimpsest
