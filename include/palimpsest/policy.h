#pragma once
// The eviction policy interface: plain C++, no SystemC. One instance rules one eviction set: the residents of one
// (request, layer, KV head), or of a whole layer or model where one victim serves all (cache.scope).
//
// To try a policy of your own, derive from EvictionPolicy and hand a PolicyFactory to the run:
//
//   class NewestFirst : public EvictionPolicy { ... };
//   PolicyFactory mine = [](std::uint32_t slots, std::uint64_t, std::uint64_t) {
//       return std::make_unique<NewestFirst>(slots);
//   };

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "palimpsest/types.h"

namespace palimpsest {

/// Attention mass as the policy receives it: 65535 = probability one, already averaged over the query group.
using RelevanceSample = std::uint32_t;

class EvictionPolicy {
  public:
    virtual ~EvictionPolicy() = default;

    /// A token has been written into a free slot. Tokens come in position order.
    virtual void insert(SlotId slot, TokenPosition position) = 0;
    /// The token in `slot` has been evicted.
    virtual void remove(SlotId slot) = 0;
    /// The token in `from` has moved to the free slot `to`, score and all: a prompt chunk's survivor finds its place.
    virtual void move(SlotId from, SlotId to) = 0;
    /// The attention row of the query at `query`, by slot (free slots hold 0). Slots from `row.size()` on are free.
    virtual void observe(std::span<const RelevanceSample> row, TokenPosition query) = 0;
    /// The slot to free for the next token, or nothing when every resident is protected. `newest` is the position of
    /// the newest token of the sequence, counting the one that is about to come. Never a protected slot; ties go to the
    /// oldest token.
    virtual std::optional<SlotId> victim(TokenPosition newest) const = 0;
    /// Whether the policy uses attention rows at all (window and random do not): without, no score hardware works.
    virtual bool uses_scores() const = 0;
    /// Whether sets that see the same rows may still decide differently (random does). Where not, such sets are
    /// replayed once for all.
    virtual bool differs_by_set() const { return false; }
};

/// Makes the policy of one set of `slots` slots; `set` numbers the sets of a run and `seed` is the run's, for what is
/// random.
using PolicyFactory =
    std::function<std::unique_ptr<EvictionPolicy>(std::uint32_t slots, std::uint64_t seed, std::uint64_t set)>;

}  // namespace palimpsest
