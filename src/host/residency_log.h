#pragma once
// Follows which token sits in which slot of one (request, layer, KV head), from what the cache replay decides.
//
// At most kMostChanges placements and frees are kept (about 5 MB); a step that does not fit whole is left out with all
// that follow, and the track says that it is not complete.

#include "host/cache_replay.h"
#include "palimpsest/profile.h"

namespace palimpsest {

class ResidencyLog {
  public:
    static constexpr std::size_t kMostChanges = 200'000;

    ResidencyLog(RequestId request, LayerId layer, KvHeadId head, std::uint32_t slots) {
        track_.request = request;
        track_.layer = layer;
        track_.head = head;
        track_.slots = slots;
    }

    /// The replay has just decided a step. A prompt chunk frees first and places then, a generated token the other way.
    void step(const CacheReplay& replay, bool prefill);
    const ResidencyTrack& track() const { return track_; }

  private:
    void place(const CacheDecision& decision);
    void free(const CacheDecision& decision);

    ResidencyTrack track_;
};

}  // namespace palimpsest
