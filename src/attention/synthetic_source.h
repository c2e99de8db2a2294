#pragma once
// Seeded synthetic attention: rows with the sinks, the recency and the lasting heavy hitters of real heads, for any
// shape and length. Plain rows of a generator, not of a model: every report that rests on them says so.
//
// Per head, before softmax:  L[t, j] = b[j] + r(t - j) + e[t, j]
//   b  key bias, one normal number a key of variance `key_bias_variance`; shared in part (correlation 0.6) by the heads
//   of a layer r  `recency_logit` at distance 0, falling linearly in log2(1 + distance) to 0 at half of `length` (at
//   least 8) e  AR(1) along t for each key, variance `residual_variance`, autocorrelation `residual_autocorrelation`
// The first `sink_tokens` keys have `sink_z` standard deviations (of b + e) in place of b, all but the first one nat
// less, and white noise of deviation 0.5 in place of e.

#include <cstdint>
#include <string>
#include <vector>

#include "attention/attention_source.h"
#include "config/run_config.h"

namespace palimpsest {

struct SyntheticShape {
    std::uint32_t layers = 1;
    std::uint32_t heads = 1;  ///< query heads a layer
    std::uint32_t sequences = 1;
    std::uint32_t length = 1;  ///< positions
};

/// Noise is a hash of (seed, sequence, layer, head, position, key), so a row is the same in whatever order rows are
/// asked for. In position order a row costs its length; going back costs the rows before it once more.
class SyntheticSource final : public AttentionSource {
  public:
    SyntheticSource(const SyntheticAttention& config, std::uint64_t seed, const SyntheticShape& shape);

    std::uint32_t layers() const override { return shape_.layers; }
    std::uint32_t heads() const override { return shape_.heads; }
    std::uint32_t sequences() const override { return shape_.sequences; }
    std::uint32_t length() const override { return shape_.length; }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override;
    std::string describe() const override;
    bool synthetic() const override { return true; }

    /// The logits behind `row`, for tests and studies.
    void logits(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                std::span<float> result);

  private:
    struct Head {
        std::vector<float> bias;      ///< by key, up to the latest position
        std::vector<float> residual;  ///< by key, at the latest position
    };
    Head& advance(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position);

    SyntheticAttention config_;
    std::uint64_t seed_;
    SyntheticShape shape_;
    std::vector<float> recency_;  ///< by distance
    std::vector<Head> heads_;
    std::vector<float> scratch_;
};

}  // namespace palimpsest
