#pragma once
// Integer and index types that cross interfaces. A wrong index does not compile.

#include <compare>
#include <cstdint>
#include <functional>

namespace palimpsest {

using Cycles = std::uint64_t;       ///< clock cycles of the domain that the name at hand says (core unless stated)
using Picoseconds = std::uint64_t;  ///< simulated time, 1 ps resolution
using Bytes = std::uint64_t;

/// A position in one particular index space; `Tag` keeps the spaces apart.
template <class Tag>
struct Index {
    std::uint32_t value = 0;
    constexpr Index() = default;
    constexpr explicit Index(std::uint32_t v) : value(v) {}
    constexpr auto operator<=>(const Index&) const = default;
};

using RequestId = Index<struct RequestTag>;    ///< one sequence of the batch
using LayerId = Index<struct LayerTag>;        ///< transformer layer
using HeadId = Index<struct HeadTag>;          ///< query head
using KvHeadId = Index<struct KvHeadTag>;      ///< key/value head (a group of query heads)
using SlotId = Index<struct SlotTag>;          ///< place in the KV cache of one (request, layer, KV head)
using TokenPosition = Index<struct TokenTag>;  ///< place of a token in its sequence, 0 = first prompt token

template <class Integer>
constexpr Integer ceil_div(Integer a, Integer b) {
    return (a + b - 1) / b;
}
template <class Integer>
constexpr Integer round_up(Integer a, Integer multiple) {
    return ceil_div(a, multiple) * multiple;
}

}  // namespace palimpsest

template <class Tag>
struct std::hash<palimpsest::Index<Tag>> {
    std::size_t operator()(palimpsest::Index<Tag> i) const noexcept { return i.value; }
};
