#pragma once
// Reference of the eviction policies: remembers every attention sample a token ever received and works each decision
// out anew from the written rule (docs/eviction.md). Slow on purpose; shares nothing with src/policy but the interface
// types.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace palimpsest::golden {

class ReferencePolicy {
  public:
    explicit ReferencePolicy(const CacheConfig& config) : config_(config) {}

    void insert(std::uint32_t slot, std::uint32_t position) { tokens_[position] = {slot, {}}; }
    void remove(std::uint32_t slot) { tokens_.erase(in(slot)); }
    void move(std::uint32_t from, std::uint32_t to) { in(from)->second.slot = to; }
    /// Samples by slot.
    void observe(const std::vector<std::uint32_t>& row, std::uint32_t query) {
        for (auto& [position, token] : tokens_) {
            token.samples.push_back(row.at(token.slot));
        }
        last_query_ = query;
    }

    bool may_go(std::uint32_t position, std::uint32_t newest) const {
        if (config_.policy == "full") {
            return false;
        }
        const bool keeps_sinks = config_.policy == "rce" || config_.policy == "streaming_llm";
        if (keeps_sinks && position < config_.sinks) {
            return false;
        }
        const bool keeps_recent = config_.policy == "rce";
        return !(keeps_recent && newest - position < config_.recent);
    }

    std::optional<std::uint32_t> victim(std::uint32_t newest) const {
        std::optional<std::uint32_t> slot;
        double least = 0;
        for (const auto& [position, token] : tokens_) {  // oldest first: only a smaller relevance replaces it
            if (!may_go(position, newest)) {
                continue;
            }
            if (config_.policy != "rce") {
                return token.slot;
            }
            if (const double mine = relevance(position, token.samples); !slot || mine < least) {
                least = mine;
                slot = token.slot;
            }
        }
        return slot;
    }

  private:
    struct Token {
        std::uint32_t slot;
        std::vector<std::uint32_t> samples;
    };

    std::map<std::uint32_t, Token>::iterator in(std::uint32_t slot) {
        for (auto it = tokens_.begin(); it != tokens_.end(); ++it) {
            if (it->second.slot == slot) {
                return it;
            }
        }
        throw std::logic_error("reference: no token in that slot");
    }

    /// In doubles, exact here: scores below 2^32, and quotients of scores and small counts that differ differ by far
    /// more than a rounding error.
    double relevance(std::uint32_t position, const std::vector<std::uint32_t>& samples) const {
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

    CacheConfig config_;
    std::map<std::uint32_t, Token> tokens_;
    std::uint32_t last_query_ = 0;
};

}  // namespace palimpsest::golden
