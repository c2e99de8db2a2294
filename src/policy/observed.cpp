#include "policy/observed.h"

namespace palimpsest {

std::optional<SlotId> least_per_query(std::span<const std::uint32_t> positions, std::span<const std::uint32_t> scores,
                                      std::uint32_t last_query, EvictableRange range) {
    std::optional<SlotId> best;
    std::uint64_t best_sum = 0, best_queries = 1;
    std::uint32_t best_position = 0;
    for (std::uint32_t i = 0; i < positions.size(); ++i) {
        if (!range.contains(positions[i])) {
            continue;
        }
        const std::uint64_t queries = queries_seen(positions[i], last_query);
        const std::uint64_t mine = scores[i] * best_queries, theirs = best_sum * queries;
        if (!best || mine < theirs || (mine == theirs && positions[i] < best_position)) {
            best = SlotId(i);
            best_sum = scores[i];
            best_queries = queries;
            best_position = positions[i];
        }
    }
    return best;
}

}  // namespace palimpsest
