#pragma once
// In which order a policy frees slots when it replays attention rows: what the rows do to the memory system.

#include <memory>

#include "attention/attention_source.h"
#include "config/run_config.h"

namespace palimpsest {

/// Over all sequences, layers and heads, counting the victims after the first `budget` tokens.
struct VictimOrder {
    double sequential = 0;  ///< share of victims in the slot after the previous victim's
    double newest = 0;      ///< share that are the token of the step before
    double age = 0;         ///< mean age of a victim in steps, divided by the budget
};

/// Lets tokens 0 to `length` - 1 of every sequence of `source` come one by one, the first `cache.budget` of them as a
/// prompt, under `cache.policy`; each query head has a cache of its own, or each layer (`cache.scope`).
VictimOrder victim_order(std::unique_ptr<AttentionSource> source, const CacheConfig& cache, std::uint32_t length);

}  // namespace palimpsest
