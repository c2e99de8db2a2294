#include "host/capacity.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "host/memory_map.h"
#include "host/transformer.h"
#include "palimpsest/error.h"
#include "policy/registry.h"

namespace palimpsest {

KvGeometry model_kv_geometry(const RunConfig& config, std::uint32_t slots, bool uses_scores) {
    KvGeometry geometry;
    geometry.batch = config.workload.batch;
    geometry.layers = config.model.layers;
    geometry.kv_heads = config.model.kv_heads;
    geometry.head_dim = config.model.head_dim;
    geometry.slots = slots;
    geometry.positions = config.workload.prompt_tokens + config.workload.generated_tokens;
    geometry.identity = slots >= geometry.positions;
    geometry.uses_scores = uses_scores;
    return geometry;
}

DramDemand dram_demand(const RunConfig& config) {
    const DramOrganisation& organisation = config.dram.organisation;
    const PolicyInfo& policy = policy_info(config.cache.policy);
    const std::uint32_t positions = config.workload.prompt_tokens + config.workload.generated_tokens;
    const std::uint32_t slots = policy.evicts ? std::min(config.cache.budget, positions) : positions;
    KvGeometry geometry = model_kv_geometry(config, slots, policy.uses_scores);

    // The run's own allocations, in a memory without end.
    DramAllocator dram(std::numeric_limits<Bytes>::max() / 2, organisation.row_bytes());
    DramDemand demand;
    demand.available = organisation.bytes();
    map_weights(config.model, dram);
    demand.weights = dram.used();
    place_kv(config, geometry, dram);
    demand.scores = score_region_bytes(config.hardware.kv_mmu, config.cache, geometry);
    demand.kv_cache = dram.used() - demand.weights - demand.scores;
    const Bytes before = dram.used();
    map_activations(config, dram);
    demand.activations = dram.used() - before;
    return demand;
}

void check_capacity(const RunConfig& config, const std::string& file) {
    const DramDemand demand = dram_demand(config);
    if (demand.total() <= demand.available) {
        return;
    }
    throw InputError(
        file, "dram.organisation",
        fmt::format(
            "{} has {} bytes, and the run needs {}: {} are missing. Weights {}, KV cache {}, spilled scores {}, "
            "activations {}",
            config.dram.name, demand.available, demand.total(), demand.total() - demand.available, demand.weights,
            demand.kv_cache, demand.scores, demand.activations),
        "a DRAM with more rows, ranks or channels, or a smaller model, batch or budget");
}

}  // namespace palimpsest
