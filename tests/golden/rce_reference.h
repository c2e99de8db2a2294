#pragma once
// Reference of the policy `rce` (docs/eviction.md): everything by position, relevance from the absolute time of a
// token's best moment instead of a score that is lowered row by row. Slow on purpose; shares nothing with src/policy.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "config/run_config.h"

namespace palimpsest::golden {

class RceReference {
  public:
    explicit RceReference(const CacheConfig& config)
        : sinks_(config.sinks),
          fraction_(std::ldexp(1.0, std::clamp(static_cast<int>(config.score_bits) - 5, 0, 15))),
          largest_(std::ldexp(1.0, static_cast<int>(config.score_bits)) - 1),
          // A score falls by one in so many steps at a window of one token.
          steps_(config.rce_half_life > 0 ? std::max(1L, part(config, config.rce_half_life * config.budget)) : 0),
          judged_above_(config.budget / 8) {
        const auto budget = static_cast<std::int64_t>(config.budget);
        const std::int64_t room = std::max<std::int64_t>(0, budget - config.sinks - 1);  // one token may go
        least_ = config.recent;
        most_ = std::max(least_, std::min<std::int64_t>(room, part(config, config.rce_most_recent)));
        window_ = std::clamp(budget / 2, least_, most_);
    }

    /// The row of the query at `query`: the samples of all tokens held, by position.
    void observe(std::uint32_t query, const std::map<std::uint32_t, std::uint32_t>& row) {
        lose();
        const double after = lost_;
        lost_ = before_;  // the window is judged by what scores were before this row
        judge(query, row);
        lost_ = after;
        for (const auto& [position, sample] : row) {
            // A moment of relevance L, when `lost_` has been lost, is worth L less what is lost from then on.
            double& best = best_.try_emplace(position, 0).first->second;
            best = std::max(best, lost_ + std::min(relevance(sample), largest_));
        }
    }

    double score(std::uint32_t position) const {
        const auto best = best_.find(position);
        return best == best_.end() ? 0 : std::max(0.0, best->second - lost_);
    }
    std::uint32_t window() const { return static_cast<std::uint32_t>(window_); }

    /// 1 + log2 by doubling, in steps of the score, rounded down.
    double relevance(std::uint32_t sample) const {
        if (sample == 0) {
            return 0;
        }
        double power = 1, doublings = 0;
        while (2 * power <= sample) {
            power *= 2;
            ++doublings;
        }
        return std::floor((doublings + sample / power) * fraction_);
    }

  private:
    static std::int64_t part(const CacheConfig& config, double share) {
        return std::llround(static_cast<double>(config.budget) * share);
    }

    /// What all scores lose in a row, in proportion to the window; a remainder is carried to the next.
    void lose() {
        before_ = lost_;
        if (steps_ > 0) {
            carried_ += static_cast<std::int64_t>(fraction_) * window_;
            lost_ += static_cast<double>(carried_ / steps_);
            carried_ %= steps_;
        }
    }

    /// Does the attention of this row go where scores are high?
    void judge(std::uint32_t query, const std::map<std::uint32_t, std::uint32_t>& row) {
        std::int64_t all = 0, to_high = 0, tokens = 0, high = 0;
        for (const auto& [position, sample] : row) {
            const std::int64_t age = std::int64_t{query} - position;
            if (position >= sinks_ && age > judged_above_ && age < window_) {
                const bool is_high = score(position) > median_;
                ++tokens;
                high += is_high ? 1 : 0;
                all += sample;
                to_high += is_high ? sample : 0;
            }
        }
        const double step = std::max(1.0, std::floor(fraction_ / 4));
        if (tokens > 0) {
            median_ = high > tokens - high ? median_ + step : std::max(0.0, median_ - step);
        }
        if (all > 0) {
            const bool foretold = static_cast<double>(to_high) >= 0.75 * static_cast<double>(all);
            window_ = foretold ? std::max(least_, window_ - 1) : std::min(most_, window_ + 1);
        }
    }

    std::uint32_t sinks_;
    double fraction_, largest_;  ///< a factor of two, and the most a score can be, in steps
    std::int64_t steps_;         ///< 0: nothing is lost
    std::int64_t judged_above_, least_ = 0, most_ = 0, window_ = 0;
    double lost_ = 0, before_ = 0, median_ = 0;
    std::int64_t carried_ = 0;
    std::map<std::uint32_t, double> best_;  ///< by position
};

}  // namespace palimpsest::golden
