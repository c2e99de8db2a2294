#pragma once
// One eviction set of the replay: a policy and the slot table it rules, for all (request, layer, KV head) whose
// decisions are the same. Says for each step which tokens are placed and which slots freed.
//
// Slots 0 .. slots-1 are in DRAM. During a prompt chunk its tokens sit in temporary slots slots .. slots+temporaries-1,
// on chip; when the chunk ends, its survivors move to the lowest free DRAM slots in position order.
//
// A step is begin_*(), then for each new token add_*() and, where the policy reads rows, observe(); then end_*().

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hardware/command.h"
#include "host/cache_replay.h"
#include "palimpsest/policy.h"
#include "policy/slot_positions.h"

namespace palimpsest {

struct EvictionSetShape {
    std::uint32_t slots = 0;        ///< DRAM slots: the most residents there ever are
    std::uint32_t temporaries = 0;  ///< largest prompt chunk
    std::uint32_t sinks = 0;        ///< positions that no victim may come from, checked: the first ...
    std::uint32_t recent = 0;       ///< ... and the last, or more where the policy says so
};

class EvictionSet {
  public:
    EvictionSet(const EvictionSetShape& shape, std::unique_ptr<EvictionPolicy> policy);

    void begin_chunk();
    /// The next prompt token of the chunk, into a temporary slot.
    void add_prompt_token(TokenPosition position);
    /// Cuts the set back to its slots, to one less where `free_one` asks for room for a token after the chunk, and
    /// moves the chunk's survivors in. `newest` is the chunk's last position.
    void end_chunk(TokenPosition newest, bool free_one);

    /// A generated token takes the lowest free slot.
    void begin_generation(TokenPosition position);
    /// Frees a slot where `free_one` asks for room for the token after `position` and there is none.
    void end_generation(TokenPosition position, bool free_one);

    /// One query's attention, by slot; as long as positions().
    void observe(const RelevanceRow& row) { policy_->observe(row); }
    bool uses_logits() const { return policy_->uses_logits(); }

    /// Positions by slot, temporaries included; SlotPositions::kFree where free.
    std::span<const std::uint32_t> positions() const { return table_.occupied(); }
    /// Of the step that ended last.
    const CacheDecision& decision() const { return decision_; }
    std::uint32_t peak_residents() const { return peak_residents_; }
    std::uint32_t slots() const { return shape_.slots; }

  private:
    void evict(TokenPosition newest, std::vector<SlotId>& freed);
    SlotId take_lowest_free();
    std::uint32_t tokens() const { return table_.count(); }
    void finish(std::vector<KvPlacement> placed, std::vector<SlotId> freed);
    void check_table() const;

    EvictionSetShape shape_;
    std::unique_ptr<EvictionPolicy> policy_;
    SlotPositions table_;
    std::uint32_t lowest_free_ = 0;   ///< no DRAM slot below it is free
    std::uint32_t residents_ = 0;     ///< tokens in DRAM slots
    std::uint32_t chunk_tokens_ = 0;  ///< tokens of the chunk that came
    std::uint32_t searches_ = 0;
    std::optional<TokenPosition> newest_;  ///< of the last search, where positions are protected
    std::optional<std::uint32_t> window_;  ///< of the last search, where the policy adapts it
    std::uint32_t residents_before_ = 0;
    std::uint32_t peak_residents_ = 0;
    std::vector<KvPlacement> placed_;
    CacheDecision decision_;
};

}  // namespace palimpsest
