#pragma once
// A memory request that the KV-MMU makes itself: spilled scores and drained writes. Pooled.

#include "hardware/kv_mmu/kv_mmu.h"

namespace palimpsest {

struct KvMmu::OwnRequest {
    tlm::tlm_generic_payload payload;
    MemoryRequest request;
    OwnKind kind = OwnKind::drain;
    ScoreTransfer scores;  ///< of a score vector
    bool in_flight = false;

    OwnRequest() { payload.set_extension(&request); }
    ~OwnRequest() { payload.clear_extension(&request); }  // else the payload would delete its extension
    OwnRequest(const OwnRequest&) = delete;
    OwnRequest& operator=(const OwnRequest&) = delete;
};

}  // namespace palimpsest
