#pragma once
// The shape of the KV cache in DRAM, and how much memory it and the spilled scores take: what the host needs for its
// memory map before it builds the machine.

#include <cstdint>

#include "config/hardware_config.h"
#include "config/run_config.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// One slot set of a cache of this shape: requests, layers and KV heads are counted, not named.
struct KvGeometry {
    std::uint32_t batch = 1;
    std::uint32_t layers = 1;
    std::uint32_t kv_heads = 1;
    std::uint32_t head_dim = 64;
    std::uint32_t slots = 64;        ///< of one (request, layer, KV head), of the largest: the replay's slots()
    std::uint32_t positions = 64;    ///< tokens a sequence can have: P + G
    bool identity = false;           ///< no token is ever evicted: token n sits in slot n, and no table is needed
    bool uses_scores = true;         ///< the policy reads attention rows
    Bytes kv_base = 0;               ///< DRAM address of the KV region; a multiple of kv_alignment()
    Bytes score_base = 0;            ///< DRAM address of the spilled scores; aligned likewise
    Bytes burst_bytes = 128;         ///< of one DRAM burst: alignment, and the unit of write combining
    Bytes stripe_bytes = 8192;       ///< neighbouring bytes in one row of each bank they touch (config/row_stripe.h)
    std::uint32_t stripe_banks = 8;  ///< stripes one behind the other before a bank comes again
    /// Of a region in which requests are given their places one by one (KvRegion); 0: each has its share from the
    /// start.
    Bytes region_bytes = 0;

    std::uint64_t sets() const { return std::uint64_t{batch} * layers * kv_heads; }
    /// Number of the set of one (request, layer, KV head): requests outermost, heads innermost.
    std::uint64_t set_of(RequestId request, LayerId layer, KvHeadId head) const {
        return (std::uint64_t{request.value} * layers + layer.value) * kv_heads + head.value;
    }
};

/// Where a request's cache lies: an entry of the address generator's base table.
struct KvRegion {
    Bytes offset = 0;          ///< from `kv_base` on (bank-interleaved: lane bytes); a multiple of a burst
    std::uint32_t places = 0;  ///< for vectors in each of its K and V matrices
    bool operator==(const KvRegion&) const = default;
};

/// Bytes of one K or V vector of one token: its elements, and behind them, at 4 bits, a scale for each group.
Bytes kv_vector_bytes(const CacheConfig& cache, const KvGeometry& geometry);
/// Places for vectors in one K or V matrix: slots, or positions where tokens stay where they were written.
std::uint32_t kv_places(const CacheConfig& cache, const KvGeometry& geometry);
/// What `kv_base` must be a multiple of: a burst, or where placement looks at banks a stripe of each.
Bytes kv_alignment(const CacheConfig& cache, const KvGeometry& geometry);
/// DRAM the KV cache occupies from `kv_base` on, padding counted.
Bytes kv_region_bytes(const CacheConfig& cache, const KvGeometry& geometry);
/// What the cache of a request takes of that: K and V matrices of `places` places.
Bytes kv_request_bytes(const CacheConfig& cache, const KvGeometry& geometry, std::uint32_t places);
/// DRAM the score vectors that do not fit on chip occupy from `score_base` on.
Bytes score_region_bytes(const KvMmuConfig& config, const CacheConfig& cache, const KvGeometry& geometry);

}  // namespace palimpsest
