#include "attention/synthetic_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr double kBiasShared = 0.6;  ///< correlation of the key biases of two heads of a layer
constexpr float kSinkNoise = 0.5F;   ///< standard deviation of a sink's logit along t
constexpr std::uint32_t kLeastReach = 8;
// Streams of noise beside those of the heads.
constexpr std::uint32_t kLayerStream = 0xFFFFFFFF;
constexpr std::uint32_t kBiasRow = 0xFFFFFFFF;  ///< in place of a position

/// A bijection whose results look independent (the finaliser of SplitMix64).
std::uint64_t scramble(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

std::uint64_t stream(std::uint64_t seed, std::uint32_t sequence, std::uint32_t layer, std::uint32_t head) {
    return scramble(scramble(scramble(seed) ^ (std::uint64_t{sequence} << 32 | layer)) ^ head);
}

/// Close to a standard normal number (the sum of four uniform ones), a function of its arguments alone.
float normal(std::uint64_t of_stream, std::uint32_t position, std::uint32_t key) {
    const std::uint64_t bits = scramble(of_stream ^ (std::uint64_t{position} << 32 | key));
    const auto sum =
        static_cast<std::int32_t>((bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48));
    constexpr float kDeviation = 37837.2F;  // of the sum: sqrt(4 (2^32 - 1) / 12)
    return static_cast<float>(sum - 2 * 65535) / kDeviation;
}

void check(const SyntheticAttention& c) {
    const auto demand = [](bool holds, const char* member, double value, const char* accepted) {
        if (!holds) {
            throw InputError("attention", member, fmt::format("{}", value), accepted);
        }
    };
    demand(c.key_bias_variance >= 0, "key_bias_variance", c.key_bias_variance, "0 or more");
    demand(c.residual_variance >= 0, "residual_variance", c.residual_variance, "0 or more");
    demand(c.residual_autocorrelation >= 0 && c.residual_autocorrelation <= 1, "residual_autocorrelation",
           c.residual_autocorrelation, "0 to 1");
    demand(std::isfinite(c.sink_z), "sink_z", c.sink_z, "a finite number");
    demand(std::isfinite(c.recency_logit), "recency_logit", c.recency_logit, "a finite number");
}

}  // namespace

SyntheticSource::SyntheticSource(const SyntheticAttention& config, std::uint64_t seed, const SyntheticShape& shape)
    : config_(config), seed_(seed), shape_(shape) {
    check(config_);
    heads_.resize(std::size_t{shape_.sequences} * shape_.layers * shape_.heads);
    const double reach = std::log2(1.0 + std::max(kLeastReach, shape_.length / 2));
    recency_.reserve(shape_.length);
    for (std::uint32_t distance = 0; distance < shape_.length; ++distance) {
        recency_.push_back(
            static_cast<float>(config_.recency_logit * std::max(0.0, 1.0 - std::log2(1.0 + distance) / reach)));
    }
}

SyntheticSource::Head& SyntheticSource::advance(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head,
                                                std::uint32_t position) {
    Head& state = heads_[(std::size_t{sequence} * shape_.layers + layer) * shape_.heads + head];
    if (state.residual.size() > std::size_t{position} + 1) {
        state = {};  // an earlier row: from the start again
    }
    const std::uint64_t own = stream(seed_, sequence, layer, head);
    const std::uint64_t shared = stream(seed_, sequence, layer, kLayerStream);
    const auto bias_shared = static_cast<float>(std::sqrt(config_.key_bias_variance * kBiasShared));
    const auto bias_own = static_cast<float>(std::sqrt(config_.key_bias_variance * (1 - kBiasShared)));
    const double rho = config_.residual_autocorrelation;
    const auto kept = static_cast<float>(rho);
    const auto at_birth = static_cast<float>(std::sqrt(config_.residual_variance));
    const auto innovation = static_cast<float>(std::sqrt(config_.residual_variance * (1 - rho * rho)));
    state.residual.reserve(shape_.length);
    state.bias.reserve(shape_.length);
    while (state.residual.size() <= position) {
        const auto now = static_cast<std::uint32_t>(state.residual.size());
        for (std::uint32_t key = 0; key < now; ++key) {
            state.residual[key] = kept * state.residual[key] + innovation * normal(own, now, key);
        }
        state.residual.push_back(at_birth * normal(own, now, now));
        state.bias.push_back(bias_shared * normal(shared, kBiasRow, now) + bias_own * normal(own, kBiasRow, now));
    }
    return state;
}

void SyntheticSource::logits(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                             std::span<float> result) {
    if (sequence >= shape_.sequences || layer >= shape_.layers || head >= shape_.heads || position >= shape_.length ||
        result.size() != std::size_t{position} + 1) {
        throw SimulationError(
            fmt::format("synthetic attention has no row of {} keys for sequence {}, layer {}, head {}, "
                        "position {}",
                        result.size(), sequence, layer, head, position));
    }
    const Head& state = advance(sequence, layer, head, position);
    for (std::uint32_t key = 0; key <= position; ++key) {
        result[key] = state.bias[key] + state.residual[key] + recency_[position - key];
    }
    const double deviation = std::sqrt(config_.key_bias_variance + config_.residual_variance);
    const auto first_sink = static_cast<float>(config_.sink_z * deviation);
    const std::uint64_t own = stream(seed_, sequence, layer, head);
    for (std::uint32_t key = 0; key < std::min(config_.sink_tokens, position + 1); ++key) {
        result[key] =
            first_sink - (key > 0 ? 1.0F : 0.0F) + kSinkNoise * normal(~own, position, key) + recency_[position - key];
    }
}

void SyntheticSource::row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                          std::span<Probability> row) {
    scratch_.resize(row.size());
    const std::span weights(scratch_);
    logits(sequence, layer, head, position, weights);
    const float highest = *std::ranges::max_element(weights);
    float sum = 0;
    for (float& weight : weights) {
        weight = std::exp(weight - highest);
        sum += weight;
    }
    const float scale = static_cast<float>(kProbabilityOne) / sum;
    std::ranges::transform(weights, row.begin(),
                           [scale](float w) { return static_cast<Probability>(w * scale + 0.5F); });
}

std::string SyntheticSource::describe() const {
    return fmt::format(
        "synthetic attention, seed {}: key bias variance {}, residual variance {} with autocorrelation {}, {} sink "
        "tokens at "
        "{} deviations, recency {} nats over {} sequences of {} tokens",
        seed_, config_.key_bias_variance, config_.residual_variance, config_.residual_autocorrelation,
        config_.sink_tokens, config_.sink_z, config_.recency_logit, shape_.sequences, shape_.length);
}

}  // namespace palimpsest
