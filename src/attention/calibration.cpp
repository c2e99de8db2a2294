#include "attention/calibration.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attention/head_measurement.h"
#include "attention/probability_code.h"
#include "attention/synthetic_source.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr double kSecondSinkMass = 0.05;  ///< of a layer's attention, from where on a key counts as a sink
constexpr std::uint64_t kSeed = 0x5EED;   ///< of the rows that a measurement is checked on

/// Of each sequence, the key after position 0 that draws a layer most; `mass`: its share, mean over sequences.
struct SecondSinks {
    std::vector<std::uint32_t> keys;
    double mass = 0;
};

SecondSinks find_second_sinks(AttentionSource& source, std::uint32_t layer, PositionRange positions,
                              std::uint32_t within) {
    SecondSinks found;
    std::vector<Probability> row;
    RunningMean mass;
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        std::vector<RunningMean> columns(within + 1);
        for (std::uint32_t head = 0; head < source.heads(); ++head) {
            for (std::uint32_t query = positions.last / 2; query < positions.last; query += 8) {
                row.resize(std::size_t{query} + 1);
                source.row(sequence, layer, head, query, row);
                for (std::uint32_t key = 1; key <= within; ++key) {
                    columns[key].add(static_cast<double>(row[key]) / kProbabilityOne);
                }
            }
        }
        const auto heaviest = std::ranges::max_element(columns, {}, &RunningMean::value);
        found.keys.push_back(static_cast<std::uint32_t>(heaviest - columns.begin()));
        mass.add(heaviest->value());
    }
    found.mass = mass.value();
    return found;
}

/// Correlation of the slow part per query: what its covariance keeps between 16 queries and the last lag.
constexpr double kSlowCorrelation = 0.985;

/// What a key's logits keep for good, from how they still hang together over 16 queries and over `last_lag`: the slow
/// part of the residual has become less by then as its correlation says.
double lasting(double at_16, double at_last, std::uint32_t last_lag) {
    const double kept = std::pow(kSlowCorrelation, last_lag - 16);
    return (at_last - kept * at_16) / (1 - kept);
}

LayerCalibration measure_layer(AttentionSource& source, std::uint32_t layer, const CalibrationFrame& frame,
                               bool second_sink) {
    LayerCalibration made;
    made.second_sink = second_sink;
    const std::uint32_t last_lag = frame.positions.last / 4;
    std::vector<QueryLogits> shared(source.sequences(), QueryLogits(frame.positions));
    double deviations = 0;  // of the bias, in units of the head's whole deviation; summed over heads
    double variances = 0;
    for (std::uint32_t h = 0; h < source.heads(); ++h) {
        const HeadLogits head(source, layer, h, frame);
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
        const HeadLogits::Sink sink = head.sink(false);
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
void correct(HeadCalibration& head, const HeadMasses& wanted, const HeadMasses& got) {
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
    std::vector<std::vector<HeadMasses>> wanted;
    for (std::uint32_t layer = 0; layer < source.layers(); ++layer) {
        SecondSinks second = find_second_sinks(source, layer, positions, within);
        const bool there = second.mass >= kSecondSinkMass;
        second.keys.resize(there ? second.keys.size() : 0);
        second.keys.resize(source.sequences(), 0);
        result.second_sink_within = there ? within : result.second_sink_within;
        const CalibrationFrame frame{positions, result.recency_distances, nearest, second.keys};
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
            const CalibrationFrame frame{positions, result.recency_distances, nearest, second};
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
