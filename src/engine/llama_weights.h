#pragma once
// The weights of a LLaMA-like decoder (RMSNorm, rotary positions, grouped queries, SwiGLU), whatever file they came
// from. Each checkpoint format is one reader that returns this struct.

#include <memory>
#include <span>
#include <vector>

#include "config/model_shape.h"

namespace palimpsest {

/// Matrices are row-major, outputs x inputs: y = W x.
struct LlamaLayerWeights {
    std::span<const float> attention_norm;  ///< hidden
    std::span<const float> query;           ///< q_width x hidden
    std::span<const float> key;             ///< kv_width x hidden
    std::span<const float> value;           ///< kv_width x hidden
    std::span<const float> output;          ///< hidden x q_width
    std::span<const float> ffn_norm;        ///< hidden
    std::span<const float> gate;            ///< ffn_hidden x hidden
    std::span<const float> up;              ///< ffn_hidden x hidden
    std::span<const float> down;            ///< hidden x ffn_hidden
};

/// Rotary pairs are neighbours (2i, 2i + 1) of a head: a reader of a format that pairs i with i + head_dim / 2 permutes
/// the rows of `query` and `key`.
struct LlamaWeights {
    ModelShape shape;  ///< max_positions: the context the model was trained on
    float rope_theta = 10000.0F;
    float norm_epsilon = 1e-5F;
    std::span<const float> token_embedding;  ///< vocabulary x hidden
    std::vector<LlamaLayerWeights> layers;
    std::span<const float> final_norm;    ///< hidden
    std::span<const float> classifier;    ///< vocabulary x hidden; the embedding where tied
    std::shared_ptr<const void> storage;  ///< what the spans point into: a mapped file, or converted copies
};

}  // namespace palimpsest
