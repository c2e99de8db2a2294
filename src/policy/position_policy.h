#pragma once
// Base of the policies that know where each token sits: keeps the slot table, ignores attention rows.

#include "palimpsest/policy.h"
#include "policy/slot_positions.h"

namespace palimpsest {

class PositionPolicy : public EvictionPolicy {
  public:
    void insert(SlotId slot, TokenPosition position) override { slots_.insert(slot, position); }
    void remove(SlotId slot) override { slots_.remove(slot); }
    void move(SlotId from, SlotId to) override { slots_.move(from, to); }
    void observe(const RelevanceRow&) override {}
    bool uses_scores() const override { return false; }

  protected:
    explicit PositionPolicy(std::uint32_t slots) : slots_(slots) {}
    const SlotPositions& slots() const { return slots_; }

  private:
    SlotPositions slots_;
};

}  // namespace palimpsest
