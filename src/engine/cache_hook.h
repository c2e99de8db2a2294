#pragma once
// Who rules the KV cache while a DecoderEngine runs: says where the K and V of a token go and which tokens a query
// attends to, and sees the attention rows that result.
//
// K and V live in cells 0 .. cells-1 of each (text, layer, KV head). For each text and layer, the engine goes through
// the tokens in position order: place(), then attended() for each KV head, then observe(). Layers are processed one
// after another for a whole chunk of tokens; with chunks of one token all layers of a token are done before the next
// comes.

#include <cstdint>
#include <span>

namespace palimpsest {

/// The softmax rows of one token in one layer. Column c is the cell attended(...)[c] of the head's KV head.
struct AttentionRows {
    std::uint32_t text = 0;
    std::uint32_t layer = 0;
    std::uint32_t position = 0;            ///< of the query
    std::uint32_t heads = 0;               ///< query heads
    std::uint32_t columns = 0;             ///< of each row
    std::span<const float> probabilities;  ///< heads x columns
    std::span<const float> logits;         ///< heads x columns, scaled, before softmax
};

class CacheHook {
  public:
    virtual ~CacheHook() = default;

    /// The token at `position` comes; `cells` (by KV head) takes the cells its K and V are written to.
    virtual void place(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                       std::span<std::uint32_t> cells) = 0;
    /// The cells that the token at `position`, just placed, attends to, its own included; as many for every KV head.
    virtual std::span<const std::uint32_t> attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                                    std::uint32_t kv_head) = 0;
    virtual void observe(const AttentionRows& rows) = 0;
};

}  // namespace palimpsest
