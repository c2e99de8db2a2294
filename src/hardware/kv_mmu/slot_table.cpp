#include "hardware/kv_mmu/slot_table.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "hardware/kv_mmu/resident_bitmap.h"
#include "palimpsest/error.h"

namespace palimpsest {

SlotTable::SlotTable(StorageMode storage, const KvGeometry& geometry)
    : storage_(storage),
      identity_(geometry.identity),
      slots_(geometry.slots),
      positions_(geometry.positions),
      layers_(geometry.layers),
      kv_heads_(geometry.kv_heads),
      counts_(geometry.sets(), 0),
      taken_by_set_(geometry.sets(), 0) {
    if (identity_) {
        return;
    }
    slot_words_ = bitmap_words(slots_);
    position_words_ = bitmap_words(positions_);
    position_in_.resize(geometry.sets() * slots_);
    valid_.resize(geometry.sets() * slot_words_);
    resident_.resize(geometry.sets() * position_words_);
    top_.resize(geometry.sets(), 0);
}

void SlotTable::fail(std::uint64_t set, const std::string& what) const {
    const std::uint64_t layer = set / kv_heads_;
    throw SimulationError(fmt::format("KV slot table of request {}, layer {}, KV head {} ({} of {} slots taken): {}",
                                      layer / layers_, layer % layers_, set % kv_heads_, counts_[set], slots_, what));
}

void SlotTable::place(std::uint64_t set, KvPlacement placement) {
    const auto [slot, position] = placement;
    if (slot.value >= slots_ || position.value >= positions_) {
        fail(set, fmt::format("token {} placed into slot {}, but there are {} slots and {} positions", position.value,
                              slot.value, slots_, positions_));
    }
    std::uint32_t& count = counts_[set];
    if (identity_) {
        if (slot.value != count || position.value != count) {
            fail(set,
                 fmt::format("token {} placed into slot {} of a cache that only grows", position.value, slot.value));
        }
    } else {
        if (bitmap_test(valid(set), slot.value)) {
            fail(set, fmt::format("token {} placed into slot {}, which holds token {}", position.value, slot.value,
                                  position_in_[set * slots_ + slot.value]));
        }
        if (bitmap_test(resident(set), position.value)) {
            fail(set,
                 fmt::format("token {} placed into slot {}, but it has a slot already", position.value, slot.value));
        }
        bitmap_set(valid(set), slot.value);
        bitmap_set(resident(set), position.value);
        position_in_[set * slots_ + slot.value] = position.value;
        const std::uint32_t bit = storage_ == StorageMode::in_place ? slot.value : position.value;
        top_[set] = std::max(top_[set], bit + 1);
        if (cursor_.set == set) {
            cursor_ = {};
        }
    }
    ++count;
    ++placed_;
    ++total_;
    peak_ = std::max(peak_, count);
    peak_total_ = std::max(peak_total_, total_);
    ++taken_by_set_[set];
    ++taken_;
    peak_taken_ = std::max(peak_taken_, taken_);
}

void SlotTable::free(std::uint64_t set, SlotId slot) {
    if (identity_) {
        fail(set, fmt::format("slot {} freed in a cache that only grows", slot.value));
    }
    if (slot.value >= slots_ || !bitmap_test(valid(set), slot.value)) {
        fail(set, fmt::format("slot {} freed, but it holds no token", slot.value));
    }
    const std::uint32_t position = position_in_[set * slots_ + slot.value];
    bitmap_clear(valid(set), slot.value);
    bitmap_clear(resident(set), position);
    const std::uint32_t bit = storage_ == StorageMode::in_place ? slot.value : position;
    if (bit + 1 == top_[set]) {
        top_[set] = bitmap_top(delivery_bits(set).first(bit / kBitsPerWord + 1));
    }
    if (cursor_.set == set) {
        cursor_ = {};
    }
    --counts_[set];
    --total_;
}

void SlotTable::clear(std::uint64_t set) {
    if (!identity_) {
        std::ranges::fill(valid(set), 0);
        std::ranges::fill(resident(set), 0);
        top_[set] = 0;
    }
    if (cursor_.set == set) {
        cursor_ = {};
    }
    total_ -= counts_[set];
    counts_[set] = 0;
    taken_ -= taken_by_set_[set];
    taken_by_set_[set] = 0;
}

std::optional<TokenPosition> SlotTable::token_in(std::uint64_t set, SlotId slot) const {
    if (identity_) {
        return slot.value < counts_[set] ? std::optional(TokenPosition(slot.value)) : std::nullopt;
    }
    if (slot.value >= slots_ || !bitmap_test(valid(set), slot.value)) {
        return std::nullopt;
    }
    return TokenPosition(position_in_[set * slots_ + slot.value]);
}

std::uint32_t SlotTable::place_of(std::uint64_t set, KvPlacement placement) const {
    if (token_in(set, placement.slot) != placement.position) {
        fail(set, fmt::format("token {} is not in slot {}", placement.position.value, placement.slot.value));
    }
    switch (storage_) {
        case StorageMode::in_place:
            return placement.slot.value;
        case StorageMode::append_gather:
            return placement.position.value;
        case StorageMode::compact:
            break;
    }
    if (identity_ || top_[set] == counts_[set]) {
        return placement.position.value;
    }
    // New tokens come last, so most look-ups need no count.
    return placement.position.value + 1 == top_[set] ? counts_[set] - 1
                                                     : bitmap_rank(resident(set), placement.position.value);
}

std::uint32_t SlotTable::select(std::uint64_t set, std::uint32_t index) const {
    const auto bits = delivery_bits(set);
    if (cursor_.set == set && cursor_.index <= index) {
        return bitmap_select(bits, cursor_.bit, index - cursor_.index);
    }
    return bitmap_select(bits, 0, index);
}

void SlotTable::runs(std::uint64_t set, std::uint32_t first, std::uint32_t count, std::vector<PlaceRun>& out) const {
    if (std::uint64_t{first} + count > counts_[set]) {
        fail(set, fmt::format("residents [{}, {}) read", first, std::uint64_t{first} + count));
    }
    if (count == 0) {
        return;
    }
    if (identity_ || storage_ == StorageMode::compact || top_[set] == counts_[set]) {
        out.push_back({first, count});
        return;
    }
    const auto bits = delivery_bits(set);
    std::uint32_t bit = select(set, first);
    std::uint32_t left = count;
    while (true) {
        const std::uint32_t length = std::min(left, bitmap_next_clear(bits, bit) - bit);
        out.push_back({bit, length});
        left -= length;
        if (left == 0) {
            cursor_ = {set, first + count - 1, bit + length - 1};
            return;
        }
        bit = bitmap_next_set(bits, bit + length);
    }
}

Bytes SlotTable::table_bytes() const {
    if (identity_) {
        return 0;
    }
    constexpr std::uint32_t least_position_bits = 16;
    const auto position_bits = std::max<std::uint32_t>(least_position_bits, std::bit_width(positions_ - 1));
    const std::uint32_t resident_bits = storage_ == StorageMode::in_place ? 0 : positions_;
    return ceil_div<Bytes>(sets() * (Bytes{slots_} * (position_bits + 1) + resident_bits), 8);
}

bool SlotTable::uniform() const {
    return std::ranges::all_of(counts_, [this](std::uint32_t count) { return count == counts_.front(); });
}

void SlotTable::check_set(std::uint64_t set) const {
    if (counts_[set] > slots_) {
        fail(set, "more residents than slots");
    }
    if (identity_) {
        return;
    }
    std::uint32_t taken = 0;
    for (std::uint32_t slot = 0; slot < slots_; ++slot) {
        if (bitmap_test(valid(set), slot)) {
            ++taken;
            if (!bitmap_test(resident(set), position_in_[set * slots_ + slot])) {
                fail(set, fmt::format("slot {} names a token that is not resident", slot));
            }
        }
    }
    const std::uint32_t tokens = bitmap_rank(resident(set), positions_);
    if (taken != counts_[set] || tokens != counts_[set]) {
        fail(set, fmt::format("{} slots and {} tokens are marked", taken, tokens));
    }
    if (top_[set] != bitmap_top(delivery_bits(set))) {
        fail(set, fmt::format("highest resident is marked {}", top_[set]));
    }
}

}  // namespace palimpsest
