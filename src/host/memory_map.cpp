#include "host/memory_map.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/row_stripe.h"
#include "palimpsest/error.h"

namespace palimpsest {

Bytes DramAllocator::take(Bytes bytes, const char* what, Bytes alignment) {
    const Bytes start = round_up(used_, std::max(alignment_, alignment));
    if (start + bytes > capacity_) {
        throw InputError("", "dram.organisation",
                         fmt::format("{} needs {} bytes, and {} of {} are left: {} are missing", what, bytes,
                                     capacity_ > start ? capacity_ - start : 0, capacity_, start + bytes - capacity_),
                         "a DRAM with more rows, ranks or channels, or a smaller model, batch or budget");
    }
    used_ = start + bytes;
    return start;
}

LayerWeights WeightMap::layer(std::uint32_t index) const {
    LayerWeights weights;
    weights.qkv = first_layer + index * layer_bytes;
    weights.output = weights.qkv + qkv_bytes;
    weights.up = weights.output + output_bytes;
    weights.down = weights.up + up_bytes;
    return weights;
}

WeightMap map_weights(const ModelShape& model, DramAllocator& dram) {
    const Bytes element = model.weight_bits / 8;
    const std::uint64_t gate = model.activation == Activation::silu_gated ? 2 : 1;
    WeightMap map;
    map.token_embedding = dram.take(std::uint64_t{model.vocabulary} * model.hidden * element, "the token embedding");
    if (model.positions == PositionEncoding::learned) {
        map.position_embedding =
            dram.take(std::uint64_t{model.max_positions} * model.hidden * element, "the position embedding");
    }
    map.qkv_bytes = std::uint64_t{model.hidden} * (model.q_width() + 2 * model.kv_width()) * element;
    map.output_bytes = std::uint64_t{model.q_width()} * model.hidden * element;
    map.up_bytes = std::uint64_t{model.hidden} * model.ffn_hidden * gate * element;
    map.down_bytes = std::uint64_t{model.ffn_hidden} * model.hidden * element;
    map.layer_bytes = map.qkv_bytes + map.output_bytes + map.up_bytes + map.down_bytes;
    map.first_layer = dram.take(map.layer_bytes * model.layers, "the layers' weights");
    map.vocabulary = model.tied_embeddings ? map.token_embedding
                                           : dram.take(std::uint64_t{model.vocabulary} * model.hidden * element,
                                                       "the vocabulary projection");
    return map;
}

void place_kv(const RunConfig& config, KvGeometry& geometry, DramAllocator& dram) {
    const RowStripe stripe = row_stripe(config.dram);
    geometry.burst_bytes = config.dram.burst_bytes();
    geometry.stripe_bytes = stripe.bytes;
    geometry.stripe_banks = stripe.banks;
    geometry.kv_base =
        dram.take(kv_region_bytes(config.cache, geometry), "the KV cache", kv_alignment(config.cache, geometry));
    geometry.score_base =
        dram.take(score_region_bytes(config.hardware.kv_mmu, config.cache, geometry), "the spilled scores");
}

}  // namespace palimpsest
