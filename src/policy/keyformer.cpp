#include "policy/keyformer.h"

#include <cmath>

#include "policy/hash.h"

namespace palimpsest {

KeyformerPolicy::KeyformerPolicy(const CacheConfig& config, std::uint32_t slot_count, std::uint64_t seed)
    : ScoredPolicy(config, slot_count),
      seed_(seed),
      budget_(config.budget),
      tau_init_(config.keyformer_tau_init),
      tau_end_(config.keyformer_tau_end),
      tau_tokens_(std::max(1U, config.keyformer_tau_tokens)),
      noise_(slot_count, 0) {}

double KeyformerPolicy::gumbel_noise(std::uint64_t seed, TokenPosition position) {
    constexpr int kMantissaBits = 53;
    const std::uint64_t drawn = split_mix_key(seed, position.value) >> (64 - kMantissaBits);
    const double uniform = std::ldexp(static_cast<double>(drawn) + 0.5, -kMantissaBits);
    return -std::log(-std::log(uniform));
}

double KeyformerPolicy::temperature(TokenPosition query) const {
    const std::uint32_t past = query.value < budget_ ? 0 : query.value - budget_ + 1;
    return tau_init_ + (tau_end_ - tau_init_) * std::min(past, tau_tokens_) / tau_tokens_;
}

void KeyformerPolicy::insert(SlotId slot, TokenPosition position) {
    ScoredPolicy::insert(slot, position);
    noise_[slot.value] = gumbel_noise(seed_, position);
}

void KeyformerPolicy::move(SlotId from, SlotId to) {
    ScoredPolicy::move(from, to);
    noise_[to.value] = noise_[from.value];
}

void KeyformerPolicy::observe(const RelevanceRow& row) {
    const auto positions = slots().occupied();
    const double scale = 1 / temperature(row.query);
    weights_.resize(positions.size());
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const bool resident = positions[i] != SlotPositions::kFree;
        weights_[i] = resident ? (row.logits[i] + noise_[i]) * scale : -std::numeric_limits<double>::infinity();
        most = std::max(most, weights_[i]);
    }
    double total = 0;
    for (double& weight : weights_) {
        weight = std::exp(weight - most);
        total += weight;
    }
    std::vector<double>& sums = scores();
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        sums[i] += weights_[i] / total;
    }
}

}  // namespace palimpsest
