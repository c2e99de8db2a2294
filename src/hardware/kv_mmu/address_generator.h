#pragma once
// Address generator: a byte range of a logical KV access becomes DRAM segments, neighbours merged, in stream order.
//
// With e bytes a vector, S places, Hkv KV heads, v = 0 for K and 1 for V, vector of place i at
//   head_major:   base + ((layer*Hkv + head)*2 + v) * block + i*e           block  = S*e, up to a burst
//   token_major:  base + layer * region + i*2*Hkv*e + (v*Hkv + head)*e      region = S*2*Hkv*e, up to a burst
// Bank-interleaved, K and V are in lanes of their own (bank_lanes.h, R request lanes); vector of place i at lane byte
//   head_major:   base + (layer*Hkv + head) * block + i*e
//   token_major:  base + layer * region + i*Hkv*e + head*e                  region = S*Hkv*e, up to a burst
//
// Base and S are of the request, from a table. Until it is told otherwise, the table has equal requests one behind the
// other: base = kv_base + request * (bytes of a request), bank-interleaved (request/R) * (its bytes in a lane).

#include <cstdint>
#include <vector>

#include "config/run_config.h"
#include "hardware/kv_mmu/bank_lanes.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/kv_mmu/slot_table.h"
#include "hardware/memory_request.h"

namespace palimpsest {

class AddressGenerator {
  public:
    AddressGenerator(const CacheConfig& cache, const KvGeometry& geometry);

    /// Replaces `out` by the segments of bytes [offset, offset + bytes) of the access's stream. `write` says how
    /// `access` names its tokens: by placement, else by delivery order; moves name places either way.
    void generate(const KvAccess& access, bool write, Bytes offset, Bytes bytes, const SlotTable& table,
                  std::vector<DramSegment>& out);

    /// Writes the request's entry of the base table. SimulationError where the region does not lie in the whole.
    void set_region(RequestId request, KvRegion region);
    /// Whether the DRAM address is one of the request's.
    bool owns(RequestId request, Bytes address) const;
    /// Bytes that a request with so many places takes, of the region or of a lane.
    Bytes request_bytes(std::uint32_t places) const { return matrix_bytes(places) * matrices_; }

    /// Runs of neighbouring places the latest call went through: the slot-table look-ups it took.
    std::size_t latest_runs() const { return runs_.size(); }
    Bytes vector_bytes() const { return vector_bytes_; }
    /// Size of the whole KV region.
    Bytes region_bytes() const;

  private:
    void find_runs(const KvAccess& access, bool write, std::uint32_t skip, std::uint32_t count, const SlotTable& table);
    /// Where place 0 of the access's matrix is: its address, or with lanes its lane byte.
    Bytes matrix_of(const KvAccess& access) const;
    void append_run(Bytes matrix, PlaceRun run, std::vector<DramSegment>& out) const;
    /// From lane bytes to addresses.
    void settle(const KvAccess& access, std::vector<DramSegment>& segments);

    /// Of the base table.
    struct Entry {
        Bytes start = 0;  ///< address, or with lanes lane byte
        Bytes matrix_bytes = 0;
        std::uint32_t places = 0;
    };
    /// head_major: one K or V block; token_major: one layer's region.
    Bytes matrix_bytes(std::uint32_t places) const { return round_up(places * stride_, geometry_.burst_bytes); }

    CacheLayout layout_;
    KvGeometry geometry_;
    BankLanes lanes_;
    Bytes vector_bytes_;
    Bytes stride_;            ///< from one place to the next
    std::uint64_t matrices_;  ///< of a request: K and V blocks (in lanes, K or V blocks), or layers
    std::vector<Entry> entries_;
    std::vector<PlaceRun> runs_;  ///< scratch
    std::vector<DramSegment> lane_segments_;
};

}  // namespace palimpsest
