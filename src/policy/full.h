#pragma once
// Policy `full`: nothing is ever evicted; the cache holds every token. What the others are measured against.

#include "palimpsest/policy.h"

namespace palimpsest {

class FullPolicy final : public EvictionPolicy {
  public:
    void insert(SlotId, TokenPosition) override {}
    void remove(SlotId) override {}
    void move(SlotId, SlotId) override {}
    void observe(const RelevanceRow&) override {}
    std::optional<SlotId> victim(TokenPosition) const override { return std::nullopt; }
    bool uses_scores() const override { return false; }
};

}  // namespace palimpsest
