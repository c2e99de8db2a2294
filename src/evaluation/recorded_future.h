#pragma once
// The attention of whole texts under a full cache, kept in memory by eviction set: what the oracle looks at.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/decoder_engine.h"
#include "evaluation/managed_cache.h"

namespace palimpsest {

/// One set's rows over one text, 16 bits a probability.
class RecordedFuture final : public FutureAttention {
  public:
    explicit RecordedFuture(std::uint32_t length);

    std::uint32_t length() const override { return length_; }
    void row(TokenPosition query, std::span<float> row) override;
    /// Adds `share` times probabilities 0 to 1 of the query's row; shares of a row sum to one.
    void add(std::uint32_t query, std::span<const float> probabilities, float share);

  private:
    std::uint32_t length_;
    std::vector<std::uint16_t> codes_;  ///< rows 0, 1, 2, ... of 1, 2, 3, ... keys
};

/// A full cache whose rows are recorded, for `texts` texts of `length` tokens.
class FutureRecorder final : public FullCache {
  public:
    FutureRecorder(const ModelShape& shape, EvictionScope scope, std::uint32_t texts, std::uint32_t length);

    void observe(const AttentionRows& rows) override;
    /// By set.
    std::vector<FutureAttention*> futures(std::uint32_t text);

  private:
    ModelShape shape_;
    SetIndex index_;
    std::vector<RecordedFuture> futures_;  ///< texts x sets
};

}  // namespace palimpsest
