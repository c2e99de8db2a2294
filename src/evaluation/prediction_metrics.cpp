#include "evaluation/prediction_metrics.h"

#include <algorithm>
#include <cmath>

#include "engine/exponential.h"

namespace palimpsest {
namespace {

struct LogSum {
    std::size_t best = 0;
    double sum = 0;  ///< of exp(logit - logits[best])
    double log_sum = 0;
};

/// Several partial sums: fixed order, and compilers may take them side by side.
template <class Term>
double sum_terms(std::size_t n, Term term) {
    constexpr std::size_t kLanes = 8;
    double lanes[kLanes] = {};
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            lanes[lane] += term(i + lane);
        }
    }
    for (; i < n; ++i) {
        lanes[0] += term(i);
    }
    double sum = 0;
    for (const double lane : lanes) {
        sum += lane;
    }
    return sum;
}

LogSum log_sum(std::span<const float> logits, std::vector<float>& weights) {
    LogSum result;
    result.best = static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
    const float highest = logits[result.best];
    weights.resize(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
        weights[i] = exponential(logits[i] - highest);
    }
    result.sum = sum_terms(weights.size(), [&](std::size_t i) { return double{weights[i]}; });
    result.log_sum = highest + std::log(result.sum);
    return result;
}

}  // namespace

PredictionMetrics& PredictionMetrics::operator+=(const PredictionMetrics& other) {
    tokens += other.tokens;
    loss += other.loss;
    divergence += other.divergence;
    agreements += other.agreements;
    return *this;
}

double PredictionMetrics::perplexity() const {
    return std::exp(mean_loss());
}

void ReferencePrediction::set(std::span<const float> logits) {
    logits_ = logits;
    const LogSum sums = log_sum(logits, weights_);
    best_ = sums.best;
    weight_sum_ = sums.sum;
    log_sum_ = sums.log_sum;
}

void ReferencePrediction::score_self(std::uint32_t next, PredictionMetrics& metrics) const {
    ++metrics.tokens;
    ++metrics.agreements;
    metrics.loss += log_sum_ - logits_[next];
}

void ReferencePrediction::score(std::span<const float> logits, std::uint32_t next, PredictionMetrics& metrics) {
    const LogSum sums = log_sum(logits, scratch_);
    ++metrics.tokens;
    metrics.agreements += sums.best == best_ ? 1 : 0;
    metrics.loss += sums.log_sum - logits[next];
    // sum of p (ln p - ln q), p the reference: its mean difference of logits, less that of the normalisers.
    const double mean_difference =
        sum_terms(logits.size(), [&](std::size_t i) { return double{weights_[i]} * (logits_[i] - logits[i]); }) /
        weight_sum_;
    metrics.divergence += std::max(0.0, mean_difference - (log_sum_ - sums.log_sum));
}

}  // namespace palimpsest
