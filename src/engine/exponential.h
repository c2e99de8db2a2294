#pragma once
// The exponential function in a form that compilers turn into vector instructions.

#include <bit>
#include <cstdint>

namespace palimpsest {

/// e^x for x <= 88, relative error below 3e-7; 0 below -87. Splits x into n ln 2 + r, |r| <= ln 2 / 2, and takes e^r by
/// its Taylor polynomial of degree 6 (truncation 1.2e-7 at the ends).
inline float exponential(float x) {
    constexpr float kLog2e = 1.44269504F;
    constexpr float kLn2High = 0.693359375F;  // few bits, so that n times it is exact
    constexpr float kLn2Low = -2.12194440e-4F;
    constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
    const float clamped = x < -87.0F ? -87.0F : x;
    const float shifted = clamped * kLog2e + kRound;
    const float n = shifted - kRound;
    const float r = (clamped - n * kLn2High) - n * kLn2Low;
    const float polynomial =
        1.0F + r * (1.0F + r * (0.5F + r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120 + r * (1.0F / 720))))));
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) << 23;  // n, in the exponent's place
    const float result = std::bit_cast<float>(std::bit_cast<std::uint32_t>(polynomial) + exponent);
    return x < -87.0F ? 0.0F : result;
}

}  // namespace palimpsest
