#pragma once
// Policy `window`: the last tokens stay, as many as there are slots; the victim is the oldest resident.

#include "policy/position_policy.h"

namespace palimpsest {

class WindowPolicy final : public PositionPolicy {
  public:
    explicit WindowPolicy(std::uint32_t slots) : PositionPolicy(slots) {}
    std::optional<SlotId> victim(TokenPosition newest) const override;
};

}  // namespace palimpsest
