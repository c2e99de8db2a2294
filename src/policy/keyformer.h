#pragma once
// Policy `keyformer`: the victim has the least accumulated Gumbel-softmax of its logits. Adnan et al., "Keyformer: KV
// Cache Reduction through Key Tokens Selection for Efficient Generative Inference", MLSys 2024 (arXiv 2403.09054).
// Defaults: 30 % of the budget is recent tokens, temperature from 1 to 2, one victim a KV head.
//
// Score: sum over queries of softmax over the residents of (logit + noise) / temperature. The noise is a standard
// Gumbel number a token, drawn once: a hash of the run's seed and the token's position, so sets with the same rows
// decide alike. The temperature is `keyformer_tau_init` for queries before the cache is full for the first time
// (positions below the budget) and then rises linearly, over `keyformer_tau_tokens` queries, to `keyformer_tau_end`,
// where it stays: published for a generation of known length, which a stream has not. 100 tokens is the step of the
// authors' program, 0.01 a token.

#include "policy/scored_policy.h"

namespace palimpsest {

class KeyformerPolicy final : public ScoredPolicy<double> {
  public:
    /// Uses budget, sinks, recent and keyformer_* of `config`.
    KeyformerPolicy(const CacheConfig& config, std::uint32_t slot_count, std::uint64_t seed);

    void insert(SlotId slot, TokenPosition position) override;
    void move(SlotId from, SlotId to) override;
    void observe(const RelevanceRow& row) override;
    bool uses_logits() const override { return true; }

    double temperature(TokenPosition query) const;
    /// -ln(-ln u), u = (the upper 53 bits of h + 1/2) / 2^53, h = mix(mix(seed + g) + g * (position + 1)) with the
    /// mixing function and the step g of SplitMix64.
    static double gumbel_noise(std::uint64_t seed, TokenPosition position);

  private:
    std::uint64_t seed_;
    std::uint32_t budget_;
    double tau_init_, tau_end_;
    std::uint32_t tau_tokens_;
    std::vector<double> noise_;    ///< by slot
    std::vector<double> weights_;  ///< of the row at hand
};

}  // namespace palimpsest
