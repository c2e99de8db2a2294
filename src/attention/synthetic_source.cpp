#include "attention/synthetic_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/exponential.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

// Streams of noise beside those of the heads.
constexpr std::uint32_t kLayerStream = 0xFFFFFFFF;
constexpr std::uint32_t kSecondSinkStream = 0xFFFFFFFE;
// In place of a position.
constexpr std::uint32_t kBiasRow = 0xFFFFFFFF;
constexpr std::uint32_t kSlowStartRow = 0xFFFFFFFE;
constexpr std::uint32_t kMediumStartRow = 0xFFFFFFFD;

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

/// Three numbers from one hash, whole but for the scale: sums of two, two and four bytes less their means. The white
/// one is close to normal; the other two drive processes whose own sums over time make them so.
struct Innovations {
    static constexpr float kOfTwo = 104.5092F;   ///< standard deviation of slow and medium: sqrt(2 (2^16 - 1) / 12)
    static constexpr float kOfFour = 147.7983F;  ///< of white
    float slow, medium, white;
};

inline Innovations innovations(std::uint64_t of_stream, std::uint32_t position, std::uint32_t key) {
    const std::uint64_t bits = scramble(of_stream ^ (std::uint64_t{position} << 32 | key));
    constexpr std::uint64_t kLanes = 0x00FF00FF00FF00FF;
    const std::uint64_t pairs = (bits & kLanes) + (bits >> 8 & kLanes);  // four sums of two bytes
    const auto sum = [](std::uint64_t lane) { return static_cast<std::int32_t>(lane & 0xFFFF); };
    return {static_cast<float>(sum(pairs) - 255), static_cast<float>(sum(pairs >> 16) - 255),
            static_cast<float>(sum(pairs >> 32) + sum(pairs >> 48) - 510)};
}

}  // namespace

SyntheticSource::SyntheticSource(const AttentionCalibration& calibration, std::string origin, std::uint64_t seed,
                                 const SyntheticShape& shape)
    : origin_(std::move(origin)),
      seed_(seed),
      shape_(shape),
      sink_tokens_(calibration.sink_tokens),
      second_sink_within_(shape.length > 0 ? std::min(calibration.second_sink_within, shape.length - 1) : 0),
      keys_(std::size_t{shape.sequences} * shape.layers * shape.heads) {
    for (std::uint32_t layer = 0; layer < calibration.layers.size(); ++layer) {
        auto& heads = numbers_.emplace_back();
        for (std::uint32_t head = 0; head < calibration.layers[layer].heads.size(); ++head) {
            heads.push_back(synthetic_head(calibration, layer, head));
            heads.back().recency.resize(std::max<std::size_t>(shape.length, 1));
        }
    }
}

SyntheticSource::SyntheticSource(const AttentionCalibration& calibration, std::uint64_t seed,
                                 const SyntheticShape& shape)
    : SyntheticSource(calibration,
                      fmt::format("calibrated as {} ({}), its {} layers taken by depth and its heads in turn",
                                  calibration.name, calibration.source, calibration.layers.size()),
                      seed, shape) {}

SyntheticSource::SyntheticSource(const SyntheticAttention& parameters, std::uint64_t seed, const SyntheticShape& shape)
    : SyntheticSource(
          calibration_of(parameters, shape.length),
          fmt::format("key bias variance {}, residual variance {} with autocorrelation {}, {} sink tokens at {} "
                      "deviations, recency {} nats",
                      parameters.key_bias_variance, parameters.residual_variance, parameters.residual_autocorrelation,
                      parameters.sink_tokens, parameters.sink_z, parameters.recency_logit),
          seed, shape) {}

const SyntheticHead& SyntheticSource::numbers(std::uint32_t layer, std::uint32_t head) const {
    const auto& heads = numbers_[std::size_t{layer} * numbers_.size() / shape_.layers];
    return heads[head % heads.size()];
}

const SyntheticSource::Keys& SyntheticSource::advance(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head,
                                                      std::uint32_t position) {
    Keys& keys = keys_[(std::size_t{sequence} * shape_.layers + layer) * shape_.heads + head];
    if (keys.logit.size() > std::size_t{position} + 1) {
        keys = {};  // an earlier row: from the start again
    }
    const SyntheticHead& n = numbers(layer, head);
    const std::uint64_t own = stream(seed_, sequence, layer, head);
    const std::uint64_t shared = stream(seed_, sequence, layer, kLayerStream);
    for (std::vector<float>* values : {&keys.bias, &keys.slow, &keys.medium, &keys.logit}) {
        values->reserve(shape_.length);
    }
    const float slow_kept = n.slow_kept, slow_step = n.slow_step / Innovations::kOfTwo;
    const float medium_kept = n.medium_kept, medium_step = n.medium_step / Innovations::kOfTwo;
    const float white = n.white / Innovations::kOfFour;
    while (keys.logit.size() <= position) {
        const auto now = static_cast<std::uint32_t>(keys.logit.size());
        const float* const bias = keys.bias.data();
        float* const slow = keys.slow.data();
        float* const medium = keys.medium.data();
        float* const logit = keys.logit.data();
        for (std::uint32_t key = 0; key < now; ++key) {
            const Innovations noise = innovations(own, now, key);
            slow[key] = slow_kept * slow[key] + slow_step * noise.slow;
            medium[key] = medium_kept * medium[key] + medium_step * noise.medium;
            logit[key] = bias[key] + slow[key] + medium[key] + white * noise.white;
        }
        keys.bias.push_back(n.bias_shared * normal(shared, kBiasRow, now) + n.bias_own * normal(own, kBiasRow, now));
        keys.slow.push_back(n.slow_start * normal(own, kSlowStartRow, now));
        keys.medium.push_back(n.medium_start * normal(own, kMediumStartRow, now));
        keys.logit.push_back(keys.bias.back() + keys.slow.back() + keys.medium.back() +
                             n.white * normal(own, now, now));
    }
    return keys;
}

std::uint32_t SyntheticSource::second_sink(std::uint32_t sequence) const {
    // Of the text, so the same in all layers and heads.
    const std::uint64_t bits = stream(seed_, sequence, kSecondSinkStream, 0);
    return second_sink_within_ > 0 ? 1 + static_cast<std::uint32_t>(bits % second_sink_within_) : 0;
}

void SyntheticSource::lay_sinks(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head,
                                std::span<float> row) const {
    const SyntheticHead& n = numbers(layer, head);
    const auto position = static_cast<std::uint32_t>(row.size() - 1);
    const std::uint64_t noise = ~stream(seed_, sequence, layer, head);
    const auto lay = [&](std::uint32_t key, float level) {
        if (key <= position) {
            row[key] = level + n.sink_deviation * normal(noise, position, key) + n.recency[position - key];
        }
    };
    if (n.second_sink && second_sink_within_ > 0) {
        lay(second_sink(sequence), n.second_sink_level);
    }
    for (std::uint32_t key = 0; key < sink_tokens_; ++key) {
        lay(key, n.sink_level - (key > 0 ? 1.0F : 0.0F));
    }
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
    const std::vector<float>& keys = advance(sequence, layer, head, position).logit;
    const std::vector<float>& recency = numbers(layer, head).recency;
    for (std::uint32_t key = 0; key <= position; ++key) {
        result[key] = keys[key] + recency[position - key];
    }
    lay_sinks(sequence, layer, head, result);
}

void SyntheticSource::row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                          std::span<Probability> row) {
    scratch_.resize(row.size());
    const std::span weights(scratch_);
    logits(sequence, layer, head, position, weights);
    const float highest = *std::ranges::max_element(weights);
    float sum = 0;
    for (float& weight : weights) {
        weight = exponential(weight - highest);
        sum += weight;
    }
    const float scale = static_cast<float>(kProbabilityOne) / sum;
    std::ranges::transform(weights, row.begin(),
                           [scale](float w) { return static_cast<Probability>(w * scale + 0.5F); });
}

std::string SyntheticSource::describe() const {
    return fmt::format("Synthetic attention, an estimate, seed {}: {}; {} sequences of {} tokens", seed_, origin_,
                       shape_.sequences, shape_.length);
}

}  // namespace palimpsest
