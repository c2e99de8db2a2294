#include "host/capacity.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "config/row_stripe.h"
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
    // Where budgets differ, the largest says nothing of the others.
    geometry.identity = slots >= geometry.positions && (config.cache.allocation == BudgetAllocation::equal ||
                                                        config.cache.budget >= geometry.positions);
    geometry.uses_scores = uses_scores;
    return geometry;
}

namespace {

/// What weights, scores and activations leave of DRAM, less what alignment may take.
Bytes left_for_kv(const RunConfig& config, const KvGeometry& geometry) {
    const DramOrganisation& organisation = config.dram.organisation;
    DramAllocator dram(std::numeric_limits<Bytes>::max() / 2, organisation.row_bytes());
    map_weights(config.model, dram);
    dram.take(score_region_bytes(config.hardware.kv_mmu, config.cache, geometry), "the spilled scores");
    map_activations(config, dram);
    const RowStripe stripe = row_stripe(config.dram);
    const Bytes others = dram.used() + organisation.row_bytes() + stripe.bytes * stripe.banks;
    const Bytes left = organisation.bytes() - std::min(organisation.bytes(), others);
    return left - left % organisation.row_bytes();
}

/// Slot sets for as many requests, at most the batch, as `capacity` holds.
std::uint32_t partitions_in(const CacheConfig& cache, KvGeometry geometry, Bytes capacity) {
    while (geometry.batch > 0 && kv_region_bytes(cache, geometry) > capacity) {
        --geometry.batch;
    }
    return geometry.batch;
}

}  // namespace

KvGeometry serving_kv_geometry(const RunConfig& config, bool evicts, bool uses_scores) {
    const RequestsConfig& requests = *config.workload.requests;
    const std::uint32_t longest = config.workload.prompt_tokens + config.workload.generated_tokens;
    KvGeometry geometry =
        model_kv_geometry(config, evicts ? std::min(config.cache.budget, longest) : longest, uses_scores);
    if (!evicts && requests.reserve == KvReserve::maximum) {
        geometry.slots = geometry.positions = std::max(longest, config.model.max_positions);
    }
    const RowStripe stripe = row_stripe(config.dram);
    geometry.burst_bytes = config.dram.burst_bytes();
    geometry.stripe_bytes = stripe.bytes;
    geometry.stripe_banks = stripe.banks;
    Bytes capacity = requests.kv_capacity_bytes;
    if (capacity == 0 && evicts) {
        return geometry;
    }
    if (capacity == 0) {
        capacity = left_for_kv(config, geometry);
    }
    if (!evicts && requests.reserve == KvReserve::request) {
        // Never 0, which says that there are no own regions; what holds no request is found there.
        geometry.region_bytes = std::max(geometry.burst_bytes, capacity - capacity % geometry.burst_bytes);
        return geometry;
    }
    const Bytes one = kv_request_bytes(config.cache, geometry, kv_places(config.cache, geometry));
    geometry.batch = partitions_in(config.cache, geometry, capacity);
    if (geometry.batch == 0) {
        throw InputError("", "workload.requests.kv_capacity_bytes", fmt::format("{} bytes", capacity),
                         fmt::format("{} or more: the KV cache of one request", one));
    }
    return geometry;
}

DramDemand dram_demand(const RunConfig& config) {
    const DramOrganisation& organisation = config.dram.organisation;
    const PolicyInfo& policy = policy_info(config.cache.policy);
    const std::uint32_t positions = config.workload.prompt_tokens + config.workload.generated_tokens;
    // Where budgets differ, their mean: the spilled scores of the largest set may take more, which the run finds.
    const std::uint32_t slots = policy.evicts ? std::min(config.cache.budget, positions) : positions;
    KvGeometry geometry = config.workload.requests ? serving_kv_geometry(config, policy.evicts, policy.uses_scores)
                                                   : model_kv_geometry(config, slots, policy.uses_scores);

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
