#pragma once
// A transformer as the machine sees it: counts and widths, no weights.

#include <cstdint>
#include <string>

#include "palimpsest/types.h"

namespace palimpsest {

enum class Normalisation : std::uint8_t { layer_norm, rms_norm };
enum class Activation : std::uint8_t { gelu, relu, silu_gated };  ///< silu_gated: down(silu(gate(x)) * up(x))
enum class PositionEncoding : std::uint8_t { learned, rope };

struct ModelShape {
    std::string name;
    std::string family;          ///< gpt2, opt, llama, mistral, qwen2
    std::uint32_t layers = 0;    ///< L
    std::uint32_t hidden = 0;    ///< d
    std::uint32_t heads = 0;     ///< H, query heads
    std::uint32_t kv_heads = 0;  ///< Hkv
    std::uint32_t head_dim = 0;  ///< dh
    std::uint32_t ffn_hidden = 0;
    std::uint32_t vocabulary = 0;
    std::uint32_t max_positions = 0;
    Normalisation normalisation = Normalisation::layer_norm;
    Activation activation = Activation::gelu;
    PositionEncoding positions = PositionEncoding::learned;
    bool tied_embeddings = false;   ///< the output projection is the embedding table (same bytes, read once a step)
    std::uint32_t weight_bits = 8;  ///< 8 or 16

    std::uint32_t group() const { return heads / kv_heads; }  ///< query heads a KV head
    std::uint32_t q_width() const { return heads * head_dim; }
    std::uint32_t kv_width() const { return kv_heads * head_dim; }
    /// Multiply-accumulates of the projections of one token through all layers, without the vocabulary projection.
    std::uint64_t layer_macs_per_token() const {
        const std::uint64_t attention =
            std::uint64_t{hidden} * (q_width() + 2ULL * kv_width()) + std::uint64_t{q_width()} * hidden;
        const std::uint64_t ffn = std::uint64_t{hidden} * ffn_hidden * (activation == Activation::silu_gated ? 3 : 2);
        return layers * (attention + ffn);
    }
    std::uint64_t vocabulary_macs_per_token() const { return std::uint64_t{hidden} * vocabulary; }
    /// Weights of projections and embeddings; biases and normalisation, below 0.1 %, are not counted.
    std::uint64_t parameters() const {
        const std::uint64_t tables = std::uint64_t{vocabulary} * (tied_embeddings ? 1 : 2) +
                                     (positions == PositionEncoding::learned ? max_positions : 0);
        return layer_macs_per_token() + tables * hidden;
    }
};

}  // namespace palimpsest
