#pragma once
// What a calibration is made of: one head's logits taken apart, and where its attention lies.

#include <cstdint>
#include <vector>

#include "attention/attention_source.h"
#include "attention/attention_statistics.h"

namespace palimpsest {

/// What becomes of queries and keys: which of them are looked at, and as what.
struct CalibrationFrame {
    PositionRange positions;
    const std::vector<std::uint32_t>& distances;     ///< calibrated
    const std::vector<std::size_t>& nearest;         ///< of `distances`, by distance
    const std::vector<std::uint32_t>& second_sinks;  ///< by sequence; 0 where there is none

    bool ordinary(std::size_t sequence, std::uint32_t key) const { return key > 0 && key != second_sinks[sequence]; }
};

/// The calibrated distance nearest to each distance, by number.
std::vector<std::size_t> nearest_distances(const std::vector<std::uint32_t>& calibrated, std::uint32_t length);

struct RunningMean {
    double sum = 0;
    std::uint64_t n = 0;
    void add(double value) { sum += value, ++n; }
    double value() const { return n > 0 ? sum / static_cast<double>(n) : 0.0; }
};

/// One head's logits over one sequence: queries [first, last), keys 0 .. query.
class QueryLogits {
  public:
    explicit QueryLogits(PositionRange positions) : positions_(positions) {
        values_.resize(std::size_t{positions.last - positions.first} * positions.last);
    }
    float& at(std::uint32_t query, std::uint32_t key) {
        return values_[std::size_t{query - positions_.first} * positions_.last + key];
    }
    float at(std::uint32_t query, std::uint32_t key) const {
        return values_[std::size_t{query - positions_.first} * positions_.last + key];
    }
    void add(const QueryLogits& other, float scale) {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            values_[i] += scale * other.values_[i];
        }
    }

  private:
    PositionRange positions_;
    std::vector<float> values_;
};

/// Where a head's attention lies and how long it stays there, means over rows.
struct HeadMasses {
    double entropy = 0;  ///< nats
    double sink = 0, second_sink = 0;
    std::vector<double> by_distance;  ///< of one key, by the calibrated distance it is nearest to
    PersistenceStatistics persistence;
};

HeadMasses measure_masses(AttentionSource& source, std::uint32_t layer, std::uint32_t head,
                          const CalibrationFrame& frame);

/// The logits of a head without the levels of their rows and without the recency, and what was taken out.
class HeadLogits {
  public:
    /// Keeps a reference to `frame`.
    HeadLogits(AttentionSource& source, std::uint32_t layer, std::uint32_t head, const CalibrationFrame& frame);

    struct Sink {
        double level = 0, deviation = 0;
    };
    /// Of position 0, or of the second sinks.
    Sink sink(bool second) const;
    const std::vector<double>& recency() const { return recency_; }  ///< by calibrated distance
    const std::vector<QueryLogits>& sequences() const { return sequences_; }

  private:
    double level(std::size_t sequence, std::uint32_t query) const;
    void fit();
    void subtract();

    const CalibrationFrame& frame_;
    std::vector<QueryLogits> sequences_;
    std::vector<double> recency_;
    std::vector<double> lift_;  ///< by distance
};

/// Mean over the keys of `of`'s logits times those `lag` queries later; sinks are left out.
double mean_product(const std::vector<QueryLogits>& of, const CalibrationFrame& frame, std::uint32_t lag);

}  // namespace palimpsest
