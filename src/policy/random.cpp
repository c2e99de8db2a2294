#include "policy/random.h"

#include "policy/hash.h"

namespace palimpsest {

RandomPolicy::RandomPolicy(std::uint32_t slots, std::uint64_t seed, std::uint64_t set)
    : PositionPolicy(slots), key_(split_mix_key(seed, set)) {}

std::optional<SlotId> RandomPolicy::victim(TokenPosition newest) const {
    const auto positions = slots().occupied();
    if (positions.empty()) {
        return std::nullopt;
    }
    // Several victims are chosen for one `newest` when a prompt chunk is cut back: the residents left tell them apart.
    std::uint64_t counter = split_mix(key_ ^ (std::uint64_t{newest.value} << 32 | slots().count()));
    while (true) {
        // Scaled draw over the slots; free ones are drawn again, which leaves the occupied ones equally likely.
        counter += kSplitMixStep;
        const std::uint64_t draw = ((split_mix(counter) >> 32) * positions.size()) >> 32;
        if (positions[draw] != SlotPositions::kFree) {
            return SlotId(static_cast<std::uint32_t>(draw));
        }
    }
}

}  // namespace palimpsest
