#pragma once
// Address generator: a byte range of a logical KV access becomes DRAM segments, neighbours merged, in stream order.
//
// With e bytes a vector, S places, Hkv KV heads, v = 0 for K and 1 for V, vector of place i at
//   head_major:   base + (((request*L + layer)*Hkv + head)*2 + v) * block + i*e           block  = S*e, up to a burst
//   token_major:  base + (request*L + layer) * region + i*2*Hkv*e + (v*Hkv + head)*e      region = S*2*Hkv*e, up to a
//   burst
// Bank-interleaved, K and V are in lanes of their own (bank_lanes.h, R request lanes); vector of place i at lane byte
//   head_major:   (((request/R)*L + layer)*Hkv + head) * block + i*e
//   token_major:  ((request/R)*L + layer) * region + i*Hkv*e + head*e                     region = S*Hkv*e, up to a
//   burst

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

    CacheLayout layout_;
    KvGeometry geometry_;
    BankLanes lanes_;
    std::uint32_t places_;
    Bytes vector_bytes_;
    Bytes stride_;                ///< from one place to the next
    Bytes matrix_bytes_;          ///< head_major: one K or V block; token_major: one (request, layer) region
    std::vector<PlaceRun> runs_;  ///< scratch
    std::vector<DramSegment> lane_segments_;
};

}  // namespace palimpsest
