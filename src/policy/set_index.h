#pragma once
// How the (layer, KV head) pairs of a model share eviction sets (cache.scope).

#include <cstdint>

#include "config/model_shape.h"
#include "config/run_config.h"

namespace palimpsest {

class SetIndex {
  public:
    SetIndex(const ModelShape& shape, EvictionScope scope)
        : scope_(scope), layers_(shape.layers), kv_heads_(shape.kv_heads) {}

    std::uint32_t sets() const { return sets_a_layer() * (spans_layers() ? 1 : layers_); }
    /// Of one layer; with scope model the one set of all layers.
    std::uint32_t sets_a_layer() const { return scope_ == EvictionScope::head ? kv_heads_ : 1; }
    std::uint32_t first_of(std::uint32_t layer) const { return spans_layers() ? 0 : layer * sets_a_layer(); }
    std::uint32_t of(std::uint32_t layer, std::uint32_t kv_head) const {
        return first_of(layer) + (scope_ == EvictionScope::head ? kv_head : 0);
    }
    bool spans_layers() const { return scope_ == EvictionScope::model; }

  private:
    EvictionScope scope_;
    std::uint32_t layers_, kv_heads_;
};

}  // namespace palimpsest
