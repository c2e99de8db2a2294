#pragma once
// The mean of a set's attention rows, as its policy observes it: rows of query heads in, one RelevanceRow out.

#include <cstdint>
#include <span>
#include <vector>

#include "palimpsest/policy.h"

namespace palimpsest {

class RelevanceMean {
  public:
    /// Starts a row of `columns` tokens. `with_logits`: for a policy that uses them.
    void begin(std::size_t columns, bool with_logits);
    /// Rows of `heads` query heads, heads x columns; `logits` is read only where asked for.
    void add(std::span<const float> probabilities, std::span<const float> logits, std::uint32_t heads);
    /// The mean, probabilities rounded to 65535ths; valid until the next begin().
    RelevanceRow row(TokenPosition query);

  private:
    bool with_logits_ = false;
    std::uint32_t heads_ = 0;
    std::vector<float> probabilities_, logits_;  ///< sums
    std::vector<RelevanceSample> samples_;
};

}  // namespace palimpsest
