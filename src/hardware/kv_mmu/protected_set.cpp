#include "hardware/kv_mmu/protected_set.h"

#include <algorithm>

#include "policy/registry.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kPositionsInTableWord = 4;

}  // namespace

ProtectedSet::ProtectedSet(const CacheConfig& cache) : ProtectedSet(0, 0) {
    const auto info = std::ranges::find(policies(), cache.policy, &PolicyInfo::name);
    if (info != policies().end()) {  // else a policy of the caller's own
        sinks_ = info->protects_sinks ? cache.sinks : 0;
        recent_ = info->protects_recent ? cache.recent : 0;
    }
}

void ProtectedSet::count(SearchPasses passes, std::uint64_t slots, std::uint64_t resident, std::uint64_t per_word,
                         ActionCounts& counts) const {
    const std::uint64_t in_word = std::min(resident, per_word);
    counts[Action::kv_slot_table_read] += passes.whole * ceil_div(resident, kPositionsInTableWord) +
                                          passes.single_words * ceil_div(in_word, kPositionsInTableWord);
    counts[Action::kv_position_compare] +=
        comparators() * per_word * (passes.whole * ceil_div(slots, per_word) + passes.single_words);
}

}  // namespace palimpsest
