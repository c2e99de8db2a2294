#pragma once
// The numbers that one synthetic head runs on, from its calibration.

#include <cstdint>
#include <vector>

#include "config/attention_calibration.h"
#include "config/run_config.h"

namespace palimpsest {

/// The residual as the sum of two AR(1) processes along the queries and white noise: shares of its variance.
struct ResidualParts {
    double slow = 0;    ///< of the calibration's slow_correlation
    double medium = 0;  ///< of `medium_correlation`
    double medium_correlation = 0;
    double white = 0;
};

/// Parts whose sum has the head's autocorrelations at 1, 4 and 16, as nearly as shares between 0 and 1 can: over 16
/// queries only the slow part is left, and what it leaves of the others decides the medium one.
ResidualParts split_residual(const HeadCalibration& head, double slow_correlation);

/// Standard deviations and levels in logit; the noise that they scale has variance one.
struct SyntheticHead {
    float bias_shared = 0, bias_own = 0;
    float slow_kept = 0, slow_step = 0, slow_start = 0;
    float medium_kept = 0, medium_step = 0, medium_start = 0;
    float white = 0;
    float sink_level = 0, second_sink_level = 0, sink_deviation = 0;
    bool second_sink = false;
    std::vector<float> recency;  ///< by distance; 0 beyond
};

/// Recency at every distance below the last one listed, linear in log2(1 + distance) between those listed.
std::vector<double> recency_by_distance(const std::vector<std::uint32_t>& distances, const std::vector<double>& lifts);

SyntheticHead synthetic_head(const AttentionCalibration& calibration, std::uint32_t layer, std::uint32_t head);

/// One layer of one head with the statistics that the parameters say, for a text of `length` positions. Throws
/// InputError for parameters that mean nothing.
AttentionCalibration calibration_of(const SyntheticAttention& parameters, std::uint32_t length);

}  // namespace palimpsest
