#include "hardware/kv_mmu/kv_geometry.h"

#include "hardware/kv_mmu/address_generator.h"
#include "hardware/kv_mmu/score_store.h"

namespace palimpsest {

Bytes kv_vector_bytes(const CacheConfig& cache, const KvGeometry& geometry) {
    const Bytes scales = cache.kv_bits == 4 ? geometry.head_dim / cache.kv_group : 0;
    return (Bytes{geometry.head_dim} * cache.kv_bits + scales * cache.kv_scale_bits) / 8;
}

std::uint32_t kv_places(const CacheConfig& cache, const KvGeometry& geometry) {
    return cache.storage == StorageMode::append_gather ? geometry.positions : geometry.slots;
}

Bytes kv_alignment(const CacheConfig& cache, const KvGeometry& geometry) {
    return cache.placement == CachePlacement::packed ? geometry.burst_bytes
                                                     : geometry.stripe_bytes * geometry.stripe_banks;
}

Bytes kv_region_bytes(const CacheConfig& cache, const KvGeometry& geometry) {
    return AddressGenerator(cache, geometry).region_bytes();
}

Bytes kv_request_bytes(const CacheConfig& cache, const KvGeometry& geometry, std::uint32_t places) {
    const Bytes of_a_lane = AddressGenerator(cache, geometry).request_bytes(places);
    return cache.placement == CachePlacement::packed ? of_a_lane : 2 * of_a_lane;  // K and V have a lane each
}

Bytes score_region_bytes(const KvMmuConfig& config, const CacheConfig& cache, const KvGeometry& geometry) {
    return ScoreStore(config, cache, geometry).spill_bytes();
}

}  // namespace palimpsest
