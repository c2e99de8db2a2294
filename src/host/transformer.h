#pragma once
// Lowers one step of a transformer to tile commands: a prefill chunk or a generation step of the whole batch, or any
// mixture of prompt chunks and generation tokens of different requests.
//
// A step: embedding; per layer: norm, q/k/v projection (with RoPE), attention, output projection (added to the
// residual), norm, feed-forward up (with its activation) and down (added to the residual); a final norm and the
// vocabulary projection for each request's newest token, in generation and after the last prefill chunk.
//
// Activations are 8 bit, the residual stream and the logits 16 bit. A tensor stays in the activation buffer when it
// fits beside those before it in the order X, O, residual, q/k/v, feed-forward; otherwise it lies in DRAM.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "host/attention_lowering.h"
#include "host/cache_replay.h"
#include "host/memory_map.h"
#include "host/projection.h"
#include "host/step.h"

namespace palimpsest {

/// Where the step's tensors lie that are not on chip: room for the largest step, and for one row of logits a request.
struct ActivationMap {
    Bytes residual = 0, normed = 0, qkv = 0, attended = 0, hidden = 0, last = 0, logits = 0;
};
/// Most tokens of a step where requests come one by one.
std::uint32_t serving_step_tokens(const RunConfig& config);
/// The largest step of a run: rows of its tensors, and requests whose logits it asks for.
struct StepRoom {
    std::uint64_t rows = 0;
    std::uint32_t logits = 0;
};
StepRoom largest_step(const RunConfig& config);
ActivationMap map_activations(const RunConfig& config, DramAllocator& dram);

class TransformerLowering {
  public:
    /// Takes its DRAM for activations from `dram`; `weights` has been mapped before.
    TransformerLowering(Lowering& lowering, const WeightMap& weights, DramAllocator& dram);

    /// Called with the number of layers done, of all layers of the step.
    using LayerDone = std::function<void(std::uint32_t)>;

    /// The tokens of `segments`, all together; their replays have processed them.
    void step(std::span<const StepSegment> segments, const LayerDone& done);

    /// Prompt tokens [first, first + count) of every request; `replay` has processed the chunk. `last` adds the logits.
    void prefill_chunk(const CacheReplay& replay, std::uint32_t first, std::uint32_t count, bool last,
                       const LayerDone& done);
    /// The token at `position` of every request.
    void generation_step(const CacheReplay& replay, std::uint32_t position, const LayerDone& done);

  private:
    void whole_batch(const CacheReplay& replay, StepSegment segment, const LayerDone& done);
    void place_tensors(std::uint64_t rows);
    void embed(std::span<const StepSegment> segments);
    void layer(std::span<const StepSegment> segments, std::uint32_t index);
    void vocabulary(std::span<const StepSegment> segments);
    VectorKind norm() const;

    Lowering& lowering_;
    const ModelShape& model_;
    std::uint32_t most_logits_;
    WeightMap weights_;
    AttentionLowering attention_;
    Tensor residual_, normed_, qkv_, attended_, hidden_, last_, logits_;
    std::uint64_t placed_for_ = 0;    ///< rows the tensors are placed for
    std::vector<RequestRows> rows_;   ///< of the step at hand, by segment
    std::vector<StepSegment> batch_;  ///< scratch of whole_batch()
};

/// Geometry of the model's attention.
AttentionGeometry attention_geometry(const RunConfig& config);
/// Tokens of one prefill chunk.
std::uint32_t prefill_chunk_tokens(const RunConfig& config);

}  // namespace palimpsest
