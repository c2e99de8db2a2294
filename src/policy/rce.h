#pragma once
// Policy `rce`, runtime cache eviction, the default: the victim is the resident whose last relevant moment lies
// furthest back. The rule of the published accelerator is not public; this one is ours, found by measurement
// (docs/rce.md).
//
// Score M, unsigned, `score_bits` wide: a decaying maximum of the logarithm of attention. For each row of the set, each
// resident with probability p (65535 = one):
//
//   L = 0 for p = 0, else (1 + floor(log2 p)) + mantissa, 5 bits before the binary point (Mitchell 1962: leading-one
//       position and the bits behind it, no table)
//   M = max(M - delta, L),   delta so that M falls by one (a factor of two of attention) in
//                            rce_half_life * C * C / w steps
//
// so a set whose scores foretell attention (its window w is small) forgets slowly, one that has become a sliding window
// fast.
//
// Protected: positions below `sinks`, and the last w up to the newest. The window w is a register of the set between
// `recent` and rce_most_recent * C: where scores foretell attention it shrinks, where they do not (heads that look back
// at what they never looked at before) it grows and the set becomes a sliding window. For each row, over the residents
// older than C / 8 and inside w, with m a register that follows the median of their M
// (a quarter of an octave a row, up where more than half are above it):
//
//   w = w + 1 where  4 * sum(p with M > m) < 3 * sum(p),  else w - 1
//
// Ties go to the oldest. State: a score a slot; w, m and the phase of delta a set.

#include <vector>

#include "config/run_config.h"
#include "policy/scored_policy.h"

namespace palimpsest {

class RcePolicy final : public ScoredPolicy<std::uint32_t> {
  public:
    /// Uses sinks, recent, budget (C), score_bits (2 to 32), rce_half_life, rce_most_recent of `config`.
    RcePolicy(const CacheConfig& config, std::uint32_t slots);

    void observe(const RelevanceRow& row) override;
    std::optional<SlotId> victim(TokenPosition newest) const override;
    std::optional<std::uint32_t> recent_window() const override { return window_; }

    std::uint32_t score(SlotId slot) const { return scores()[slot.value]; }
    /// Tokens up to the newest that are protected now.
    std::uint32_t window() const { return window_; }

  private:
    /// What scores lose in this row.
    std::uint32_t next_decay();
    /// What the row at `query` says of how well scores foretell attention.
    void adapt_window(const RelevanceRow& row);

    std::uint32_t score_max_;
    std::uint32_t fraction_bits_;
    std::uint32_t median_step_;
    std::uint64_t decay_period_;     ///< a score falls by one while windows add up to it; 0: it stays
    std::uint64_t decay_phase_ = 0;  ///< of a step of the score, in 1 / decay_period_
    std::uint32_t youngest_judged_;  ///< ages above it are looked at for the window
    std::uint32_t least_window_, most_window_;
    std::uint32_t window_;
    std::uint32_t median_ = 0;  ///< tracks that of the scores that are looked at for the window
};

/// 1 + log2 of a sample, piecewise linear between powers of two, `fraction_bits` behind the binary point; 0 for 0.
std::uint32_t log_relevance(RelevanceSample sample, std::uint32_t fraction_bits);

}  // namespace palimpsest
