#include "hardware/kv_mmu/victim_search.h"

#include <bit>

namespace palimpsest {

Cycles RunningMinimum::cycles(std::uint64_t words, std::uint32_t searches) const {
    return searches == 0 ? 0 : searches * latency_ + (searches - 1) * words;
}

std::uint64_t RunningMinimum::compares(std::uint64_t words, std::uint32_t searches) const {
    return searches * (words * lanes_ + (lanes_ - 1));
}

ComparatorTree::ComparatorTree(std::uint32_t lanes, std::uint32_t compares_per_stage)
    : lanes_(lanes), stages_(ceil_div(static_cast<std::uint32_t>(std::bit_width(lanes - 1)), compares_per_stage)) {}

Cycles ComparatorTree::cycles(std::uint64_t words, std::uint32_t searches) const {
    if (searches == 0) {
        return 0;
    }
    const Cycles tail = Cycles{stages_} + 1;
    return tail + (searches - 1) * (1 + ceil_div<std::uint64_t>(words, lanes_) + tail);
}

SearchPasses ComparatorTree::passes(std::uint32_t searches) const {
    return searches == 0 ? SearchPasses{} : SearchPasses{1, searches - 1ULL};
}

std::uint64_t ComparatorTree::compares(std::uint64_t words, std::uint32_t searches) const {
    if (searches == 0) {
        return 0;
    }
    const std::uint64_t entered = words + (searches - 1) * (1 + ceil_div<std::uint64_t>(words, lanes_));
    return entered * lanes_;  // lanes - 1 in the tree, one at its root
}

}  // namespace palimpsest
