#pragma once
// What the KV-MMU is made of: the parts by which reports give its energy, its memories and its area.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "palimpsest/types.h"

namespace palimpsest {

enum class KvMmuPart : std::uint8_t {
    slot_table,         ///< which token sits in which slot
    score_store,        ///< scores on chip
    victim_unit,        ///< score update, search and protection; row accumulators
    address_generator,  ///< addresses; where each request's cache lies
    write_combiner,
    spilled_scores,  ///< scores that do not fit the store: in DRAM
    other,           ///< what a cost table gives for the unit without naming a part
};
inline constexpr std::size_t kKvMmuParts = 7;

/// The part's name in reports, and in cost tables behind "kv_mmu_".
std::string_view name_of(KvMmuPart part);

/// Something of each part, in their order: bytes, joules, mm2.
template <class T>
struct ByKvMmuPart {
    std::array<T, kKvMmuParts> of{};

    T operator[](KvMmuPart part) const { return of[static_cast<std::size_t>(part)]; }
    T& operator[](KvMmuPart part) { return of[static_cast<std::size_t>(part)]; }
};

}  // namespace palimpsest
