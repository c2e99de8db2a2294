#pragma once
// Slot table: for every (request, layer, KV head) which token sits in which slot.
//
// Per set one 32-bit token position a slot, one valid bit a slot and one resident bit a token position. Place and free
// take constant time; residents that lie one behind the other are recognised without looking at them. A cache in which
// nothing is ever freed (KvGeometry::identity) is a count per set: token n sits in slot n.
//
// Order and place follow the storage mode:
//   in_place       delivery in slot order      place = slot
//   append_gather  delivery in position order  place = token position
//   compact        delivery in position order  place = rank in position order
//
// Broken invariants (a second token in a slot, a token in two slots, a free of a free slot, a read past the residents)
// throw SimulationError.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "config/run_config.h"
#include "hardware/command.h"
#include "hardware/kv_mmu/kv_geometry.h"

namespace palimpsest {

/// Vectors one behind the other in a K or V matrix.
struct PlaceRun {
    std::uint32_t place = 0;
    std::uint32_t count = 0;
    bool operator==(const PlaceRun&) const = default;
};

class SlotTable {
  public:
    SlotTable(StorageMode storage, const KvGeometry& geometry);

    void place(std::uint64_t set, KvPlacement placement);
    void free(std::uint64_t set, SlotId slot);
    /// Empties the set: its request has gone.
    void clear(std::uint64_t set);

    std::uint32_t residents(std::uint64_t set) const { return counts_[set]; }
    std::optional<TokenPosition> token_in(std::uint64_t set, SlotId slot) const;
    /// Where the vectors of a resident token lie. The placement must be in the table.
    std::uint32_t place_of(std::uint64_t set, KvPlacement placement) const;
    /// Appends the places of residents [first, first + count) in delivery order, neighbours merged into runs.
    void runs(std::uint64_t set, std::uint32_t first, std::uint32_t count, std::vector<PlaceRun>& out) const;

    bool identity() const { return identity_; }
    /// What a memory for all sets takes: a position and a valid bit a slot, and where tokens are read in order of
    /// position, a resident bit a position. In `in_place` the resident bits are the model's own check.
    Bytes table_bytes() const;
    std::uint32_t slots() const { return slots_; }
    std::uint64_t sets() const { return counts_.size(); }
    std::uint64_t total_residents() const { return total_; }
    std::uint64_t total_placed() const { return placed_; }  ///< tokens ever placed
    /// Most places taken at one time, where a token's place is given back only with its request.
    std::uint64_t peak_taken() const { return peak_taken_; }
    std::uint64_t peak_total_residents() const { return peak_total_; }
    std::uint32_t peak_residents() const { return peak_; }  ///< of any one set
    /// Every set holds equally many tokens.
    bool uniform() const;
    /// Recounts a set from its entries and throws where they disagree: slow, for debug and test builds.
    void check_set(std::uint64_t set) const;

  private:
    std::span<std::uint64_t> valid(std::uint64_t set) { return {valid_.data() + set * slot_words_, slot_words_}; }
    std::span<const std::uint64_t> valid(std::uint64_t set) const {
        return {valid_.data() + set * slot_words_, slot_words_};
    }
    std::span<std::uint64_t> resident(std::uint64_t set) {
        return {resident_.data() + set * position_words_, position_words_};
    }
    std::span<const std::uint64_t> resident(std::uint64_t set) const {
        return {resident_.data() + set * position_words_, position_words_};
    }
    /// The valid bits in delivery order and in the order of places.
    std::span<const std::uint64_t> delivery_bits(std::uint64_t set) const {
        return storage_ == StorageMode::in_place ? valid(set) : resident(set);
    }
    std::uint32_t select(std::uint64_t set, std::uint32_t index) const;
    [[noreturn]] void fail(std::uint64_t set, const std::string& what) const;

    StorageMode storage_;
    bool identity_;
    std::uint32_t slots_, positions_;
    std::uint32_t layers_, kv_heads_;
    std::uint32_t slot_words_ = 0, position_words_ = 0;
    std::vector<std::uint32_t> position_in_;  ///< by set and slot; meaningful where the valid bit is set
    std::vector<std::uint64_t> valid_;        ///< slot bits by set
    std::vector<std::uint64_t> resident_;     ///< token position bits by set
    std::vector<std::uint32_t> counts_;
    std::vector<std::uint32_t> top_;  ///< one more than the highest delivery bit: == count when there is no gap
    std::uint64_t total_ = 0, placed_ = 0, peak_total_ = 0;
    std::uint32_t peak_ = 0;
    std::vector<std::uint32_t> taken_by_set_;  ///< tokens placed since the set was empty
    std::uint64_t taken_ = 0, peak_taken_ = 0;

    /// Where the last look-up ended: a stream's next request starts there, so it need not count from the beginning.
    struct Cursor {
        std::uint64_t set = ~std::uint64_t{0};
        std::uint32_t index = 0;
        std::uint32_t bit = 0;
    };
    mutable Cursor cursor_;
};

}  // namespace palimpsest
