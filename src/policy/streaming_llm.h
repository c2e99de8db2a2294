#pragma once
// Policy `streaming_llm`: the first `sinks` tokens and the last tokens stay; the victim is the oldest resident that is
// no sink. Xiao et al., "Efficient Streaming Language Models with Attention Sinks", ICLR 2024 (4 sinks).

#include "policy/position_policy.h"

namespace palimpsest {

class StreamingLlmPolicy final : public PositionPolicy {
  public:
    StreamingLlmPolicy(std::uint32_t slots, std::uint32_t sinks) : PositionPolicy(slots), sinks_(sinks) {}
    std::optional<SlotId> victim(TokenPosition newest) const override;

  private:
    std::uint32_t sinks_;
};

}  // namespace palimpsest
