#include "attention/synthetic_head.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr double kFastestSlow = 0.97;     ///< a medium part slower than this is no medium part
constexpr double kBiasCorrelation = 0.6;  ///< of the key biases of two heads, where no calibration says
constexpr double kSinkDeviation = 0.5;    ///< where no calibration says
constexpr std::uint32_t kLeastReach = 8;  ///< of recency, where no calibration says

float deviation(double variance) {
    return static_cast<float>(std::sqrt(std::max(0.0, variance)));
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

ResidualParts split_residual(const HeadCalibration& head, double slow_correlation) {
    ResidualParts parts;
    const double slow_at_16 = std::pow(slow_correlation, 16);
    parts.slow = slow_at_16 > 0 ? std::clamp(head.ac16 / slow_at_16, 0.0, 1.0) : 0.0;
    const double left_at_1 = head.ac1 - parts.slow * slow_correlation;
    const double left_at_4 = head.ac4 - parts.slow * std::pow(slow_correlation, 4);
    const double share = 1 - parts.slow;
    if (left_at_1 > 0 && share > 0) {
        const double wanted = left_at_4 > 0 ? std::cbrt(left_at_4 / left_at_1) : 0.0;
        // The medium part may take no more than what the slow one leaves.
        parts.medium_correlation = std::min(std::max(wanted, left_at_1 / share), kFastestSlow);
        parts.medium = std::min(left_at_1 / parts.medium_correlation, share);
    }
    parts.white = std::max(0.0, share - parts.medium);
    return parts;
}

std::vector<double> recency_by_distance(const std::vector<std::uint32_t>& distances, const std::vector<double>& lifts) {
    std::vector<double> result;
    result.reserve(distances.back());
    for (std::size_t i = 0; i + 1 < distances.size(); ++i) {
        const double from = std::log2(1.0 + distances[i]);
        const double to = std::log2(1.0 + distances[i + 1]);
        for (std::uint32_t distance = distances[i]; distance < distances[i + 1]; ++distance) {
            const double part = (std::log2(1.0 + distance) - from) / (to - from);
            result.push_back(lifts[i] + part * (lifts[i + 1] - lifts[i]));
        }
    }
    return result;
}

SyntheticHead synthetic_head(const AttentionCalibration& calibration, std::uint32_t layer, std::uint32_t head) {
    const LayerCalibration& of_layer = calibration.layers[layer];
    const HeadCalibration& from = of_layer.heads[head];
    const ResidualParts parts = split_residual(from, calibration.slow_correlation);
    const double vr = from.residual_variance;
    const auto step = [vr](double share, double correlation) {
        return deviation(vr * share * (1 - correlation * correlation));
    };
    SyntheticHead made;
    made.bias_shared = deviation(from.key_bias_variance * of_layer.key_bias_correlation);
    made.bias_own = deviation(from.key_bias_variance * (1 - of_layer.key_bias_correlation));
    made.slow_kept = static_cast<float>(calibration.slow_correlation);
    made.slow_step = step(parts.slow, calibration.slow_correlation);
    made.slow_start = deviation(vr * parts.slow);
    made.medium_kept = static_cast<float>(parts.medium_correlation);
    made.medium_step = step(parts.medium, parts.medium_correlation);
    made.medium_start = deviation(vr * parts.medium);
    made.white = deviation(vr * parts.white);
    const double of_a_key = std::sqrt(from.key_bias_variance + vr);
    made.sink_level = static_cast<float>(from.sink_z * of_a_key);
    made.second_sink_level = static_cast<float>(from.second_sink_z * of_a_key);
    made.sink_deviation = static_cast<float>(from.sink_deviation);
    made.second_sink = of_layer.second_sink;
    const std::vector<double> recency = recency_by_distance(calibration.recency_distances, from.recency);
    made.recency.assign(recency.begin(), recency.end());
    return made;
}

AttentionCalibration calibration_of(const SyntheticAttention& parameters, std::uint32_t length) {
    check(parameters);
    const double rho = parameters.residual_autocorrelation;
    HeadCalibration head;
    head.key_bias_variance = parameters.key_bias_variance;
    head.residual_variance = parameters.residual_variance;
    head.ac1 = rho;
    head.ac4 = std::pow(rho, 4);
    head.ac16 = std::pow(rho, 16);
    head.sink_z = parameters.sink_z;
    head.sink_deviation = kSinkDeviation;
    head.recency = {parameters.recency_logit, 0};
    AttentionCalibration calibration;
    calibration.length = length;
    calibration.sink_tokens = parameters.sink_tokens;
    calibration.slow_correlation = rho;
    calibration.recency_distances = {0, std::max(kLeastReach, length / 2)};
    calibration.layers.push_back({.key_bias_correlation = kBiasCorrelation, .second_sink = false, .heads = {head}});
    return calibration;
}

}  // namespace palimpsest
