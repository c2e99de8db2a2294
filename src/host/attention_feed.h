#pragma once
// Where eviction sets get their attention rows from. A view is what one set may observe: the rows of some query heads
// of one text. Several (request, layer, KV head) may share a view, and then they evict alike.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "host/eviction_set.h"
#include "palimpsest/policy.h"
#include "palimpsest/types.h"

namespace palimpsest {

class AttentionFeed {
  public:
    virtual ~AttentionFeed() = default;

    virtual std::uint32_t views() const = 0;
    /// The view of the set that rules this (request, layer, KV head).
    virtual std::uint32_t view_of(RequestId request, LayerId layer, KvHeadId head) const = 0;
    /// What the oracle looks at. Lives as long as the feed.
    virtual FutureAttention& future(std::uint32_t view) = 0;
    /// Set i observes view `views[i]`. Called once, before any token.
    virtual void bind(std::vector<std::uint32_t> views) = 0;

    /// Prompt tokens [first, first + count) come: each set takes them one by one and observes each one's row.
    virtual void prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) = 0;
    /// The token at `position` has been placed in every set: each observes its row.
    virtual void generated_token(std::uint32_t position, std::span<EvictionSet> sets) = 0;
    /// Sentences for the report: what the rows are and how they were mapped onto the model.
    virtual std::string note() const = 0;
    /// Whether the rows are a generator's, and what follows from them an estimate.
    virtual bool synthetic() const { return false; }
};

/// For policies that do not look ahead.
class NoFuture final : public FutureAttention {
  public:
    std::uint32_t length() const override { return 0; }
    void row(TokenPosition, std::span<float>) override {}
};

/// No rows: for policies that read none, and runs in which nothing is evicted. One view.
class NoAttention final : public AttentionFeed {
  public:
    explicit NoAttention(std::string note) : note_(std::move(note)) {}

    std::uint32_t views() const override { return 1; }
    std::uint32_t view_of(RequestId, LayerId, KvHeadId) const override { return 0; }
    FutureAttention& future(std::uint32_t) override { return future_; }
    void bind(std::vector<std::uint32_t>) override {}
    void prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) override;
    void generated_token(std::uint32_t, std::span<EvictionSet>) override {}
    std::string note() const override { return note_; }

  private:
    std::string note_;
    NoFuture future_;
};

}  // namespace palimpsest
