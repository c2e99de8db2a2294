#pragma once
// Score store: where the score vector of each eviction set lives.
//
// A static partition: vectors in order of (request, layer, KV head) have a place on chip until the store is full, the
// rest live in a DRAM region and are fetched and written back around each command. One vector serves a (request, layer,
// KV head), a (request, layer) or a request, by eviction scope. A vector has one score a slot and starts on a store
// word.

#include <cstdint>

#include "config/hardware_config.h"
#include "config/run_config.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/memory_request.h"

namespace palimpsest {

class ScoreStore {
  public:
    ScoreStore(const KvMmuConfig& config, const CacheConfig& cache, const KvGeometry& geometry);

    /// Which score vector a (request, layer, KV head) updates.
    std::uint64_t vector_of(RequestId request, LayerId layer, KvHeadId head) const;
    std::uint64_t vectors() const { return vectors_; }
    std::uint64_t vectors_on_chip() const { return on_chip_; }
    bool on_chip(std::uint64_t vector) const { return vector < on_chip_; }
    /// DRAM place of the first `slots` scores of a spilled vector, in whole store words, never more than the vector.
    DramSegment spill_segment(std::uint64_t vector, std::uint32_t slots) const;
    /// A store that spills nothing.
    Bytes whole_bytes() const { return vectors_ * entry_bytes_; }
    /// DRAM all spilled vectors take.
    Bytes spill_bytes() const { return (vectors_ - on_chip_) * spill_stride_; }

  private:
    EvictionScope scope_;
    std::uint32_t layers_, kv_heads_;
    std::uint32_t scores_per_word_;
    Bytes word_bytes_;
    Bytes entry_bytes_;   ///< one vector, in whole words
    Bytes spill_stride_;  ///< one vector in DRAM, in whole bursts
    Bytes base_;
    std::uint64_t vectors_ = 0;
    std::uint64_t on_chip_ = 0;
};

}  // namespace palimpsest
