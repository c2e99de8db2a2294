#include "policy/voting.h"

#include <cmath>

namespace palimpsest {

VotingPolicy::VotingPolicy(const CacheConfig& config, std::uint32_t slot_count)
    : ScoredPolicy(config, slot_count, kNoVotes), sigma_(config.voting_sigma) {}

void VotingPolicy::observe(const RelevanceRow& row) {
    const std::span<const RelevanceSample> samples = row.probabilities;
    // Free slots hold 0 and add nothing.
    std::uint64_t sum = 0, squares = 0;
    for (const RelevanceSample sample : samples) {
        sum += sample;
        squares += std::uint64_t{sample} * sample;
    }
    const double count = std::max(1U, slots().count());
    const double mean = static_cast<double>(sum) / count;
    const double variance = static_cast<double>(squares) / count - mean * mean;
    const double threshold = mean - sigma_ * std::sqrt(std::max(0.0, variance));
    std::vector<std::uint32_t>& left = scores();
    if (threshold < 0) {
        const EvictableRange unreserved{sinks(), SlotPositions::kFree - sinks()};
        const auto positions = slots().occupied();
        if (const auto least = least_scored(positions, samples, unreserved)) {
            --left[least->value];
        }
        return;
    }
    // A whole number is below the threshold where it is below the next whole number.
    const auto limit = static_cast<RelevanceSample>(std::ceil(threshold));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        left[i] -= samples[i] < limit ? 1 : 0;
    }
}

}  // namespace palimpsest
