#pragma once
// Attention rows made of a hash: some keys heavier than others, every row summing to about one, now and then a row that
// is all zero. Cheap, deterministic, different for each sequence, layer and head.

#include <cstdint>
#include <span>
#include <string>

#include "attention/attention_source.h"

namespace palimpsest {

struct FakeAttentionShape {
    std::uint32_t layers = 2;
    std::uint32_t heads = 3;
    std::uint32_t sequences = 2;
    std::uint32_t length = 64;
    std::uint32_t zero_row_every = 0;  ///< every n-th position has a row of zeros; 0: none
};

class FakeAttention final : public AttentionSource {
  public:
    explicit FakeAttention(const FakeAttentionShape& shape, std::uint64_t* rows_read = nullptr)
        : shape_(shape), rows_read_(rows_read) {}

    std::uint32_t layers() const override { return shape_.layers; }
    std::uint32_t heads() const override { return shape_.heads; }
    std::uint32_t sequences() const override { return shape_.sequences; }
    std::uint32_t length() const override { return shape_.length; }
    std::string describe() const override { return "Rows made of a hash"; }
    bool synthetic() const override { return true; }

    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override {
        if (rows_read_ != nullptr) {
            ++*rows_read_;
        }
        const std::uint32_t stream = (sequence * 64 + layer) * 64 + head;
        const bool zero = shape_.zero_row_every > 0 && position % shape_.zero_row_every == shape_.zero_row_every - 1;
        std::uint64_t total = 0;
        for (std::uint32_t key = 0; key <= position; ++key) {
            total += weight(stream, position, key);
        }
        for (std::uint32_t key = 0; key <= position; ++key) {
            row[key] = zero ? 0 : static_cast<Probability>(weight(stream, position, key) * kProbabilityOne / total);
        }
    }

  private:
    static std::uint32_t hash(std::uint32_t x) {
        x = (x ^ (x >> 16)) * 0x7FEB'352DU;
        x = (x ^ (x >> 15)) * 0x846C'A68BU;
        return x ^ (x >> 16);
    }
    /// A key's own weight (one in eight is heavy) times what this query makes of it.
    static std::uint64_t weight(std::uint32_t stream, std::uint32_t position, std::uint32_t key) {
        const std::uint32_t own = hash(stream * 7919 + key);
        const std::uint64_t base = own % 8 == 0 ? 40 : 1 + own % 5;
        return base * (1 + hash(stream * 104'729 + position * 1009 + key) % 16);
    }

    FakeAttentionShape shape_;
    std::uint64_t* rows_read_;
};

}  // namespace palimpsest
