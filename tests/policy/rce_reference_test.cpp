// The policy rce against its reference: scores, window and victim after every row, over widths of the score,
// half-lives, windows and budgets, with prompt chunks in temporary slots whose survivors move.
#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "golden/rce_reference.h"
#include "policy/rce.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

class Run {
  public:
    explicit Run(std::mt19937& random) : random_(random) {
        config_.policy = "rce";
        config_.sinks = below(5);
        config_.recent = below(3) == 0 ? below(60) : below(6);
        config_.budget = std::max(2U, config_.sinks + config_.recent + 1 + below(below(3) == 0 ? 140 : 20));
        config_.score_bits = 4 + below(29);
        config_.rce_half_life = std::vector<double>{0, 0.001, 0.05, 0.125, 0.37, 1, 4}[below(7)];
        config_.rce_most_recent = std::vector<double>{0, 0.3, 0.5, 0.9375, 1}[below(5)];
        chunk_ = 1 + below(24);
        slots_ = config_.budget + chunk_;  // the last ones are a chunk's
        habit_ = below(4);
        policy_.emplace(config_, slots_);
        reference_.emplace(config_);
    }

    void run() {
        INFO("budget " << config_.budget << " sinks " << config_.sinks << " recent " << config_.recent << " bits "
                       << config_.score_bits << " half-life " << config_.rce_half_life << " most "
                       << config_.rce_most_recent << " chunk " << chunk_);
        std::uint32_t t = 0;
        const std::uint32_t prompt = 3 * chunk_ + config_.budget / 2 + below(30);
        while (t < prompt) {
            const std::uint32_t end = t + chunk_;
            for (std::uint32_t i = 0; t < end; ++i, ++t) {
                come(t, config_.budget + i);
            }
            while (slot_of_.size() >= config_.budget) {  // room for a generated token, too
                evict(slot_of_.size() > config_.budget ? t - 1 : t);
            }
            for (auto& [position, slot] : slot_of_) {
                if (slot >= config_.budget) {
                    const std::uint32_t to = free_slot();
                    policy_->move(SlotId(slot), SlotId(to));
                    slot = to;
                }
            }
        }
        const std::uint32_t end = t + 100 + config_.budget;
        for (; t < end; ++t) {
            come(t, free_slot());
            if (slot_of_.size() == config_.budget) {
                evict(t + 1);
            }
        }
    }

  private:
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

    std::uint32_t free_slot() const {
        std::vector<bool> taken(slots_, false);
        for (const auto& [position, slot] : slot_of_) {
            taken[slot] = true;
        }
        return static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
    }

    void come(std::uint32_t position, std::uint32_t slot) {
        policy_->insert(SlotId(slot), TokenPosition(position));
        slot_of_[position] = slot;
        std::map<std::uint32_t, std::uint32_t> by_position;
        std::uint32_t extent = 0;
        for (const auto& [p, s] : slot_of_) {
            by_position[p] = sample(p, position);
            extent = std::max(extent, s + 1);
        }
        std::vector<RelevanceSample> row(extent, 0);
        for (const auto& [p, s] : slot_of_) {
            row[s] = by_position[p];
        }
        policy_->observe({row, {}, TokenPosition(position)});
        reference_->observe(position, by_position);
        REQUIRE(policy_->window() == reference_->window());
        for (const auto& [p, s] : slot_of_) {
            REQUIRE(policy_->score(SlotId(s)) == reference_->score(p));
        }
    }

    /// Rows of different kinds: of all sizes, on few heavy tokens, on what was not attended to before, all the same.
    std::uint32_t sample(std::uint32_t position, std::uint32_t query) {
        if (query % 13 == 0) {
            return 0;
        }
        switch (habit_) {
            case 0:
                return below(3) == 0 ? 0 : below(2U << below(16));
            case 1:
                return position % 5 == 0 ? 6'000 + below(10) : below(3);
            case 2:
                return reference_->score(position) > 0 ? below(4) : below(9'000);
            default:
                return below(2) * 65'535;
        }
    }

    void evict(std::uint32_t newest) {
        std::optional<std::uint32_t> expected;
        for (const auto& [position, slot] : slot_of_) {  // oldest first
            const bool kept = position < config_.sinks || newest - position < reference_->window();
            if (!kept && (!expected || reference_->score(position) < reference_->score(*expected))) {
                expected = position;
            }
        }
        const auto victim = policy_->victim(TokenPosition(newest));
        REQUIRE(expected.has_value());
        REQUIRE(victim.has_value());
        REQUIRE(victim->value == slot_of_.at(*expected));
        policy_->remove(*victim);
        slot_of_.erase(*expected);
    }

    std::mt19937& random_;
    CacheConfig config_;
    std::uint32_t chunk_ = 0, slots_ = 0, habit_ = 0;
    std::optional<RcePolicy> policy_;
    std::optional<golden::RceReference> reference_;
    std::map<std::uint32_t, std::uint32_t> slot_of_;  ///< by position
};

}  // namespace

TEST_CASE("rce decides as its reference does, row by row", "[policy][rce][golden]") {
    std::mt19937 random(1962);
    for (int round = 0; round < 150; ++round) {
        INFO("round " << round);
        Run(random).run();
    }
}

TEST_CASE("the reference's logarithm is that of the policy for every sample", "[policy][rce][golden]") {
    for (const std::uint32_t bits : {4U, 5U, 9U, 16U, 20U, 32U}) {
        CacheConfig config;
        config.score_bits = bits;
        const golden::RceReference reference(config);
        const std::uint32_t fraction = bits < 5 ? 0 : std::min(bits - 5, 15U);
        std::uint32_t wrong = 0;
        for (std::uint32_t sample = 0; sample <= 65'535; ++sample) {
            wrong += reference.relevance(sample) == log_relevance(sample, fraction) ? 0 : 1;
        }
        CHECK(wrong == 0);
    }
}

}  // namespace palimpsest
