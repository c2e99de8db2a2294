#pragma once
// Whether a run of a model fits into DRAM, found without building the machine.

#include <string>

#include "config/run_config.h"
#include "hardware/kv_mmu/kv_geometry.h"

namespace palimpsest {

/// What a model's run takes of DRAM, by part, each with the alignment before it.
struct DramDemand {
    Bytes weights = 0;
    Bytes kv_cache = 0;
    Bytes scores = 0;       ///< score vectors that do not fit on chip
    Bytes activations = 0;  ///< and logits; room for all, also for those that stay on chip
    Bytes available = 0;

    Bytes total() const { return weights + kv_cache + scores + activations; }
};

/// The KV cache of a run: `slots` of each (request, layer, KV head). Where it lies is not in it yet.
KvGeometry model_kv_geometry(const RunConfig& config, std::uint32_t slots, bool uses_scores);

/// The KV cache of a run in which requests come one by one (workload.requests). `evicts`: every request has `slots`,
/// and there are as many slot sets as the capacity holds; else requests reserve regions of their own length, or all
/// that of the longest sequence. InputError where the capacity holds not one request.
KvGeometry serving_kv_geometry(const RunConfig& config, bool evicts, bool uses_scores);

/// Of a run with the configured policy.
DramDemand dram_demand(const RunConfig& config);

/// Throws InputError, of `file`, that says what is needed, what there is, and what each part takes.
void check_capacity(const RunConfig& config, const std::string& file = {});

}  // namespace palimpsest
