#pragma once
// A step of the machine, as the host driver puts it together: pieces of requests that pass the model together.

#include <cstdint>
#include <span>

#include "host/cache_replay.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// Neighbouring tokens of one request: a chunk of its prompt, or the one token that generation adds.
struct StepSegment {
    RequestId request;                 ///< its place in the machine: slot sets of the KV-MMU
    std::uint32_t text = 0;            ///< which request of the workload it is; its tokens follow from it
    std::uint32_t first_position = 0;  ///< of the segment's first token in its sequence
    std::uint32_t tokens = 1;
    bool prefill = false;
    bool logits = false;  ///< the newest token goes through the vocabulary
    const CacheReplay* replay = nullptr;
    RequestId replayed;  ///< what `replay`, which has processed the segment, calls the request
};

/// Rows of the step's tensors, segment after segment.
inline std::uint64_t rows_of(std::span<const StepSegment> segments) {
    std::uint64_t rows = 0;
    for (const StepSegment& segment : segments) {
        rows += segment.tokens;
    }
    return rows;
}

}  // namespace palimpsest
