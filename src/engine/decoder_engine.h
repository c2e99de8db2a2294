#pragma once
// Runs a decoder-only transformer (LLaMA or GPT-2 family) over several texts in lockstep, with a KV cache that somebody
// else rules: a CacheHook says where each token's K and V go, which tokens are attended to, and sees the rows.
//
//   LoadedModel model = open_model("models/stories15M");
//   DecoderEngine engine(model.weights, {.texts = 2, .cells = 32});
//   engine.forward(tokens, hook, [&](const LogitsBlock& block) { ... });
//
// The texts advance together, so that all products are matrix by matrix (BLAS), and so that a model with another cache
// policy can run beside one with the full cache. Tokens of a text are processed in chunks: within a chunk, layer after
// layer. Results do not depend on the number of threads, nor on the chunk but for float rounding.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/cache_hook.h"
#include "engine/decoder_weights.h"
#include "engine/worker_pool.h"

namespace palimpsest {

struct DecoderEngineConfig {
    std::uint32_t texts = 1;
    std::uint32_t cells = 0;      ///< tokens that K and V of a (text, layer, KV head) have room for; 0: max_positions
    std::uint32_t positions = 0;  ///< longest text; 0: max_positions
    std::uint32_t chunk = 64;     ///< tokens of each text processed together
    std::uint32_t group = 1;      ///< neighbouring texts that the hook sees one after another, in order
    unsigned threads = 0;         ///< 0: as many as there are cores
    /// Where given, the cells of each text of a group, in order, in place of `cells`: a small cache beside a full one
    /// then takes no more memory than it holds.
    std::vector<std::uint32_t> group_cells = {};
};

/// Logits of some positions of every text.
struct LogitsBlock {
    std::uint32_t first_position = 0;
    std::uint32_t positions = 0;
    std::uint32_t vocabulary = 0;
    std::span<const float> values;  ///< texts x positions x vocabulary

    std::span<const float> row(std::uint32_t text, std::uint32_t position) const {
        return values.subspan((std::size_t{text} * positions + (position - first_position)) * vocabulary, vocabulary);
    }
};
using LogitsObserver = std::function<void(const LogitsBlock&)>;

class DecoderEngine {
  public:
    using Token = std::uint32_t;

    /// `weights` must outlive the engine.
    explicit DecoderEngine(const DecoderWeights& weights, const DecoderEngineConfig& config = {});

    /// Forgets the texts.
    void reset() { position_ = 0; }
    /// Tokens of each text processed since the last reset.
    std::uint32_t position() const { return position_; }
    const ModelShape& shape() const { return weights_.shape; }
    const DecoderEngineConfig& config() const { return config_; }
    WorkerPool& pool() { return pool_; }

    /// Continues every text by as many tokens: `tokens` is texts x count. `on_logits`, where given, sees the logits
    /// behind every token, in position order. The hook is called from several threads at once, but never for texts of
    /// one group. Throws SimulationError when a text outgrows `positions` or a token is not in the vocabulary or
    /// the hook names a cell that is not there, InputError when attention or logits are not finite numbers.
    void forward(std::span<const Token> tokens, CacheHook& hook, const LogitsObserver& on_logits = {});

  private:
    /// Buffers of one worker.
    struct Scratch {
        std::vector<float> tile;                   ///< weights, converted
        std::vector<float> keys, values;           ///< gathered, where cells are not in one piece
        std::vector<float> logits, probabilities;  ///< heads x cells of one token
        std::vector<std::uint32_t> cells;          ///< by KV head
    };

    void forward_chunk(std::span<const Token> tokens, std::uint32_t first, std::uint32_t count,
                       std::uint32_t tokens_a_text, CacheHook& hook, const LogitsObserver& on_logits);
    void attend(std::uint32_t layer, std::uint32_t text, std::uint32_t count, CacheHook& hook, Scratch& scratch);
    void attend_head(std::uint32_t layer, std::uint32_t text, std::size_t row, std::uint32_t kv_head,
                     std::span<const std::uint32_t> cells, Scratch& scratch);
    void feed_forward(const DecoderLayerWeights& layer, std::size_t rows);
    void show_logits(std::uint32_t count, const LogitsObserver& on_logits);
    void normalise(const Norm& norm, std::span<const float> rows);
    void project(const Linear& linear, std::span<const float> rows, std::span<float> result);
    void rotate(std::span<float> vectors, std::uint32_t position) const;
    std::uint32_t cells_a_head(std::uint32_t text) const {
        return config_.group_cells.empty() ? config_.cells : config_.group_cells[text % config_.group];
    }
    float* cells_of(std::vector<std::vector<float>>& store, std::uint32_t layer, std::uint32_t text,
                    std::uint32_t kv_head) const;

    const DecoderWeights& weights_;
    DecoderEngineConfig config_;
    WorkerPool pool_;
    std::vector<Scratch> scratch_;  ///< by worker
    std::uint32_t position_ = 0;
    std::vector<float> cosines_, sines_;             ///< positions x head_dim / 2
    std::vector<std::size_t> first_cell_;            ///< by text: cells that those before it have for one KV head
    std::vector<std::vector<float>> keys_, values_;  ///< by layer: texts x kv_heads x cells x head_dim
    // Of the chunk at hand, texts x tokens rows.
    std::vector<float> state_, normed_, queries_, new_keys_, new_values_, mixed_, projected_, gate_, up_, logits_;
};

/// A full cache: every token has its own cell (its position), and a query sees the last `window` keys, its own counted.
class FullCache : public CacheHook {
  public:
    FullCache(std::uint32_t cells, std::uint32_t window);
    void place(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
               std::span<std::uint32_t> cells) override;
    std::span<const std::uint32_t> attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                            std::uint32_t kv_head) override;
    void observe(const AttentionRows&) override {}

  private:
    std::uint32_t window_;
    std::vector<std::uint32_t> positions_;  ///< 0, 1, 2, ...
};

/// -ln of the probability that softmax(logits) gives `token`.
double negative_log_likelihood(std::span<const float> logits, std::uint32_t token);

}  // namespace palimpsest
