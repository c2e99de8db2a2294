#pragma once
// Reference of the eviction policies: remembers everything a token ever received and works each decision out anew from
// the written rule (docs/eviction.md). Slow on purpose; shares nothing with src/policy but the configuration.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "golden/rce_reference.h"

namespace palimpsest::golden {

/// The full-cache rows of a text: [query][key], probabilities 0 to 1.
using ReferenceFuture = std::vector<std::vector<float>>;

class ReferencePolicy {
  public:
    explicit ReferencePolicy(const CacheConfig& config, std::uint64_t seed = 0, ReferenceFuture future = {})
        : config_(config), rce_(config), seed_(seed), future_(std::move(future)) {}

    void insert(std::uint32_t slot, std::uint32_t position) { tokens_[position].slot = slot; }
    void remove(std::uint32_t slot) { tokens_.erase(in(slot)); }
    void move(std::uint32_t from, std::uint32_t to) { in(from)->second.slot = to; }
    /// Samples and logits by slot.
    void observe(const std::vector<std::uint32_t>& row, std::uint32_t query, const std::vector<float>& logits = {}) {
        for (auto& [position, token] : tokens_) {
            token.samples.push_back(row.at(token.slot));
            if (!logits.empty()) {
                token.logits.push_back(logits.at(token.slot));
            }
        }
        last_query_ = query;
        if (config_.policy == "rce") {
            std::map<std::uint32_t, std::uint32_t> by_position;
            for (const auto& [position, token] : tokens_) {
                by_position[position] = row[token.slot];
            }
            rce_.observe(query, by_position);
        } else if (config_.policy == "voting") {
            vote();
        } else if (config_.policy == "keyformer") {
            add_gumbel_softmax(query);
        }
    }

    bool may_go(std::uint32_t position, std::uint32_t newest) const {
        if (config_.policy == "full") {
            return false;
        }
        const bool is_blind = config_.policy == "window" || config_.policy == "random";
        if (!is_blind && position < config_.sinks) {
            return false;
        }
        const bool keeps_recent = !is_blind && config_.policy != "streaming_llm";
        const std::uint32_t recent = config_.policy == "rce" ? rce_.window() : config_.recent;
        return !(keeps_recent && newest - position < recent);
    }

    std::optional<std::uint32_t> victim(std::uint32_t newest) const {
        const std::set<std::uint32_t> kept = config_.policy == "roco" ? kept_by_deviation(newest) : decltype(kept){};
        std::optional<std::uint32_t> slot;
        double least = 0;
        for (const auto& [position, token] : tokens_) {  // oldest first: only a smaller relevance replaces it
            if (!may_go(position, newest) || kept.contains(position)) {
                continue;
            }
            if (config_.policy == "window" || config_.policy == "streaming_llm") {
                return token.slot;
            }
            if (const double mine = relevance(position, token, newest); !slot || mine < least) {
                least = mine;
                slot = token.slot;
            }
        }
        return slot;
    }

  private:
    struct Token {
        std::uint32_t slot = 0;
        std::vector<std::uint32_t> samples;
        std::vector<float> logits;
        std::uint32_t votes = 0;
        double gumbel = 0;
    };

    std::map<std::uint32_t, Token>::iterator in(std::uint32_t slot) {
        for (auto it = tokens_.begin(); it != tokens_.end(); ++it) {
            if (it->second.slot == slot) {
                return it;
            }
        }
        throw std::logic_error("reference: no token in that slot");
    }

    double relevance(std::uint32_t position, const Token& token, std::uint32_t newest) const {
        const std::string& policy = config_.policy;
        const auto& samples = token.samples;
        if (policy == "rce") {
            return rce_.score(position);
        }
        if (policy == "accumulated") {
            return accumulated_score(position, samples);
        }
        if (policy == "h2o") {
            return sum_of(samples, samples.size());
        }
        if (policy == "tova") {
            return samples.empty() ? 0 : samples.back();
        }
        if (policy == "voting") {
            return -static_cast<double>(token.votes);
        }
        if (policy == "kelle") {
            float sum = 0;  // as wide as the hardware's
            for (const float logit : token.logits) {
                sum += logit;
            }
            return sum;
        }
        if (policy == "snapkv") {
            return pooled(position, newest);
        }
        if (policy == "keyformer") {
            return token.gumbel;
        }
        if (policy == "observed" || policy == "roco") {
            return samples.empty() ? 0 : sum_of(samples, samples.size()) / static_cast<double>(samples.size());
        }
        if (policy == "oracle") {
            double left = 0;
            for (std::size_t query = last_query_ + 1; query < future_.size(); ++query) {
                left += position <= query ? std::floor(std::ldexp(future_[query][position], 40)) : 0;
            }
            return left;
        }
        throw std::logic_error("reference: no rule for " + policy);
    }

    static double sum_of(const std::vector<std::uint32_t>& samples, std::size_t last) {
        double sum = 0;
        for (std::size_t i = samples.size() - std::min(last, samples.size()); i < samples.size(); ++i) {
            sum += samples[i];
        }
        return sum;
    }

    /// In doubles, exact here: scores below 2^32, and quotients of scores and small counts that differ differ by far
    /// more than a rounding error.
    double accumulated_score(std::uint32_t position, const std::vector<std::uint32_t>& samples) const {
        const double largest = std::ldexp(1.0, static_cast<int>(config_.score_bits)) - 1;
        const double step = config_.score_bits >= 20 ? 1 : std::ldexp(1.0, 20 - static_cast<int>(config_.score_bits));
        double score = 0;
        for (const std::uint32_t sample : samples) {
            if (config_.decay_shift > 0) {
                score -= std::floor(score / std::ldexp(1.0, static_cast<int>(config_.decay_shift)));
            }
            score = std::min(largest, score + std::floor(sample / step + (step > 1 ? 0.5 : 0)));
        }
        return config_.normalise_by_age ? score / (last_query_ - position + 1) : score;
    }

    void vote() {
        double mean = 0, spread = 0;
        for (const auto& [position, token] : tokens_) {
            mean += token.samples.back();
        }
        mean /= static_cast<double>(tokens_.size());
        for (const auto& [position, token] : tokens_) {
            spread += std::pow(token.samples.back() - mean, 2);
        }
        const double threshold = mean - config_.voting_sigma * std::sqrt(spread / static_cast<double>(tokens_.size()));
        Token* least = nullptr;
        for (auto& [position, token] : tokens_) {
            if (threshold >= 0 && token.samples.back() < threshold) {
                ++token.votes;
            }
            const bool unreserved = position >= config_.sinks;
            if (unreserved && (least == nullptr || token.samples.back() < least->samples.back())) {
                least = &token;
            }
        }
        if (threshold < 0 && least != nullptr) {
            ++least->votes;
        }
    }

    /// Sum or largest of the last queries' attention over the neighbours among the residents that are not recent.
    double pooled(std::uint32_t position, std::uint32_t newest) const {
        std::vector<double> scores;
        std::size_t place = 0;
        for (const auto& [p, token] : tokens_) {
            if (newest - p < config_.recent) {
                continue;
            }
            if (p == position) {
                place = scores.size();
            }
            scores.push_back(sum_of(token.samples, config_.snapkv_window));
        }
        const auto reach = static_cast<std::ptrdiff_t>(config_.snapkv_kernel / 2);
        double result = 0;
        for (std::ptrdiff_t d = -reach; d <= reach; ++d) {
            const std::ptrdiff_t i = static_cast<std::ptrdiff_t>(place) + d;
            if (i >= 0 && i < static_cast<std::ptrdiff_t>(scores.size())) {
                const double score = scores[static_cast<std::size_t>(i)];
                result = config_.snapkv_pooling == SnapKvPooling::max ? std::max(result, score) : result + score;
            }
        }
        return result;
    }

    /// -ln(-ln u) of a uniform number that the run's seed and the position give (SplitMix64).
    double noise(std::uint32_t position) const {
        constexpr std::uint64_t kStep = 11400714819323198485ULL;
        const auto mix = [](std::uint64_t x) {
            x = (x ^ (x >> 30)) * 13787848793156543929ULL;
            x = (x ^ (x >> 27)) * 10723151780598845931ULL;
            return x ^ (x >> 31);
        };
        const std::uint64_t hash = mix(mix(seed_ + kStep) + kStep * (std::uint64_t{position} + 1));
        const double u = (static_cast<double>(hash / 2048) + 0.5) / 9007199254740992.0;
        return -std::log(-std::log(u));
    }

    void add_gumbel_softmax(std::uint32_t query) {
        double tau = config_.keyformer_tau_init;
        if (query >= config_.budget) {
            const double ramp = (query - config_.budget + 1.0) / config_.keyformer_tau_tokens;
            tau += (config_.keyformer_tau_end - config_.keyformer_tau_init) * std::min(1.0, ramp);
        }
        double total = 0;
        for (const auto& [position, token] : tokens_) {
            total += std::exp((token.logits.back() + noise(position)) / tau);
        }
        for (auto& [position, token] : tokens_) {
            token.gumbel += std::exp((token.logits.back() + noise(position)) / tau) / total;
        }
    }

    /// Positions that stay for their deviation, with those that are protected anyway.
    std::set<std::uint32_t> kept_by_deviation(std::uint32_t newest) const {
        const auto staying = static_cast<std::size_t>(config_.roco_share * static_cast<double>(tokens_.size()));
        std::set<std::uint32_t> kept;
        std::vector<std::pair<double, std::uint32_t>> others;  // variance, position
        for (const auto& [position, token] : tokens_) {
            if (!may_go(position, newest)) {
                kept.insert(position);
                continue;
            }
            double pairs = 0;  // the variance from differences of pairs
            for (const double a : token.samples) {
                for (const double b : token.samples) {
                    pairs += (a - b) * (a - b) / 2;
                }
            }
            const double n = std::max<double>(1, static_cast<double>(token.samples.size()));
            others.emplace_back(pairs / (n * n), position);
        }
        std::ranges::sort(others, std::greater<>());
        for (std::size_t i = 0; i + 1 < others.size() && kept.size() < staying; ++i) {
            kept.insert(others[i].second);
        }
        return kept;
    }

    CacheConfig config_;
    RceReference rce_;
    std::uint64_t seed_;
    ReferenceFuture future_;
    std::map<std::uint32_t, Token> tokens_;
    std::uint32_t last_query_ = 0;
};

}  // namespace palimpsest::golden
