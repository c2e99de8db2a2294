#include "policy/streaming_llm.h"

namespace palimpsest {

std::optional<SlotId> StreamingLlmPolicy::victim(TokenPosition newest) const {
    return oldest_slot(slots().occupied(), evictable_positions(sinks_, 0, newest));
}

}  // namespace palimpsest
