#include "policy/rce.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kWholeBits = 5;          // 1 + log2(65535) < 17
constexpr std::uint32_t kMostFractionBits = 15;  // more say nothing: a sample has 16 bits

std::uint32_t share_of(std::uint32_t budget, double share) {
    return static_cast<std::uint32_t>(budget * share + 0.5);
}

std::uint32_t checked_bits(const CacheConfig& config) {
    if (config.score_bits < 2 || config.score_bits > 32) {
        throw InputError({}, "cache.score_bits", fmt::format("{}", config.score_bits), "2 to 32");
    }
    return config.score_bits;
}

std::uint64_t decay_period(const CacheConfig& config) {
    if (config.rce_half_life <= 0) {
        return 0;
    }
    const double budget = config.budget;
    return static_cast<std::uint64_t>(std::max(1LL, std::llround(budget * budget * config.rce_half_life)));
}

/// Leaves a token outside the sinks and the window.
std::uint32_t largest_window(const CacheConfig& config) {
    const std::uint32_t wanted = share_of(config.budget, config.rce_most_recent);
    const std::uint32_t others = config.sinks + 1;
    return std::max(config.recent, std::min(wanted, config.budget - std::min(config.budget, others)));
}

}  // namespace

std::uint32_t log_relevance(RelevanceSample sample, std::uint32_t fraction_bits) {
    if (sample == 0) {
        return 0;
    }
    const auto exponent = static_cast<std::uint32_t>(std::bit_width(sample)) - 1;
    const std::uint64_t mantissa = sample - (std::uint64_t{1} << exponent);
    return ((exponent + 1) << fraction_bits) + static_cast<std::uint32_t>((mantissa << fraction_bits) >> exponent);
}

RcePolicy::RcePolicy(const CacheConfig& config, std::uint32_t slots)
    : ScoredPolicy(config, slots),
      score_max_(0xFFFF'FFFFU >> (32 - checked_bits(config))),
      fraction_bits_(std::min(config.score_bits - std::min(config.score_bits, kWholeBits), kMostFractionBits)),
      median_step_(std::max((1U << fraction_bits_) / 4, 1U)),
      decay_period_(decay_period(config)),
      youngest_judged_(config.budget / 8),
      least_window_(config.recent),
      most_window_(largest_window(config)),
      window_(std::clamp(config.budget / 2, least_window_, most_window_)) {}

void RcePolicy::observe(const RelevanceRow& row) {
    const std::uint32_t delta = next_decay();
    adapt_window(row);
    std::uint32_t* const scores_by_slot = scores().data();
    for (std::size_t i = 0; i < row.probabilities.size(); ++i) {
        const std::uint32_t kept = scores_by_slot[i] - std::min(scores_by_slot[i], delta);
        scores_by_slot[i] = std::max(kept, std::min(log_relevance(row.probabilities[i], fraction_bits_), score_max_));
    }
}

std::uint32_t RcePolicy::next_decay() {
    if (decay_period_ == 0) {
        return 0;
    }
    decay_phase_ += std::uint64_t{window_} << fraction_bits_;
    const std::uint64_t steps = decay_phase_ / decay_period_;
    decay_phase_ %= decay_period_;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(steps, score_max_));
}

void RcePolicy::adapt_window(const RelevanceRow& row) {
    const auto positions = slots().occupied();
    // Ages above youngest_judged_ and below window_, counting the query's own as 0; of the sinks none.
    const EvictableRange younger = evictable_positions(sinks(), youngest_judged_ + 1, row.query);
    const EvictableRange outside = evictable_positions(sinks(), window_, row.query);
    std::uint64_t total = 0, foretold = 0;
    std::uint32_t count = 0, above = 0;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        if (!younger.contains(positions[i]) || outside.contains(positions[i])) {
            continue;
        }
        const bool is_above = scores()[i] > median_;
        ++count;
        above += is_above ? 1 : 0;
        total += row.probabilities[i];
        foretold += is_above ? row.probabilities[i] : 0;
    }
    if (count > 0) {
        median_ = 2 * above > count ? median_ + median_step_ : median_ - std::min(median_, median_step_);
    }
    if (total > 0) {
        window_ = 4 * foretold < 3 * total ? std::min(window_ + 1, most_window_) : std::max(window_ - 1, least_window_);
    }
}

std::optional<SlotId> RcePolicy::victim(TokenPosition newest) const {
    return least_scored<std::uint32_t>(slots().occupied(), scores(), evictable_positions(sinks(), window_, newest));
}

}  // namespace palimpsest
