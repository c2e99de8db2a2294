#pragma once
// The protected set as a list of positions, and what a search over it costs, lane by lane.

#include <cstdint>
#include <set>

namespace palimpsest {

/// The first `sinks` positions of a sequence, and going back from `newest` the last `recent` ones.
inline std::set<std::uint32_t> golden_protected(std::uint32_t sinks, std::uint32_t recent, std::uint32_t newest) {
    std::set<std::uint32_t> out;
    for (std::uint32_t position = 0; position < sinks; ++position) {
        out.insert(position);
    }
    std::uint32_t position = newest;
    for (std::uint32_t n = 0; n < recent; ++n) {
        out.insert(position);
        if (position-- == 0) {
            break;
        }
    }
    return out;
}

struct GoldenProtectedCounts {
    std::uint64_t table_words = 0, compares = 0;

    /// Scores [first, end) pass the lanes word by word; the first `resident` slots have their positions in the table,
    /// four in a word of it.
    void pass(std::uint64_t first, std::uint64_t end, std::uint64_t resident, std::uint64_t lanes, bool sinks,
              bool recent) {
        for (std::uint64_t word = first; word < end; word += lanes) {
            for (std::uint64_t lane = 0; lane < lanes; ++lane) {
                compares += (sinks ? 1 : 0) + (recent ? 1 : 0);
            }
        }
        for (std::uint64_t slot = first; slot < end && slot < resident; ++slot) {
            table_words += (slot - first) % 4 == 0 ? 1 : 0;
        }
    }
};

}  // namespace palimpsest
