#include "policy/slot_positions.h"

#include <algorithm>

#include "common/checks.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

void require(bool holds, const char* what) {
    if (!holds) {
        throw SimulationError(what);
    }
}

}  // namespace

void SlotPositions::insert(SlotId slot, TokenPosition position) {
    if constexpr (kChecks) {
        require(slot.value < positions_.size() && is_free(slot), "a token was placed into a slot that is not free");
    }
    positions_[slot.value] = position.value;
    extent_ = std::max(extent_, slot.value + 1);
    ++count_;
}

void SlotPositions::remove(SlotId slot) {
    if constexpr (kChecks) {
        require(slot.value < positions_.size() && !is_free(slot), "a slot was freed that holds no token");
    }
    positions_[slot.value] = kFree;
    --count_;
    while (extent_ > 0 && positions_[extent_ - 1] == kFree) {
        --extent_;
    }
}

void SlotPositions::move(SlotId from, SlotId to) {
    const TokenPosition position = at(from);
    remove(from);
    insert(to, position);
}

EvictableRange evictable_positions(std::uint32_t sinks, std::uint32_t recent, TokenPosition newest) {
    const std::uint64_t tokens = std::uint64_t{newest.value} + 1;
    const std::uint64_t protected_tokens = std::uint64_t{sinks} + recent;
    return {sinks, tokens > protected_tokens ? static_cast<std::uint32_t>(tokens - protected_tokens) : 0};
}

std::optional<SlotId> oldest_slot(std::span<const std::uint32_t> positions, EvictableRange range) {
    // Unsigned distance from the range's start: sinks wrap around to large values, as do free slots.
    std::uint32_t nearest = SlotPositions::kFree;
    for (const std::uint32_t position : positions) {
        nearest = std::min(nearest, position - range.first);
    }
    if (nearest >= range.count) {
        return std::nullopt;
    }
    return slot_holding(positions, range.first + nearest);
}

SlotId slot_holding(std::span<const std::uint32_t> positions, std::uint32_t position) {
    const auto found = std::find(positions.begin(), positions.end(), position);
    return SlotId(static_cast<std::uint32_t>(found - positions.begin()));
}

}  // namespace palimpsest
