#pragma once
// The eviction policy interface: plain C++, no SystemC. One instance rules one eviction set: the residents of one
// (request, layer, KV head), or of a whole layer or model where one victim serves all (cache.scope).
//
// To try a policy of your own, derive from EvictionPolicy and hand a PolicyFactory to the run:
//
//   class NewestFirst : public EvictionPolicy { ... };
//   PolicyFactory mine = [](std::uint32_t slots, const PolicyContext&) { return std::make_unique<NewestFirst>(slots);
//   };

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "palimpsest/types.h"

namespace palimpsest {

/// Attention mass as the policy receives it: 65535 = probability one.
using RelevanceSample = std::uint32_t;

/// What one query's attention tells one eviction set: by slot, averaged over the set's query heads. Slots from
/// `probabilities.size()` on are free; free slots before it hold probability 0 and any finite logit.
struct RelevanceRow {
    std::span<const RelevanceSample> probabilities;
    /// Before softmax, as long as `probabilities`; empty unless the policy uses_logits().
    std::span<const float> logits;
    TokenPosition query;
};

/// The attention of a whole text that runs with a full cache, averaged over one set's query heads: what no machine has,
/// and the oracle needs.
class FutureAttention {
  public:
    virtual ~FutureAttention() = default;
    /// Queries there are rows for, from position 0 on.
    virtual std::uint32_t length() const = 0;
    /// The probabilities (0 to 1) that the query at `query` < length() gives the keys 0 .. query;
    /// `row.size() == query + 1`. Same arguments, same row.
    virtual void row(TokenPosition query, std::span<float> row) = 0;
};

class EvictionPolicy {
  public:
    virtual ~EvictionPolicy() = default;

    /// A token has been written into a free slot. Tokens come in position order.
    virtual void insert(SlotId slot, TokenPosition position) = 0;
    /// The token in `slot` has been evicted.
    virtual void remove(SlotId slot) = 0;
    /// The token in `from` has moved to the free slot `to`, score and all: a prompt chunk's survivor finds its place.
    virtual void move(SlotId from, SlotId to) = 0;
    /// The attention of one query; queries come in position order.
    virtual void observe(const RelevanceRow& row) = 0;
    /// The slot to free for the next token, or nothing when every resident is protected. `newest` is the position of
    /// the newest token of the sequence, counting the one that is about to come. Never a protected slot; ties go to the
    /// oldest token.
    virtual std::optional<SlotId> victim(TokenPosition newest) const = 0;
    /// How many positions up to the newest are protected now, where the rows seen so far decide it (rce); nothing where
    /// it is the configured number all along.
    virtual std::optional<std::uint32_t> recent_window() const { return std::nullopt; }
    /// Whether the policy uses attention rows at all (window and random do not): without, no score hardware works.
    virtual bool uses_scores() const = 0;
    /// Whether rows must carry logits.
    virtual bool uses_logits() const { return false; }
    /// Whether sets that see the same rows may still decide differently (random does). Where not, such sets are
    /// replayed once for all.
    virtual bool differs_by_set() const { return false; }
};

/// What a policy knows besides its configuration.
struct PolicyContext {
    std::uint64_t seed = 0;             ///< of the run, for what is random
    std::uint64_t set = 0;              ///< numbers the sets of a run
    FutureAttention* future = nullptr;  ///< of the set; outlives the policy. Only the oracle reads it
};

/// Makes the policy of one set of `slots` slots.
using PolicyFactory = std::function<std::unique_ptr<EvictionPolicy>(std::uint32_t slots, const PolicyContext& context)>;

}  // namespace palimpsest
