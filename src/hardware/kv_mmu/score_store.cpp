#include "hardware/kv_mmu/score_store.h"

#include <algorithm>

#include "hardware/kv_mmu/victim_unit.h"

namespace palimpsest {

ScoreStore::ScoreStore(const KvMmuConfig& config, const CacheConfig& cache, const KvGeometry& geometry)
    : scope_(cache.scope),
      layers_(geometry.layers),
      kv_heads_(geometry.kv_heads),
      scores_per_word_(scores_per_word(config, cache.score_bits)),
      word_bytes_(config.score_word_bytes),
      entry_bytes_(ceil_div(geometry.slots, scores_per_word_) * word_bytes_),
      spill_stride_(round_up(entry_bytes_, geometry.burst_bytes)),
      base_(geometry.score_base) {
    if (!geometry.uses_scores) {
        return;
    }
    switch (scope_) {
        case EvictionScope::head:
            vectors_ = geometry.sets();
            break;
        case EvictionScope::layer:
            vectors_ = std::uint64_t{geometry.batch} * geometry.layers;
            break;
        case EvictionScope::model:
            vectors_ = geometry.batch;
            break;
    }
    on_chip_ =
        entry_bytes_ == 0 ? vectors_ : std::min<std::uint64_t>(vectors_, config.score_store_bytes / entry_bytes_);
}

std::uint64_t ScoreStore::vector_of(RequestId request, LayerId layer, KvHeadId head) const {
    switch (scope_) {
        case EvictionScope::head:
            return (std::uint64_t{request.value} * layers_ + layer.value) * kv_heads_ + head.value;
        case EvictionScope::layer:
            return std::uint64_t{request.value} * layers_ + layer.value;
        case EvictionScope::model:
            break;
    }
    return request.value;
}

DramSegment ScoreStore::spill_segment(std::uint64_t vector, std::uint32_t slots) const {
    const Bytes used = ceil_div(slots, scores_per_word_) * word_bytes_;
    return {base_ + (vector - on_chip_) * spill_stride_, std::min(used, entry_bytes_)};
}

}  // namespace palimpsest
