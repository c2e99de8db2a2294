#include "policy/window.h"

namespace palimpsest {

std::optional<SlotId> WindowPolicy::victim(TokenPosition newest) const {
    return oldest_slot(slots().occupied(), evictable_positions(0, 0, newest));
}

}  // namespace palimpsest
