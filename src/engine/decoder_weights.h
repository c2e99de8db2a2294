#pragma once
// The weights of a decoder-only transformer, whatever file they came from: the LLaMA family (RMSNorm, rotary positions,
// grouped queries, SwiGLU) and the GPT-2 family (LayerNorm, learned positions, GELU, biases). Each format is one reader
// that returns this struct.

#include <cstdint>
#include <memory>
#include <vector>

#include "config/model_shape.h"
#include "engine/weight_matrix.h"

namespace palimpsest {

/// y = W x + b; `bias` may be empty.
struct Linear {
    WeightMatrix weight;
    std::vector<float> bias;  ///< outputs
};
/// RMSNorm has no bias.
struct Norm {
    std::vector<float> weight;  ///< hidden
    std::vector<float> bias;    ///< hidden, or empty
};

struct DecoderLayerWeights {
    Norm attention_norm;
    Linear query;   ///< q_width x hidden
    Linear key;     ///< kv_width x hidden
    Linear value;   ///< kv_width x hidden
    Linear output;  ///< hidden x q_width
    Norm ffn_norm;
    Linear gate;  ///< ffn_hidden x hidden; empty unless the activation is gated
    Linear up;    ///< ffn_hidden x hidden
    Linear down;  ///< hidden x ffn_hidden
};

/// Which elements of a head form a rotary pair.
enum class RotaryPairs : std::uint8_t {
    neighbours,  ///< 2i and 2i + 1 (llama2.c, GGUF)
    halves,      ///< i and i + head_dim / 2 (Hugging Face)
};

struct DecoderWeights {
    ModelShape shape;  ///< max_positions: the context the model was trained on
    RotaryPairs rotary_pairs = RotaryPairs::neighbours;
    float rope_theta = 10000.0F;
    float norm_epsilon = 1e-5F;
    bool exact_gelu = false;          ///< x Phi(x) with erf; otherwise its tanh approximation (GPT-2's gelu_new)
    WeightMatrix token_embedding;     ///< vocabulary x hidden
    WeightMatrix position_embedding;  ///< max_positions x hidden; empty with rotary positions
    std::vector<DecoderLayerWeights> layers;
    Norm final_norm;
    WeightMatrix classifier;              ///< vocabulary x hidden; the embedding where tied
    std::shared_ptr<const void> storage;  ///< what the views point into: mapped files
};

}  // namespace palimpsest
