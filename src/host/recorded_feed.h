#pragma once
// Open loop: attention rows of a source (a recorded trace, a generator), laid onto the model and renormalised over what
// each set holds. Rules: docs/eviction.md.

#include <memory>
#include <optional>
#include <vector>

#include "attention/mapped_rows.h"
#include "host/attention_feed.h"
#include "host/future_rows.h"
#include "host/relevance_feed.h"

namespace palimpsest {

class RecordedFeed final : public AttentionFeed {
  public:
    RecordedFeed(const RunConfig& config, std::unique_ptr<AttentionSource> source);

    std::uint32_t views() const override { return static_cast<std::uint32_t>(views_.size()); }
    std::uint32_t view_of(RequestId request, LayerId layer, KvHeadId head) const override {
        return view_of_[index(request.value, layer.value, head.value)];
    }
    FutureAttention& future(std::uint32_t view) override;
    void bind(std::vector<std::uint32_t> views) override;
    void prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) override;
    void generated_token(std::uint32_t position, std::span<EvictionSet> sets) override;
    std::string note() const override { return rows_.note(); }
    bool synthetic() const override { return rows_.synthetic(); }

  private:
    std::size_t index(std::uint32_t request, std::uint32_t layer, std::uint32_t head) const {
        return (std::size_t{request} * model_.layers + layer) * model_.kv_heads + head;
    }

    ModelShape model_;
    std::uint32_t positions_;
    MappedRows rows_;
    std::vector<SetFeed> views_;  ///< what makes views differ
    std::vector<std::uint32_t> view_of_;
    std::vector<std::unique_ptr<FutureRows>> futures_;  ///< by view, where asked for
    std::optional<RelevanceFeed> feed_;
};

}  // namespace palimpsest
