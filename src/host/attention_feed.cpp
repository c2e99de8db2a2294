#include "host/attention_feed.h"

namespace palimpsest {

void NoAttention::prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) {
    for (EvictionSet& set : sets) {
        for (std::uint32_t position = first; position < first + count; ++position) {
            set.add_prompt_token(TokenPosition(position));
        }
    }
}

}  // namespace palimpsest
