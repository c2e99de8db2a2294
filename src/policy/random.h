#pragma once
// Policy `random`: the victim is any resident, each as likely as the other; nothing is protected.
//
// Counter-based: a victim is a function of (seed, set, newest position, residents) and the slot table alone, so it is
// the same whenever and however often it is asked for.

#include "policy/position_policy.h"

namespace palimpsest {

class RandomPolicy final : public PositionPolicy {
  public:
    RandomPolicy(std::uint32_t slots, std::uint64_t seed, std::uint64_t set);
    std::optional<SlotId> victim(TokenPosition newest) const override;
    bool differs_by_set() const override { return true; }

  private:
    std::uint64_t key_;
};

}  // namespace palimpsest
