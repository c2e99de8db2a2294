#pragma once
// Closed loop: a real model reads the requests' texts, attends to what the eviction sets hold, and they observe the
// rows that result. Evictions change K, V and attention of all that follows.
//
// The sets are those of the engine's model: one for each text and (layer, KV head), layer or model. Where the simulated
// model has another shape, its layer l follows engine layer floor(l * Le / L), its KV head h engine head h mod He, and
// request r text r mod (texts there are).
//
// A prompt chunk goes through the engine layer by layer: its tokens see the residents and the chunk up to themselves,
// and the sets observe the rows in position order once the chunk has passed all layers.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attention/text_sequences.h"
#include "engine/decoder_engine.h"
#include "engine/model_files.h"
#include "host/attention_feed.h"
#include "policy/relevance_mean.h"
#include "policy/set_index.h"

namespace palimpsest {

class EngineFeed final : public AttentionFeed, private CacheHook {
  public:
    /// `with_logits`: the policy uses them. Throws InputError where the model cannot be opened, or the text or the
    /// model's context is too short.
    EngineFeed(const RunConfig& config, const AttentionEngineSource& source, bool with_logits);

    std::uint32_t views() const override { return texts() * index_.sets(); }
    std::uint32_t view_of(RequestId request, LayerId layer, KvHeadId head) const override;
    FutureAttention& future(std::uint32_t) override { return future_; }
    void bind(std::vector<std::uint32_t> views) override;
    void prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) override;
    void generated_token(std::uint32_t position, std::span<EvictionSet> sets) override;
    std::string note() const override;

  private:
    /// What a view holds while tokens pass through the engine, and what it will observe.
    struct View {
        std::vector<std::uint32_t> attended;  ///< positions: residents, then the tokens at hand
        std::vector<RelevanceMean> rows;      ///< by token at hand, columns as in `attended`
    };

    void place(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
               std::span<std::uint32_t> cells) override;
    std::span<const std::uint32_t> attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                            std::uint32_t kv_head) override;
    void observe(const AttentionRows& rows) override;

    std::uint32_t texts() const { return static_cast<std::uint32_t>(tokens_.size()); }
    View& view(std::uint32_t text, std::uint32_t layer, std::uint32_t kv_head) {
        return views_[std::size_t{text} * index_.sets() + index_.of(layer, kv_head)];
    }
    /// Columns of the row of the token at `position`: tokens at hand behind it are not seen.
    std::size_t columns(const View& view, std::uint32_t position) const;
    void read(std::uint32_t first, std::uint32_t count);
    void show(View& view, std::uint32_t position, EvictionSet& set);

    LoadedModel model_;
    ModelShape simulated_;
    SetIndex index_;
    std::string text_name_;
    bool with_logits_;
    std::vector<TokenSequence> tokens_;  ///< by text
    DecoderEngine engine_;
    std::vector<View> views_;
    NoFuture future_;
    std::uint32_t first_ = 0, count_ = 0;  ///< tokens at hand
    // Rows by slot, for a set.
    std::vector<std::uint32_t> column_of_;  ///< by position, of those attended
    std::vector<RelevanceSample> samples_;
    std::vector<float> logits_;
};

}  // namespace palimpsest
