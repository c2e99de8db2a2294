#include "policy/accumulated.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"
#include "policy/observed.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kSampleFractionBits = 16;

std::uint32_t checked(const char* key, std::uint32_t value, std::uint32_t low, std::uint32_t high) {
    if (value < low || value > high) {
        throw InputError({}, key, fmt::format("{}", value), fmt::format("{} to {}", low, high));
    }
    return value;
}

std::uint32_t shift_to_score(std::uint32_t score_bits) {
    const std::uint32_t lossless_bits = kSampleFractionBits + AccumulatedPolicy::kScoreWholeBits;
    return score_bits < lossless_bits ? lossless_bits - score_bits : 0;
}

}  // namespace

AccumulatedPolicy::AccumulatedPolicy(const CacheConfig& config, std::uint32_t slots)
    : PositionPolicy(slots),
      sinks_(config.sinks),
      recent_(config.recent),
      score_max_(0xFFFF'FFFFU >> (32 - checked("cache.score_bits", config.score_bits, 1, 32))),
      sample_shift_(shift_to_score(config.score_bits)),
      decay_shift_(checked("cache.decay_shift", config.decay_shift, 0, 31)),
      decay_mask_(config.decay_shift > 0 ? 0xFFFF'FFFFU : 0),
      by_age_(config.normalise_by_age),
      scores_(slots, 0) {}

void AccumulatedPolicy::insert(SlotId slot, TokenPosition position) {
    PositionPolicy::insert(slot, position);
    scores_[slot.value] = 0;
}

void AccumulatedPolicy::remove(SlotId slot) {
    PositionPolicy::remove(slot);
    scores_[slot.value] = 0;
}

void AccumulatedPolicy::move(SlotId from, SlotId to) {
    PositionPolicy::move(from, to);
    scores_[to.value] = scores_[from.value];
    scores_[from.value] = 0;
}

void AccumulatedPolicy::observe(const RelevanceRow& row) {
    last_query_ = row.query.value;
    // Locals, and no branch on the data, so that the compiler may take several slots at once.
    const std::uint32_t half_step = sample_shift_ > 0 ? 1U << (sample_shift_ - 1) : 0;
    const std::uint32_t sample_shift = sample_shift_, decay_shift = decay_shift_, decay_mask = decay_mask_;
    const std::uint32_t score_max = score_max_;
    std::uint32_t* const scores = scores_.data();
    const RelevanceSample* const samples = row.probabilities.data();
    const std::size_t n = row.probabilities.size();
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t kept = scores[i] - ((scores[i] >> decay_shift) & decay_mask);
        scores[i] = kept + std::min((samples[i] + half_step) >> sample_shift, score_max - kept);
    }
}

std::optional<SlotId> AccumulatedPolicy::victim(TokenPosition newest) const {
    const EvictableRange range = evictable_positions(sinks_, recent_, newest);
    const auto positions = slots().occupied();
    return by_age_ ? least_per_query(positions, scores_, last_query_, range)
                   : least_scored<std::uint32_t>(positions, scores_, range);
}

}  // namespace palimpsest
