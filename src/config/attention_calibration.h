#pragma once
// What the synthetic attention of a model is made to look like: numbers measured on a recorded trace, head by head.
// One JSON file a model (configs/attention/); `palimpsest inspect TRACE --calibrate FILE` writes it. How each number is
// measured, and what rows are made of them: docs/synthetic-attention.md.

#include <cstdint>
#include <string>
#include <vector>

namespace palimpsest {

/// One query head. Logits are natural logarithms of attention, up to what a row's normalisation adds.
struct HeadCalibration {
    double key_bias_variance = 0;  ///< logit^2: what a key keeps as long as the recording lasts
    double residual_variance = 0;  ///< logit^2: what changes from query to query
    double ac1 = 0;                ///< autocorrelation of the residual from one query to the next
    double ac4 = 0;                ///< over 4 queries
    double ac16 = 0;               ///< over 16 queries
    double sink_z = 0;             ///< (logit of position 0 - level of the row) / deviation of the other keys
    double sink_deviation = 0;     ///< of position 0's logit along the queries, logit
    double second_sink_z = 0;      ///< as sink_z, of the layer's second sink; unused where the layer has none
    std::vector<double> recency;   ///< logit over the level of the row, at the calibration's distances
};

struct LayerCalibration {
    double key_bias_correlation = 0;  ///< of the key biases of two heads of the layer
    bool second_sink = false;         ///< a key other than position 0 that draws most heads
    std::vector<HeadCalibration> heads;
};

struct AttentionCalibration {
    std::string name;
    std::string source;             ///< what it was measured on, and how
    std::uint32_t length = 0;       ///< positions a text was recorded over
    std::uint32_t sink_tokens = 1;  ///< first positions that are sinks; all but position 0 one nat below it
    /// Correlation of the slowest part of the residual from one query to the next.
    double slow_correlation = 0;
    /// The second sink lies at one of the first `second_sink_within` positions, the same in every layer.
    std::uint32_t second_sink_within = 0;
    std::vector<std::uint32_t> recency_distances;  ///< from 0, rising; the level of the row is reached at the last
    std::vector<LayerCalibration> layers;
};

}  // namespace palimpsest
