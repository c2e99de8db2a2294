#pragma once
// Where everything lies in DRAM: weights, KV cache, spilled scores, activations that do not fit on chip.

#include <cstdint>

#include "config/run_config.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// Hands out DRAM in address order, each piece on a row boundary of its own.
class DramAllocator {
  public:
    DramAllocator(Bytes capacity, Bytes alignment) : capacity_(capacity), alignment_(alignment) {}

    /// Start address of `bytes` for `what`, a multiple of `alignment` where that is more than the allocator's own.
    /// InputError saying how much is missing when DRAM is full.
    Bytes take(Bytes bytes, const char* what, Bytes alignment = 1);
    Bytes used() const { return used_; }

  private:
    Bytes capacity_;
    Bytes alignment_;
    Bytes used_ = 0;
};

/// Start addresses of one layer's weights; each matrix is stored tile after tile in the order the machine loads it.
struct LayerWeights {
    Bytes qkv = 0, output = 0, up = 0, down = 0;
};

struct WeightMap {
    Bytes token_embedding = 0;
    Bytes position_embedding = 0;
    Bytes first_layer = 0;
    Bytes layer_bytes = 0;
    Bytes vocabulary = 0;
    LayerWeights layer(std::uint32_t index) const;
    Bytes qkv_bytes = 0, output_bytes = 0, up_bytes = 0, down_bytes = 0;
};

/// Bytes of all weights, as stored.
WeightMap map_weights(const ModelShape& model, DramAllocator& dram);

/// Tells a KV geometry about the DRAM, and takes memory for the cache and the scores that do not fit on chip.
void place_kv(const RunConfig& config, KvGeometry& geometry, DramAllocator& dram);

}  // namespace palimpsest
