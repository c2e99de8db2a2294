#pragma once
// One byte a probability, on a square-root scale: code c stands for (c / 255)^2. Steps are fine where probabilities are
// small, so that a key with 1/65025 of the attention still has a code, and never wider than 0.8 %: the error is at most
// sqrt(p) / 255 + 1 / 260100.

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "attention/attention_source.h"

namespace palimpsest {

inline constexpr std::uint32_t kProbabilityCodeSteps = 255;

/// The nearest code on the square-root scale; probabilities beyond 0 .. 1 are clamped.
inline std::uint8_t encode_probability(float probability) {
    const float clamped = probability > 0 ? (probability < 1 ? probability : 1.0F) : 0.0F;
    return static_cast<std::uint8_t>(std::sqrt(clamped) * static_cast<float>(kProbabilityCodeSteps) + 0.5F);
}

/// The probability each code stands for.
inline constexpr std::array<Probability, kProbabilityCodeSteps + 1> kProbabilityOfCode = [] {
    std::array<Probability, kProbabilityCodeSteps + 1> table{};
    constexpr std::uint64_t kScale = kProbabilityCodeSteps * kProbabilityCodeSteps;
    for (std::uint64_t code = 0; code < table.size(); ++code) {
        table[code] = static_cast<Probability>((code * code * kProbabilityOne + kScale / 2) / kScale);
    }
    return table;
}();

/// `probabilities` takes one value a code.
inline void decode_probabilities(std::span<const std::uint8_t> codes, std::span<Probability> probabilities) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
        probabilities[i] = kProbabilityOfCode[codes[i]];
    }
}

}  // namespace palimpsest
