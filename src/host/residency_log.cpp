#include "host/residency_log.h"

namespace palimpsest {

void ResidencyLog::step(const CacheReplay& replay, bool prefill) {
    const CacheDecision& decision = replay.decision(track_.request, track_.layer, track_.head);
    const std::size_t changes =
        (decision.placed ? decision.placed->size() : 0) + (decision.freed ? decision.freed->size() : 0);
    track_.complete = track_.complete && track_.changes.size() + changes <= kMostChanges;
    if (track_.complete) {
        if (prefill) {
            free(decision);
            place(decision);
        } else {
            place(decision);
            free(decision);
        }
    }
    ++track_.steps;
}

void ResidencyLog::place(const CacheDecision& decision) {
    if (decision.placed) {
        for (const KvPlacement& placement : *decision.placed) {
            track_.changes.push_back({track_.steps, placement.slot, placement.position});
        }
    }
}

void ResidencyLog::free(const CacheDecision& decision) {
    if (decision.freed) {
        for (const SlotId slot : *decision.freed) {
            track_.changes.push_back({track_.steps, slot, std::nullopt});
        }
    }
}

}  // namespace palimpsest
