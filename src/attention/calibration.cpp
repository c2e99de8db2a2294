#include "attention/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "attention/probability_code.h"
#include "attention/synthetic_source.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// A coded 0 is a probability below this (half of the smallest that has a code).
constexpr double kLeastRecorded = 0.25 / (kProbabilityCodeSteps * kProbabilityCodeSteps);
/// How far below, in logit, on average: for the far tail of a normal distribution about 0.6.
constexpr double kBelowLeast = 0.6;
constexpr double kSecondSinkMass = 0.05;  ///< of a layer's attention, from where on a key counts as a sink
constexpr std::size_t kPersistenceStride = 4;
constexpr std::uint32_t kFits = 4;       ///< of row levels and recency in turn
constexpr std::uint64_t kSeed = 0x5EED;  ///< of the rows that a measurement is checked on

/// One head's logits over one sequence: queries [first, last), keys 0 .. query.
class Logits {
  public:
    Logits(PositionRange positions) : positions_(positions) {
        values_.resize(std::size_t{positions.last - positions.first} * positions.last);
    }
    float& at(std::uint32_t query, std::uint32_t key) {
        return values_[std::size_t{query - positions_.first} * positions_.last + key];
    }
    float at(std::uint32_t query, std::uint32_t key) const {
        return values_[std::size_t{query - positions_.first} * positions_.last + key];
    }
    void add(const Logits& other, float scale) {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            values_[i] += scale * other.values_[i];
        }
    }

  private:
    PositionRange positions_;
    std::vector<float> values_;
};

struct Mean {
    double sum = 0;
    std::uint64_t n = 0;
    void add(double value) { sum += value, ++n; }
    double value() const { return n > 0 ? sum / static_cast<double>(n) : 0.0; }
};

/// The calibrated distance nearest to each distance, by number.
std::vector<std::size_t> nearest_distances(const std::vector<std::uint32_t>& calibrated, std::uint32_t length) {
    std::vector<std::size_t> nearest(length);
    for (std::uint32_t distance = 0; distance < length; ++distance) {
        const auto far = [&](std::uint32_t of) { return std::abs(std::log2(1.0 + distance) - std::log2(1.0 + of)); };
        const auto best = std::ranges::min_element(calibrated, {}, far);
        nearest[distance] = static_cast<std::size_t>(best - calibrated.begin());
    }
    return nearest;
}

/// What becomes of queries and keys: which of them are looked at, and as what.
struct Frame {
    PositionRange positions;
    const std::vector<std::uint32_t>& distances;     ///< calibrated
    const std::vector<std::size_t>& nearest;         ///< of `distances`, by distance
    const std::vector<std::uint32_t>& second_sinks;  ///< by sequence; 0 where there is none

    bool ordinary(std::size_t sequence, std::uint32_t key) const { return key > 0 && key != second_sinks[sequence]; }
};

/// A coded 0 stands for something below the least that has a code.
double logit_of(Probability p) {
    static const double kBelow = std::log(kLeastRecorded) - kBelowLeast;
    return p > 0 ? std::log(static_cast<double>(p) / kProbabilityOne) : kBelow;
}

/// Where a head's attention lies and how long it stays there, means over rows.
struct Masses {
    double entropy = 0;  ///< nats
    double sink = 0, second_sink = 0;
    std::vector<double> by_distance;  ///< of one key, by the calibrated distance it is nearest to
    PersistenceStatistics persistence;
};

Masses measure_masses(AttentionSource& source, std::uint32_t layer, std::uint32_t head, const Frame& frame) {
    std::vector<std::vector<Probability>> rows(frame.positions.last - frame.positions.first);
    PersistenceStatistics persistence;
    Mean entropy, sink, second_sink;
    std::vector<Mean> by_distance(frame.distances.size());
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
    Masses masses{entropy.value(), sink.value(), second_sink.value(), {}, persistence / source.sequences()};
    std::ranges::transform(by_distance, std::back_inserter(masses.by_distance), &Mean::value);
    return masses;
}

/// Logits without their rows' levels and the recency, and what was taken out.
class Head {
  public:
    Head(AttentionSource& source, std::uint32_t layer, std::uint32_t head, const Frame& frame) : frame_(frame) {
        std::vector<Probability> row;
        for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
            Logits& logits = sequences_.emplace_back(frame.positions);
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

    struct Sink {
        double level = 0, deviation = 0;
    };
    /// Of position 0, or of the second sinks.
    Sink sink(bool second) const {
        Mean mean, square;
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

    const std::vector<double>& recency() const { return recency_; }
    const std::vector<Logits>& sequences() const { return sequences_; }

  private:
    double level(std::size_t sequence, std::uint32_t query) const {
        Mean mean;
        for (std::uint32_t key = 0; key <= query; ++key) {
            if (frame_.ordinary(sequence, key)) {
                mean.add(sequences_[sequence].at(query, key) - lift_[query - key]);
            }
        }
        return mean.value();
    }

    /// The level of each row given the recency, then the recency given the levels.
    void fit() {
        std::vector<Mean> lifts(frame_.distances.size());
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
        std::size_t above = 1;
        for (std::uint32_t distance = 0; distance < lift_.size(); ++distance) {
            while (above < frame_.distances.size() && frame_.distances[above] < distance) {
                ++above;
            }
            if (above == frame_.distances.size()) {
                lift_[distance] = 0;
                continue;
            }
            const double from = std::log2(1.0 + frame_.distances[above - 1]);
            const double to = std::log2(1.0 + frame_.distances[above]);
            const double part = (std::log2(1.0 + distance) - from) / (to - from);
            lift_[distance] = recency_[above - 1] + part * (recency_[above] - recency_[above - 1]);
        }
    }

    void subtract() {
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

    const Frame& frame_;
    std::vector<Logits> sequences_;
    std::vector<double> recency_;  ///< by calibrated distance
    std::vector<double> lift_;     ///< by distance
};

/// Of each sequence, the key after position 0 that draws a layer most; `mass`: its share, mean over sequences.
struct SecondSinks {
    std::vector<std::uint32_t> keys;
    double mass = 0;
};

SecondSinks find_second_sinks(AttentionSource& source, std::uint32_t layer, PositionRange positions,
                              std::uint32_t within) {
    SecondSinks found;
    std::vector<Probability> row;
    Mean mass;
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        std::vector<Mean> columns(within + 1);
        for (std::uint32_t head = 0; head < source.heads(); ++head) {
            for (std::uint32_t query = positions.last / 2; query < positions.last; query += 8) {
                row.resize(std::size_t{query} + 1);
                source.row(sequence, layer, head, query, row);
                for (std::uint32_t key = 1; key <= within; ++key) {
                    columns[key].add(static_cast<double>(row[key]) / kProbabilityOne);
                }
            }
        }
        const auto heaviest = std::ranges::max_element(columns, {}, &Mean::value);
        found.keys.push_back(static_cast<std::uint32_t>(heaviest - columns.begin()));
        mass.add(heaviest->value());
    }
    found.mass = mass.value();
    return found;
}

/// Correlation of the slow part per query: what its covariance keeps between 16 queries and the last lag.
constexpr double kSlowCorrelation = 0.985;

/// Mean over the keys of `of`'s logits times those `lag` queries later; sinks are left out.
double mean_product(const std::vector<Logits>& of, const Frame& frame, std::uint32_t lag) {
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

/// What a key's logits keep for good, from how they still hang together over 16 queries and over `last_lag`: the slow
/// part of the residual has become less by then as its correlation says.
double lasting(double at_16, double at_last, std::uint32_t last_lag) {
    const double kept = std::pow(kSlowCorrelation, last_lag - 16);
    return (at_last - kept * at_16) / (1 - kept);
}

LayerCalibration measure_layer(AttentionSource& source, std::uint32_t layer, const Frame& frame, bool second_sink) {
    LayerCalibration made;
    made.second_sink = second_sink;
    const std::uint32_t last_lag = frame.positions.last / 4;
    std::vector<Logits> shared(source.sequences(), Logits(frame.positions));
    double deviations = 0;  // of the bias, in units of the head's whole deviation; summed over heads
    double variances = 0;
    for (std::uint32_t h = 0; h < source.heads(); ++h) {
        const Head head(source, layer, h, frame);
        const auto covariance = [&](std::uint32_t lag) { return mean_product(head.sequences(), frame, lag); };
        const double all = std::max(covariance(0), 1e-6);
        const double at_16 = covariance(16);
        const double bias = std::clamp(lasting(at_16, covariance(last_lag), last_lag), 0.0, all);
        HeadCalibration& numbers = made.heads.emplace_back();
        numbers.key_bias_variance = bias;
        numbers.residual_variance = all - bias;
        const auto correlation = [&](double of) {
            return all > bias ? std::clamp((of - bias) / (all - bias), 0.0, 1.0) : 0.0;
        };
        numbers.ac1 = correlation(covariance(1));
        numbers.ac4 = correlation(covariance(4));
        numbers.ac16 = correlation(at_16);
        const Head::Sink sink = head.sink(false);
        numbers.sink_z = sink.level / std::sqrt(all);
        numbers.sink_deviation = sink.deviation;
        numbers.second_sink_z = second_sink ? head.sink(true).level / std::sqrt(all) : 0.0;
        numbers.recency = head.recency();
        deviations += std::sqrt(bias / all);
        variances += bias / all;
        for (std::size_t s = 0; s < shared.size(); ++s) {
            shared[s].add(head.sequences()[s], static_cast<float>(1 / std::sqrt(all)));
        }
    }
    // The variance of a sum is that of its parts and what each two share.
    const double of_sum = lasting(mean_product(shared, frame, 16), mean_product(shared, frame, last_lag), last_lag);
    const double pairs = deviations * deviations - variances;
    made.key_bias_correlation = pairs > 0 ? std::clamp((of_sum - variances) / pairs, 0.0, 1.0) : 0.0;
    return made;
}

/// Rows as a trace holds them.
class Coded final : public AttentionSource {
  public:
    explicit Coded(AttentionSource& source) : source_(source) {}
    std::uint32_t layers() const override { return source_.layers(); }
    std::uint32_t heads() const override { return source_.heads(); }
    std::uint32_t sequences() const override { return source_.sequences(); }
    std::uint32_t length() const override { return source_.length(); }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override {
        source_.row(sequence, layer, head, position, row);
        for (Probability& p : row) {
            p = kProbabilityOfCode[encode_probability(static_cast<float>(p) / kProbabilityOne)];
        }
    }
    std::string describe() const override { return source_.describe(); }
    bool synthetic() const override { return source_.synthetic(); }

  private:
    AttentionSource& source_;
};

/// Moves the numbers by what the rows made from them (`got`) miss of the recorded ones (`wanted`).
void correct(HeadCalibration& head, const Masses& wanted, const Masses& got) {
    constexpr double kLeast = 1e-9;  // a mass that is hardly there
    constexpr double kMostBias = 0.95;
    constexpr double kMostCorrelation = 0.98;
    const auto missed = [](double want, double have) {
        return std::clamp(std::log((want + kLeast) / (have + kLeast)), -1.0, 1.0);
    };
    const double variance = head.key_bias_variance + head.residual_variance;
    // The entropy of a softmax over normal logits falls by half their variance.
    const double scale = std::clamp(1 - 2 * (wanted.entropy - got.entropy) / std::max(variance, kLeast), 0.5, 2.0);
    const double far = missed(wanted.by_distance.back(), got.by_distance.back());
    const double sink = head.sink_z * std::sqrt(variance) + missed(wanted.sink, got.sink) - far;
    const double second = head.second_sink_z * std::sqrt(variance) + missed(wanted.second_sink, got.second_sink) - far;
    // What lasts longer, lasts in the heaviest keys: the correlations follow how long those stay the heaviest.
    const double at_1 = wanted.persistence.after1 - got.persistence.after1;
    const double at_16 = wanted.persistence.after16 - got.persistence.after16;
    const double at_64 = wanted.persistence.after64 - got.persistence.after64;
    const double bias_share = std::clamp(head.key_bias_variance / std::max(variance, kLeast) + at_64, 0.0, kMostBias);
    head.key_bias_variance = variance * scale * bias_share;
    head.residual_variance = variance * scale * (1 - bias_share);
    head.ac1 = std::clamp(head.ac1 + at_1, 0.0, kMostCorrelation);
    head.ac4 = std::clamp(head.ac4 + (at_1 + at_16) / 2, 0.0, head.ac1);
    head.ac16 = std::clamp(head.ac16 + at_16, 0.0, head.ac4);
    const double deviation = std::sqrt(std::max(variance * scale, kLeast));
    head.sink_z = std::clamp(sink / deviation, -90.0, 90.0);
    head.second_sink_z = wanted.second_sink > 0 ? std::clamp(second / deviation, -90.0, 90.0) : 0.0;
    for (std::size_t knot = 0; knot + 1 < head.recency.size(); ++knot) {
        head.recency[knot] =
            std::clamp(head.recency[knot] + missed(wanted.by_distance[knot], got.by_distance[knot]) - far, -90.0, 90.0);
    }
}

}  // namespace

AttentionCalibration calibrate(AttentionSource& source, PositionRange positions, std::uint32_t rounds,
                               const std::function<void(double)>& on_progress) {
    if (positions.last < kFewestCalibrationPositions || positions.first > positions.last / 2) {
        throw InputError("", "positions", fmt::format("{} to {}", positions.first, positions.last),
                         fmt::format("at least {}, at most the first half left out", kFewestCalibrationPositions));
    }
    AttentionCalibration result;
    result.length = positions.last;
    result.slow_correlation = kSlowCorrelation;
    result.recency_distances = {0};
    for (std::uint32_t distance = 1; distance <= positions.last / 2; distance *= 2) {
        result.recency_distances.push_back(distance);
    }
    const std::vector<std::size_t> nearest = nearest_distances(result.recency_distances, positions.last);
    // Measuring takes about as long as three rounds.
    const double steps = static_cast<double>(source.layers()) * (rounds + 3);
    double done = 0;
    const auto advance = [&](double by) {
        done += by;
        if (on_progress) {
            on_progress(done / steps);
        }
    };
    const std::uint32_t within = positions.last / 8;
    std::vector<std::vector<Masses>> wanted;
    for (std::uint32_t layer = 0; layer < source.layers(); ++layer) {
        SecondSinks second = find_second_sinks(source, layer, positions, within);
        const bool there = second.mass >= kSecondSinkMass;
        second.keys.resize(there ? second.keys.size() : 0);
        second.keys.resize(source.sequences(), 0);
        result.second_sink_within = there ? within : result.second_sink_within;
        const Frame frame{positions, result.recency_distances, nearest, second.keys};
        result.layers.push_back(measure_layer(source, layer, frame, there));
        auto& masses = wanted.emplace_back();
        for (std::uint32_t head = 0; head < source.heads(); ++head) {
            masses.push_back(measure_masses(source, layer, head, frame));
        }
        advance(3);
    }
    for (std::uint32_t round = 0; round < rounds; ++round) {
        SyntheticSource synthetic(result, kSeed + round,
                                  {.layers = source.layers(),
                                   .heads = source.heads(),
                                   .sequences = source.sequences(),
                                   .length = positions.last});
        Coded coded(synthetic);
        for (std::uint32_t layer = 0; layer < source.layers(); ++layer) {
            std::vector<std::uint32_t> second(source.sequences(), 0);
            for (std::uint32_t s = 0; s < second.size() && result.layers[layer].second_sink; ++s) {
                second[s] = synthetic.second_sink(s);
            }
            const Frame frame{positions, result.recency_distances, nearest, second};
            for (std::uint32_t head = 0; head < source.heads(); ++head) {
                correct(result.layers[layer].heads[head], wanted[layer][head],
                        measure_masses(coded, layer, head, frame));
            }
            advance(1);
        }
    }
    return result;
}

}  // namespace palimpsest
