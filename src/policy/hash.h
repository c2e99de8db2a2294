#pragma once
// Counter-based random numbers: what a policy draws depends on what it draws for, not on what it drew before.

#include <cstdint>

namespace palimpsest {

/// The output function of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every input bit.
inline std::uint64_t split_mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
    x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
    return x ^ (x >> 31);
}

inline constexpr std::uint64_t kSplitMixStep = 0x9E37'79B9'7F4A'7C15;

/// A key for number `index` of the run with this seed.
inline std::uint64_t split_mix_key(std::uint64_t seed, std::uint64_t index) {
    return split_mix(split_mix(seed + kSplitMixStep) + kSplitMixStep * (index + 1));
}

}  // namespace palimpsest
