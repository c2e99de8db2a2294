#include "policy/random.h"

namespace palimpsest {
namespace {

/// The output function of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every input bit.
std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
    x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
    return x ^ (x >> 31);
}

constexpr std::uint64_t kGoldenStep = 0x9E37'79B9'7F4A'7C15;

}  // namespace

RandomPolicy::RandomPolicy(std::uint32_t slots, std::uint64_t seed, std::uint64_t set)
    : PositionPolicy(slots), key_(mix(mix(seed + kGoldenStep) + kGoldenStep * (set + 1))) {}

std::optional<SlotId> RandomPolicy::victim(TokenPosition newest) const {
    const auto positions = slots().occupied();
    if (positions.empty()) {
        return std::nullopt;
    }
    // Several victims are chosen for one `newest` when a prompt chunk is cut back: the residents left tell them apart.
    std::uint64_t counter = mix(key_ ^ (std::uint64_t{newest.value} << 32 | slots().count()));
    while (true) {
        // Scaled draw over the slots; free ones are drawn again, which leaves the occupied ones equally likely.
        counter += kGoldenStep;
        const std::uint64_t draw = ((mix(counter) >> 32) * positions.size()) >> 32;
        if (positions[draw] != SlotPositions::kFree) {
            return SlotId(static_cast<std::uint32_t>(draw));
        }
    }
}

}  // namespace palimpsest
