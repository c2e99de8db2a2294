#pragma once
// Runs a LLaMA-like model over tokens and shows its attention on the way.
//
//   LlamaWeights weights = read_llama2c_checkpoint("model.bin");
//   LlamaEngine engine(weights, {.context = 320});
//   engine.forward(tokens, logits, [&](const AttentionRow& row) { ... });
//
// Tokens are processed in chunks, so that the products are matrix by matrix (BLAS); results do not depend on the chunk
// but for float rounding. A text may be longer than the context the model was trained on: each query then sees the last
// `window` keys only. Rotary positions enter the attention through distances alone, so it meets no distance that it was
// not trained on.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/llama_weights.h"

namespace palimpsest {

struct LlamaEngineConfig {
    std::uint32_t context = 0;  ///< tokens the KV cache holds; 0: the model's max_positions
    std::uint32_t window = 0;   ///< keys a query sees, its own counted; 0: the model's max_positions
    std::uint32_t chunk = 64;   ///< tokens processed together
};

/// The softmax row of one query head.
struct AttentionRow {
    std::uint32_t layer = 0;
    std::uint32_t head = 0;       ///< query head
    std::uint32_t position = 0;   ///< of the query
    std::uint32_t first_key = 0;  ///< position of the first key in `probabilities`; the last is `position`
    std::span<const float> probabilities;
};
using AttentionObserver = std::function<void(const AttentionRow&)>;

class LlamaEngine {
  public:
    using Token = std::uint32_t;

    /// `weights` must outlive the engine.
    explicit LlamaEngine(const LlamaWeights& weights, const LlamaEngineConfig& config = {});

    /// Forgets the text.
    void reset() { position_ = 0; }
    /// Tokens processed since the last reset.
    std::uint32_t position() const { return position_; }
    const ModelShape& shape() const { return weights_.shape; }
    std::uint32_t window() const { return config_.window; }
    std::uint32_t chunk() const { return config_.chunk; }

    /// Continues the text with `tokens`. `logits` is empty or takes vocabulary numbers for each token. The observer
    /// sees every row: chunk by chunk, in a chunk by layer, then head, then position. Throws SimulationError when the
    /// text outgrows the context or a token is not in the vocabulary.
    void forward(std::span<const Token> tokens, std::span<float> logits = {}, const AttentionObserver& observer = {});

  private:
    void forward_chunk(std::span<const Token> tokens, std::span<float> logits, const AttentionObserver& observer);
    void attention(std::uint32_t layer, std::uint32_t count, const AttentionObserver& observer);
    void rotate(std::span<float> vectors, std::uint32_t width, std::uint32_t count) const;

    const LlamaWeights& weights_;
    LlamaEngineConfig config_;
    std::uint32_t position_ = 0;
    std::vector<float> cosines_, sines_;             ///< context x head_dim / 2
    std::vector<std::vector<float>> keys_, values_;  ///< by layer: context x kv_width
    // Of the chunk at hand, row by token.
    std::vector<float> state_, normed_, queries_, mixed_, projected_, gate_, up_, scores_;
};

/// -ln of the probability that softmax(logits) gives `token`.
double negative_log_likelihood(std::span<const float> logits, std::uint32_t token);

/// Threads BLAS uses, for the whole process. Results are the same from run to run for the same number.
void set_engine_threads(unsigned threads);

}  // namespace palimpsest
