#pragma once
// How far a model's predictions are from the text, and from those of the same model with a full cache.

#include <cstdint>
#include <span>
#include <vector>

namespace palimpsest {

/// Sums over scored tokens; means on request.
struct PredictionMetrics {
    std::uint64_t tokens = 0;
    double loss = 0;               ///< -ln p of the text's next token, nats
    double divergence = 0;         ///< KL(full || this), nats
    std::uint64_t agreements = 0;  ///< the most probable next token is that of the full cache

    PredictionMetrics& operator+=(const PredictionMetrics& other);
    double mean_loss() const { return tokens == 0 ? 0 : loss / static_cast<double>(tokens); }
    double perplexity() const;
    double mean_divergence() const { return tokens == 0 ? 0 : divergence / static_cast<double>(tokens); }
    double agreement() const { return tokens == 0 ? 0 : static_cast<double>(agreements) / static_cast<double>(tokens); }
};

/// The full cache's prediction of one token, kept while others are held against it.
class ReferencePrediction {
  public:
    /// `logits` must stay as long as predictions are compared.
    void set(std::span<const float> logits);
    /// Adds the prediction of the reference itself.
    void score_self(std::uint32_t next, PredictionMetrics& metrics) const;
    void score(std::span<const float> logits, std::uint32_t next, PredictionMetrics& metrics);

  private:
    std::span<const float> logits_;
    std::vector<float> weights_, scratch_;  ///< exponentials of logits - highest
    double log_sum_ = 0;                    ///< of exponentials of logits
    double weight_sum_ = 0;
    std::size_t best_ = 0;
};

}  // namespace palimpsest
