#include "evaluation/managed_cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

std::uint32_t slots_of(const CacheConfig& config, std::uint32_t length) {
    return policy_info(config.policy).evicts ? std::min(config.budget, length) : length;
}

}  // namespace

ManagedCache::ManagedCache(const ModelShape& shape, const CacheConfig& config, std::uint32_t length, std::uint64_t seed,
                           std::span<FutureAttention* const> futures)
    : shape_(shape), index_(shape, config.scope), slots_(slots_of(config, length)), sets_(index_.sets()) {
    for (std::uint32_t i = 0; i < sets_.size(); ++i) {
        Set& set = sets_[i];
        set.policy =
            make_policy(config, slots_, {.seed = seed, .set = i, .future = futures.empty() ? nullptr : futures[i]});
        set.positions.reserve(slots_);
    }
    // A cache that nothing leaves needs no scores.
    uses_scores_ = slots_ < length && sets_.front().policy->uses_scores();
    uses_logits_ = uses_scores_ && sets_.front().policy->uses_logits();
}

void ManagedCache::place(std::uint32_t layer, std::uint32_t position, std::span<std::uint32_t> cells) {
    if (!index_.spans_layers() || layer == 0) {
        for (std::uint32_t i = 0; i < index_.sets_a_layer(); ++i) {
            admit(sets_[index_.first_of(layer) + i], position);
        }
    }
    for (std::uint32_t head = 0; head < cells.size(); ++head) {
        cells[head] = sets_[index_.of(layer, head)].newest_slot;
    }
}

std::span<const std::uint32_t> ManagedCache::residents(std::uint32_t layer, std::uint32_t kv_head) const {
    return sets_[index_.of(layer, kv_head)].positions;
}

void ManagedCache::admit(Set& set, std::uint32_t position) {
    if (set.positions.size() < slots_) {
        set.newest_slot = static_cast<std::uint32_t>(set.positions.size());
        set.positions.push_back(position);
    } else {
        const std::optional<SlotId> victim = set.policy->victim(TokenPosition(position));
        if (!victim || victim->value >= slots_) {
            throw SimulationError(
                fmt::format("no token of {} can be evicted at position {}: all are protected", slots_, position));
        }
        set.policy->remove(*victim);
        set.newest_slot = victim->value;
        set.positions[victim->value] = position;
        ++evictions_;
    }
    set.policy->insert(SlotId(set.newest_slot), TokenPosition(position));
}

void ManagedCache::observe(const AttentionRows& rows) {
    if (!uses_scores_) {
        return;
    }
    const std::uint32_t heads = rows.heads / index_.sets_a_layer();
    const std::size_t values = std::size_t{heads} * rows.columns;
    for (std::uint32_t i = 0; i < index_.sets_a_layer(); ++i) {
        if (!index_.spans_layers() || rows.layer == 0) {
            mean_.begin(rows.columns, uses_logits_);
        }
        mean_.add(rows.probabilities.subspan(i * values, values), rows.logits.subspan(i * values, values), heads);
        if (!index_.spans_layers() || rows.layer + 1 == shape_.layers) {
            sets_[index_.first_of(rows.layer) + i].policy->observe(mean_.row(TokenPosition(rows.position)));
        }
    }
}

}  // namespace palimpsest
