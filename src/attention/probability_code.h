#pragma once
// One byte a probability. Codes stand for strictly rising 16-bit probabilities: 0 is nothing, the next count up one by
// one, and from where `resolution` of a value exceeds one unit they grow by that factor, up to one. So a probability
// keeps its relative precision however small, and what is below half of 1/65535 is nothing.

#include <array>
#include <cstdint>
#include <vector>

#include "attention/attention_source.h"

namespace palimpsest {

class ProbabilityCode {
  public:
    static constexpr double kFinest = 0.035;  ///< the finest resolution that fits in a byte
    static constexpr double kCoarsest = 1.0;

    /// `resolution`: ratio between neighbouring values minus one. Throws InputError outside [kFinest, kCoarsest].
    explicit ProbabilityCode(double resolution = kFinest);
    /// From the values themselves, as a trace carries them. Throws InputError unless they rise strictly from 0 to
    /// 65535.
    explicit ProbabilityCode(std::vector<Probability> values);

    /// The code whose value is nearest to `probability` (0 .. 1; beyond is clamped).
    std::uint8_t encode(float probability) const;
    Probability decode(std::uint8_t code) const { return values_[code < values_.size() ? code : values_.size() - 1]; }
    /// By code, rising; at most 256.
    const std::vector<Probability>& values() const { return values_; }
    /// All 256 codes; those the code does not use decode to one.
    std::array<Probability, 256> table() const;
    /// Largest relative distance between a probability above 1/65535 and what it decodes to, 16-bit rounding aside.
    double worst_relative_error() const;

  private:
    void prepare();

    std::vector<Probability> values_;
    std::vector<std::uint8_t> nearest_;  ///< by probability in 1/65535
};

}  // namespace palimpsest
