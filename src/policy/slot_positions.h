#pragma once
// Which token sits in which slot, as a contiguous array that the victim searches run over, and which of them may go.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "palimpsest/types.h"

namespace palimpsest {

/// Token positions by slot. Free slots hold `kFree`, which no EvictableRange contains.
class SlotPositions {
  public:
    static constexpr std::uint32_t kFree = 0xFFFF'FFFF;

    explicit SlotPositions(std::uint32_t slots) : positions_(slots, kFree) {}

    void insert(SlotId slot, TokenPosition position);
    void remove(SlotId slot);
    void move(SlotId from, SlotId to);

    bool is_free(SlotId slot) const { return positions_[slot.value] == kFree; }
    TokenPosition at(SlotId slot) const { return TokenPosition(positions_[slot.value]); }
    /// Slots up to the last occupied one; all further ones are free.
    std::span<const std::uint32_t> occupied() const { return {positions_.data(), extent_}; }
    std::uint32_t count() const { return count_; }
    std::uint32_t capacity() const { return static_cast<std::uint32_t>(positions_.size()); }

  private:
    std::vector<std::uint32_t> positions_;
    std::uint32_t extent_ = 0;  ///< 1 + last occupied slot
    std::uint32_t count_ = 0;
};

/// The positions that may be evicted: [first, first + count). One unsigned comparison tests a position.
struct EvictableRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;

    bool contains(std::uint32_t position) const { return position - first < count; }
};

/// What is left when the first `sinks` positions and the last `recent` positions up to `newest` are protected.
EvictableRange evictable_positions(std::uint32_t sinks, std::uint32_t recent, TokenPosition newest);

/// The slot of the oldest token in `range`, or nothing. Positions are distinct.
std::optional<SlotId> oldest_slot(std::span<const std::uint32_t> positions, EvictableRange range);
/// The slot that holds `position`, which must be there.
SlotId slot_holding(std::span<const std::uint32_t> positions, std::uint32_t position);

}  // namespace palimpsest
