#pragma once
// Seeded synthetic attention: rows with the sinks, the recency and the lasting heavy hitters of real heads, for any
// shape and length. Plain rows of a generator, not of a model: every report that rests on them says so.
//
// Per head, before softmax:  L[t, j] = b[j] + r(t - j) + e[t, j]
//   b  key bias, one normal number a key; shared in part by the heads of a layer
//   r  recency, piecewise linear in log2(1 + distance)
//   e  two AR(1) processes along t for each key, and white noise
// Sinks have a level of their own in place of b, and white noise in place of e. Each head has its own numbers, those of
// a calibration (config/attention_calibration.h): layers proportional by depth, heads in turn. Where they come from and
// how well the rows resemble recorded ones: docs/synthetic-attention.md.

#include <cstdint>
#include <string>
#include <vector>

#include "attention/attention_source.h"
#include "attention/synthetic_head.h"
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
    /// Every head as the calibration's of its layer.
    SyntheticSource(const AttentionCalibration& calibration, std::uint64_t seed, const SyntheticShape& shape);
    /// All heads alike. Throws InputError for parameters that mean nothing.
    SyntheticSource(const SyntheticAttention& parameters, std::uint64_t seed, const SyntheticShape& shape);

    /// Of the state, for each key of each head.
    static constexpr std::uint64_t kBytesPerKey = 4 * sizeof(float);

    std::uint32_t layers() const override { return shape_.layers; }
    std::uint32_t heads() const override { return shape_.heads; }
    std::uint32_t sequences() const override { return shape_.sequences; }
    std::uint32_t length() const override { return shape_.length; }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override;
    std::string describe() const override;
    bool synthetic() const override { return true; }

    /// Where the second sink of a sequence lies; 0 where none can.
    std::uint32_t second_sink(std::uint32_t sequence) const;

    /// The logits behind `row`, for tests and studies.
    void logits(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                std::span<float> result);

  private:
    /// The keys of a head up to the latest position asked for.
    struct Keys {
        std::vector<float> bias, slow, medium;
        std::vector<float> logit;  ///< bias, residual and nothing else
    };
    SyntheticSource(const AttentionCalibration& calibration, std::string origin, std::uint64_t seed,
                    const SyntheticShape& shape);
    const SyntheticHead& numbers(std::uint32_t layer, std::uint32_t head) const;
    const Keys& advance(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position);
    void lay_sinks(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::span<float> row) const;

    std::string origin_;  ///< of the numbers, for the report
    std::uint64_t seed_;
    SyntheticShape shape_;
    std::uint32_t sink_tokens_;
    std::uint32_t second_sink_within_;
    std::vector<std::vector<SyntheticHead>> numbers_;  ///< by the calibration's layer and head
    std::vector<Keys> keys_;
    std::vector<float> scratch_;
};

}  // namespace palimpsest
