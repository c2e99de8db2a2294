#include "attention/head_measurement.h"

#include <algorithm>
#include <cmath>

#include "attention/probability_code.h"
#include "attention/synthetic_head.h"

namespace palimpsest {
namespace {

/// A coded 0 is a probability below this (half of the smallest that has a code).
constexpr double kLeastRecorded = 0.25 / (kProbabilityCodeSteps * kProbabilityCodeSteps);
/// How far below, in logit, on average: for the far tail of a normal distribution about 0.6.
constexpr double kBelowLeast = 0.6;
constexpr std::size_t kPersistenceStride = 4;
constexpr std::uint32_t kFits = 4;  ///< of row levels and recency in turn

/// A coded 0 stands for something below the least that has a code.
double logit_of(Probability p) {
    static const double kBelow = std::log(kLeastRecorded) - kBelowLeast;
    return p > 0 ? std::log(static_cast<double>(p) / kProbabilityOne) : kBelow;
}

}  // namespace

std::vector<std::size_t> nearest_distances(const std::vector<std::uint32_t>& calibrated, std::uint32_t length) {
    std::vector<std::size_t> nearest(length);
    for (std::uint32_t distance = 0; distance < length; ++distance) {
        const auto far = [&](std::uint32_t of) { return std::abs(std::log2(1.0 + distance) - std::log2(1.0 + of)); };
        const auto best = std::ranges::min_element(calibrated, {}, far);
        nearest[distance] = static_cast<std::size_t>(best - calibrated.begin());
    }
    return nearest;
}

HeadMasses measure_masses(AttentionSource& source, std::uint32_t layer, std::uint32_t head,
                          const CalibrationFrame& frame) {
    std::vector<std::vector<Probability>> rows(frame.positions.last - frame.positions.first);
    PersistenceStatistics persistence;
    RunningMean entropy, sink, second_sink;
    std::vector<RunningMean> by_distance(frame.distances.size());
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        for (std::uint32_t query = frame.positions.first; query < frame.positions.last; ++query) {
            std::vector<Probability>& row = rows[query - frame.positions.first];
            row.resize(std::size_t{query} + 1);
            source.row(sequence, layer, head, query, row);
            double of_row = 0;
            for (std::uint32_t key = 0; key <= query; ++key) {
                const double p = static_cast<double>(row[key]) / kProbabilityOne;
                of_row -= p > 0 ? p * std::log(p) : 0.0;
                if (frame.ordinary(sequence, key)) {
                    by_distance[frame.nearest[query - key]].add(p);
                } else {
                    (key == 0 ? sink : second_sink).add(p);
                }
            }
            entropy.add(of_row);
        }
        persistence += persistence_of(rows, kPersistenceStride);
    }
    HeadMasses masses{entropy.value(), sink.value(), second_sink.value(), {}, persistence / source.sequences()};
    std::ranges::transform(by_distance, std::back_inserter(masses.by_distance), &RunningMean::value);
    return masses;
}

HeadLogits::HeadLogits(AttentionSource& source, std::uint32_t layer, std::uint32_t head, const CalibrationFrame& frame)
    : frame_(frame) {
    std::vector<Probability> row;
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        QueryLogits& logits = sequences_.emplace_back(frame.positions);
        for (std::uint32_t query = frame.positions.first; query < frame.positions.last; ++query) {
            row.resize(std::size_t{query} + 1);
            source.row(sequence, layer, head, query, row);
            for (std::uint32_t key = 0; key <= query; ++key) {
                logits.at(query, key) = static_cast<float>(logit_of(row[key]));
            }
        }
    }
    recency_.resize(frame.distances.size());
    lift_.resize(frame.positions.last);
    for (std::uint32_t i = 0; i < kFits; ++i) {
        fit();
    }
    subtract();
}

HeadLogits::Sink HeadLogits::sink(bool second) const {
    RunningMean mean, square;
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
        const std::uint32_t key = second ? frame_.second_sinks[s] : 0;
        for (std::uint32_t query = std::max(frame_.positions.first, key); query < frame_.positions.last; ++query) {
            const double logit = sequences_[s].at(query, key);
            mean.add(logit);
            square.add(logit * logit);
        }
    }
    return {mean.value(), std::sqrt(std::max(0.0, square.value() - mean.value() * mean.value()))};
}

double HeadLogits::level(std::size_t sequence, std::uint32_t query) const {
    RunningMean mean;
    for (std::uint32_t key = 0; key <= query; ++key) {
        if (frame_.ordinary(sequence, key)) {
            mean.add(sequences_[sequence].at(query, key) - lift_[query - key]);
        }
    }
    return mean.value();
}

/// The level of each row given the recency, then the recency given the levels.
void HeadLogits::fit() {
    std::vector<RunningMean> lifts(frame_.distances.size());
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
        for (std::uint32_t query = frame_.positions.first; query < frame_.positions.last; ++query) {
            const double of_row = level(s, query);
            for (std::uint32_t key = 0; key <= query; ++key) {
                if (frame_.ordinary(s, key)) {
                    const std::uint32_t distance = query - key;
                    // Corrected for where in its bin the key lies.
                    const std::size_t knot = frame_.nearest[distance];
                    lifts[knot].add(sequences_[s].at(query, key) - of_row - lift_[distance] +
                                    lift_[frame_.distances[knot]]);
                }
            }
        }
    }
    for (std::size_t knot = 0; knot < frame_.distances.size(); ++knot) {
        recency_[knot] = lifts[knot].value() - lifts.back().value();
    }
    lift_ = recency_by_distance(frame_.distances, recency_);
    lift_.resize(frame_.positions.last);
}

void HeadLogits::subtract() {
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
        for (std::uint32_t query = frame_.positions.first; query < frame_.positions.last; ++query) {
            const double of_row = level(s, query);
            for (std::uint32_t key = 0; key <= query; ++key) {
                float& logit = sequences_[s].at(query, key);
                logit = static_cast<float>(logit - of_row - lift_[query - key]);
            }
        }
    }
}

double mean_product(const std::vector<QueryLogits>& of, const CalibrationFrame& frame, std::uint32_t lag) {
    double sum = 0;
    std::uint64_t n = 0;
    for (std::size_t s = 0; s < of.size(); ++s) {
        for (std::uint32_t query = frame.positions.first; query + lag < frame.positions.last; ++query) {
            for (std::uint32_t key = 0; key <= query; ++key) {
                if (frame.ordinary(s, key)) {
                    sum += static_cast<double>(of[s].at(query, key)) * of[s].at(query + lag, key);
                    ++n;
                }
            }
        }
    }
    return n > 0 ? sum / static_cast<double>(n) : 0.0;
}

}  // namespace palimpsest
