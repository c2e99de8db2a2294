#pragma once
// The eviction policy interface: plain C++, no SystemC. One instance rules one eviction set: the residents of one
// (request, layer, KV head), or of a whole layer or model where one victim serves all (CacheConfig::scope).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "config/run_config.h"
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
    /// The attention row of the query at `query`, by slot (free slots hold 0); `row.size()` is the number of slots.
    virtual void observe(std::span<const RelevanceSample> row, TokenPosition query) = 0;
    /// The slot to free for the next token, or nothing when every resident is protected. `newest` is the position of the
    /// newest token of the sequence, counting the one that is about to come. Never a protected slot; ties go to the
    /// oldest token.
    virtual std::optional<SlotId> victim(TokenPosition newest) const = 0;
    /// Whether the policy uses attention rows at all (window and random do not): without, no score hardware works.
    virtual bool uses_scores() const = 0;
};

/// Makes the policy `config.policy` for sets of `slots` slots; `set` seeds what is random. Throws InputError on an
/// unknown name.
std::unique_ptr<EvictionPolicy> make_policy(const CacheConfig& config, std::uint32_t slots, std::uint64_t seed,
                                            std::uint64_t set);

}  // namespace palimpsest
