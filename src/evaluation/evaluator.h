#pragma once
// What eviction does to a model: the texts are read by the model with a full cache and, in lockstep, with each policy
// at its budget (teacher forcing: every token of the text is given, whatever the model would have said).
//
// Scored are the predictions of the tokens from `score_from` on. Evictions change K and V of all later layers and
// tokens (closed loop). A policy's decisions in one layer depend on that layer's rows alone, so chunks of tokens go
// through layer by layer and the result is that of token by token; with scope model, texts advance one token at a time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "engine/decoder_weights.h"
#include "evaluation/prediction_metrics.h"

namespace palimpsest {

struct EvaluationRequest {
    std::vector<CacheConfig> variants;              ///< policies at budgets; `full` itself need not be among them
    std::vector<std::vector<std::uint32_t>> texts;  ///< tokens, all of one length, 2 or more
    std::optional<std::uint32_t> unscored;          ///< token whose prediction never counts: the begin mark
    std::uint32_t score_from = 1;                   ///< first position whose token's prediction counts, 1 or more
    std::uint64_t seed = 1;                         ///< for policies that draw
    unsigned threads = 0;                           ///< 0: as many as there are cores
    /// Keys, values and recorded futures that texts in lockstep may take; more texts are read one group after another.
    std::uint64_t cache_bytes = std::uint64_t{2} << 30;
};

struct VariantResult {
    CacheConfig cache;
    std::uint32_t slots = 0;
    PredictionMetrics metrics;
    /// Perplexity over that of the full cache, and its standard error over texts (of the mean log ratio; 0 with one
    /// text).
    double relative_perplexity = 1;
    double relative_error = 0;
    double mass_kept = 1;  ///< of the full cache's attention, mean over layers, query heads and scored positions
    std::uint64_t evictions = 0;
    std::vector<PredictionMetrics> by_text;
};

struct EvaluationResult {
    VariantResult full;
    std::vector<VariantResult> variants;  ///< as requested
    std::uint64_t tokens_processed = 0;   ///< over all texts and variants, and the full cache's
    double host_seconds = 0;
    unsigned threads = 0;  ///< that took part
};

/// `on_progress` gets the fraction done. Throws InputError where a budget does not exceed what its policy protects
/// or no token is scored, SimulationError when `interrupted` is set.
EvaluationResult evaluate(const DecoderWeights& weights, const EvaluationRequest& request,
                          const std::function<void(double)>& on_progress = {},
                          const std::atomic<bool>* interrupted = nullptr);

}  // namespace palimpsest
