// What the policy rce does on hand-made rows: the logarithm, its decay, who is evicted when, and the window. All
// numbers follow from the configuration. Against its reference: rce_reference_test.cpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "config/policy_defaults.h"
#include "policy/rce.h"
#include "support/catch.h"
#include "support/policy_set.h"

namespace palimpsest {
namespace {

/// Bits behind the binary point of a score: five are before it, and a sample has no more than 15 to give.
std::uint32_t fraction_bits(const CacheConfig& config) {
    return config.score_bits < 5 ? 0 : std::min(config.score_bits - 5, 15U);
}

std::uint32_t share(const CacheConfig& config, double of_budget) {
    return static_cast<std::uint32_t>(std::lround(of_budget * config.budget));
}

CacheConfig rce(std::uint32_t budget, std::uint32_t sinks, std::uint32_t recent) {
    CacheConfig config = cache("rce", sinks, recent);
    config.budget = budget;
    return config;
}

CacheConfig fixed_window(CacheConfig config) {
    config.rce_most_recent = 0;
    return config;
}

/// The window is the whole budget, so that a score falls by one in rce_half_life * budget steps.
CacheConfig whole_window(std::uint32_t budget) {
    return fixed_window(rce(budget, 0, budget));
}

/// Tokens come one by one into `budget` slots; `draw` says what attention the token at a position gets in a row.
class Generation {
  public:
    using Draw = std::function<RelevanceSample(std::uint32_t position, std::uint32_t score, std::uint32_t query)>;

    Generation(const CacheConfig& config, Draw draw)
        : config_(config), draw_(std::move(draw)), policy_(config, config.budget) {}

    const RcePolicy& policy() const { return policy_; }
    /// Slot by position.
    const std::map<std::uint32_t, std::uint32_t>& residents() const { return residents_; }

    /// Each victim is checked: there is one, and it is no sink and outside the window.
    void run_to(std::uint32_t end) {
        for (; next_ < end; ++next_) {
            std::uint32_t slot = next_;
            if (next_ >= config_.budget) {
                const auto victim = policy_.victim(TokenPosition(next_));
                REQUIRE(victim.has_value());
                slot = victim->value;
                const auto gone = std::ranges::find_if(residents_, [&](const auto& r) { return r.second == slot; });
                REQUIRE(gone != residents_.end());
                REQUIRE(gone->first >= config_.sinks);
                REQUIRE(gone->first + policy_.window() <= next_);
                residents_.erase(gone);
                policy_.remove(*victim);
            }
            policy_.insert(SlotId(slot), TokenPosition(next_));
            residents_[next_] = slot;
            std::vector<RelevanceSample> row(residents_.size());
            for (const auto& [position, s] : residents_) {
                row[s] = draw_(position, policy_.score(SlotId(s)), next_);
            }
            policy_.observe({row, {}, TokenPosition(next_)});
        }
    }

  private:
    CacheConfig config_;
    Draw draw_;
    RcePolicy policy_;
    std::map<std::uint32_t, std::uint32_t> residents_;
    std::uint32_t next_ = 0;
};

}  // namespace

TEST_CASE("relevance is one plus the logarithm, and straight between powers of two", "[policy][rce]") {
    const std::array<std::uint32_t, 6> samples{0, 1, 2, 3, 4, 65535};
    const auto worked = [&](std::uint32_t bits) {
        std::array<std::uint32_t, 6> out{};
        std::ranges::transform(samples, out.begin(), [&](std::uint32_t s) { return log_relevance(s, bits); });
        return out;
    };
    // 0; 1; 2; 2 and a half; 3; 16 and 32767/32768, rounded down.
    CHECK(worked(0) == std::array<std::uint32_t, 6>{0, 1, 2, 2, 3, 16});
    CHECK(worked(3) == std::array<std::uint32_t, 6>{0, 8, 16, 20, 24, 135});
    CHECK(worked(11) == std::array<std::uint32_t, 6>{0, 2048, 4096, 5120, 6144, 34815});
    CHECK(worked(15) == std::array<std::uint32_t, 6>{0, 32768, 65536, 81920, 98304, 557055});
}

TEST_CASE("relevance never falls as attention grows, and is near the true logarithm", "[policy][rce]") {
    for (const std::uint32_t bits : {0U, 1U, 7U, 11U, 15U}) {
        const double step = std::ldexp(1.0, -static_cast<int>(bits));
        std::uint32_t before = 0;
        int wrong = 0;
        for (std::uint32_t sample = 1; sample <= 65535; ++sample) {
            const std::uint32_t now = log_relevance(sample, bits);
            const double error = 1 + std::log2(sample) - now * step;
            // Mitchell (1962): the straight line lies below by at most 0.0861.
            wrong += now < before || error < -1e-9 || error >= 0.0861 + step ? 1 : 0;
            wrong += bits == 15 && now == before ? 1 : 0;  // all differ
            before = now;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("decay adds up to a factor of two a half-life of the window, whatever the width of a score",
          "[policy][rce]") {
    for (const std::uint32_t bits : {5U, 8U, 12U, 16U, 20U, 32U}) {
        for (const std::uint32_t steps : {1U, 3U, 7U, 8U, 50U, 1000U}) {
            CacheConfig config = whole_window(100);
            config.score_bits = bits;
            config.rce_half_life = steps / 100.0;
            RcePolicy policy(config, 1);
            policy.insert(SlotId(0), TokenPosition(0));
            observe(policy, {65535}, 0);
            std::vector<std::uint32_t> scores{policy.score(SlotId(0))};
            for (std::uint32_t query = 1; query <= 3 * steps + 5; ++query) {
                observe(policy, {0}, query);
                scores.push_back(policy.score(SlotId(0)));
            }
            INFO(bits << " bits, half-life " << steps);
            for (std::size_t i = 0; i + steps < scores.size(); ++i) {
                const std::uint32_t left = scores[i] - std::min(scores[i], 1U << fraction_bits(config));
                REQUIRE(scores[i + steps] == left);
            }
        }
    }
    SECTION("a quarter of the window, four times the steps") {
        CacheConfig config = fixed_window(rce(100, 0, 25));
        config.rce_half_life = 0.07;
        RcePolicy policy(config, 1);
        policy.insert(SlotId(0), TokenPosition(0));
        observe(policy, {65535}, 0);
        const std::uint32_t before = policy.score(SlotId(0));
        for (std::uint32_t query = 1; query <= 28; ++query) {
            observe(policy, {0}, query);
        }
        CHECK(before - policy.score(SlotId(0)) == 1U << fraction_bits(config));
    }
    SECTION("and with a half-life of 0 there is none") {
        CacheConfig config = rce(100, 0, 0);
        config.rce_half_life = 0;
        RcePolicy policy(config, 1);
        policy.insert(SlotId(0), TokenPosition(0));
        observe(policy, {700}, 0);
        const std::uint32_t score = policy.score(SlotId(0));
        for (std::uint32_t query = 1; query < 500; ++query) {
            observe(policy, {0}, query);
        }
        CHECK(policy.score(SlotId(0)) == score);
        CHECK(score == log_relevance(700, fraction_bits(config)));
    }
}

TEST_CASE("a score is the best moment there was, not their sum, and fits its width", "[policy][rce]") {
    CacheConfig config = fixed_window(rce(64, 0, 0));
    config.rce_half_life = 0;
    RcePolicy policy(config, 2);
    fill(policy, 2);
    for (std::uint32_t query = 1; query < 50; ++query) {
        observe(policy, {900, query == 20 ? 1000U : 0U}, query);
    }
    CHECK(policy.score(SlotId(0)) == log_relevance(900, fraction_bits(config)));
    CHECK(policy.victim(TokenPosition(50))->value == 0);
    for (const std::uint32_t bits : {2U, 3U, 4U, 5U, 16U, 32U}) {
        config.score_bits = bits;
        RcePolicy narrow(config, 1);
        fill(narrow, 1);
        observe(narrow, {65535}, 0);
        const std::uint32_t largest = 0xFFFF'FFFFU >> (32 - bits);
        CHECK(narrow.score(SlotId(0)) == std::min(log_relevance(65535, fraction_bits(config)), largest));
    }
}

TEST_CASE("a token that was important once goes when its relevance has halved often enough", "[policy][rce]") {
    // Token 0 gets `once`, then nothing; token 1 `steady` in every row. Steps until 0 is the victim:
    const auto steps_until_gone = [](const CacheConfig& config, std::uint32_t once, std::uint32_t steady) {
        RcePolicy policy(config, 2);
        fill(policy, 2);
        const std::uint32_t first = 1 + config.budget;  // both have left the window
        observe(policy, {once, steady}, first);
        std::uint32_t steps = 0;
        for (; steps < 5'000 && policy.victim(TokenPosition(first + 1 + steps))->value == 1; ++steps) {
            observe(policy, {0, steady}, first + 1 + steps);
        }
        return steps;
    };
    for (const double half_life : {0.125, 0.5, 1.0}) {
        for (const std::uint32_t budget : {16U, 64U, 200U}) {
            CacheConfig config = whole_window(budget);
            config.rce_half_life = half_life;
            const std::uint32_t h = share(config, half_life);
            INFO("half-life " << h);
            CHECK(steps_until_gone(config, 32768, 256) == 7 * h);  // powers of two: exact, and a tie goes to the oldest
            CHECK(steps_until_gone(config, 256, 128) == h);
            const double expected = h * std::log2(50'000.0 / 300.0);
            CHECK(std::abs(steps_until_gone(config, 50'000, 300) - expected) <= 0.0861 * h + 1);
        }
    }
}

TEST_CASE("the worked example of docs/eviction.md", "[policy][rce]") {
    CacheConfig config = fixed_window(rce(32, 0, 16));
    config.score_bits = 16;
    config.rce_half_life = 0.125;
    RcePolicy policy(config, 2);
    fill(policy, 2);
    const std::vector<std::array<std::uint32_t, 4>> rows{
        {4000, 26528, 700, 21232}, {0, 26272, 700, 21232}, {900, 26016, 700, 21232}, {0, 25760, 700, 21232}};
    std::uint32_t query = 40;
    for (const auto& [of_a, score_of_a, of_b, score_of_b] : rows) {
        observe(policy, {of_a, of_b}, query++);
        CHECK(policy.score(SlotId(0)) == score_of_a);
        CHECK(policy.score(SlotId(1)) == score_of_b);
    }
    for (; query < 99 && policy.victim(TokenPosition(query))->value == 1; ++query) {
        observe(policy, {0, 700}, query);
    }
    CHECK(query == 62);  // the row of query 61 was the last
    CHECK(policy.score(SlotId(0)) == 21152);
}

TEST_CASE("rce ties go to the oldest, wherever it sits, and scores move with their tokens", "[policy][rce]") {
    RcePolicy policy(fixed_window(rce(64, 0, 0)), 5);
    const std::vector<std::uint32_t> slots{2, 0, 3, 1};
    for (std::uint32_t t = 0; t < 4; ++t) {
        policy.insert(SlotId(slots[t]), TokenPosition(t));
    }
    SECTION("ties") {
        for (const std::uint32_t slot : slots) {
            const SlotId victim = policy.victim(TokenPosition(4)).value();
            CHECK(victim.value == slot);
            policy.remove(victim);
        }
        CHECK_FALSE(policy.victim(TokenPosition(4)).has_value());
    }
    SECTION("moves") {
        observe(policy, {500, 600, 40000, 700}, 3);
        const std::uint32_t score = policy.score(SlotId(2));
        policy.move(SlotId(2), SlotId(4));
        CHECK(policy.score(SlotId(4)) == score);
        CHECK(policy.victim(TokenPosition(4))->value == 0);
        policy.remove(SlotId(0));
        policy.insert(SlotId(0), TokenPosition(4));  // a newcomer has no score of its predecessor
        CHECK(policy.score(SlotId(0)) == 0);
        CHECK(policy.victim(TokenPosition(5))->value == 0);
    }
}

TEST_CASE("rce keeps newcomers and sinks that nothing attends to", "[policy][rce]") {
    const CacheConfig config = fixed_window(rce(12, 2, 5));
    Generation generation(config, [](std::uint32_t position, auto, auto) { return position % 3 == 1 ? 900U : 0U; });
    for (std::uint32_t t = 12; t < 60; ++t) {
        generation.run_to(t);
        REQUIRE(generation.policy().window() == 5);
        for (const std::uint32_t kept : {0U, 1U, t - 5, t - 4, t - 3, t - 2, t - 1}) {
            REQUIRE(generation.residents().contains(kept));
        }
    }
    // Of the others those stayed that were attended to.
    CHECK(std::ranges::count_if(generation.residents(), [](const auto& r) { return r.first % 3 == 1; }) >= 6);
}

TEST_CASE("the window grows to its largest where attention falls on tokens of low score", "[policy][rce]") {
    for (const std::uint32_t budget : {24U, 64U, 100U}) {
        CacheConfig config = rce(budget, 1, budget / 4);
        const std::uint32_t largest =
            std::max(config.recent, std::min(share(config, config.rce_most_recent), budget - config.sinks - 1));
        // Every fourth token is attended to once, a good while after it came; the others as they come.
        Generation generation(config, [&](std::uint32_t position, auto, std::uint32_t query) {
            const std::uint32_t age = query - position;
            return position % 4 == 0 ? (age == budget / 4 - 1 ? 60'000U : 0U) : (age == 0 ? 5'000U : 0U);
        });
        generation.run_to(12 * budget);
        INFO("budget " << budget);
        CHECK(generation.policy().window() == largest);
        CHECK(generation.policy().recent_window() == largest);
    }
}

TEST_CASE("the window shrinks to `recent` where the same tokens get the attention all along", "[policy][rce]") {
    for (const std::uint32_t budget : {32U, 64U, 100U}) {
        const CacheConfig config = rce(budget, 1, budget / 4);
        Generation generation(config, [](std::uint32_t position, auto, auto) {
            return position % 4 == 0 ? 3'000U : position % 4 == 1 ? 2U : 0U;
        });
        generation.run_to(12 * budget);
        INFO("budget " << budget);
        CHECK(generation.policy().window() == config.recent);
        // Outside it heavy tokens are what is kept.
        CHECK(std::ranges::count_if(generation.residents(), [](const auto& r) { return r.first % 4 == 0; }) >
              budget * 3 / 4 - 2);
    }
}

TEST_CASE("a window that may not grow is fixed", "[policy][rce]") {
    std::mt19937 random(5);
    for (int n = 0; n < 30; ++n) {
        const std::uint32_t budget = 4 + random() % 60;
        CacheConfig config = rce(budget, random() % 3, 0);
        config.recent = random() % (budget - config.sinks);
        config.rce_most_recent = (random() % (config.recent + 1)) / static_cast<double>(budget);
        Generation generation(config, [&](auto...) { return static_cast<RelevanceSample>(random() % 5'000); });
        for (std::uint32_t t = 1; t < 4 * budget; t += 3) {
            generation.run_to(t);
            REQUIRE(generation.policy().window() == config.recent);
        }
    }
}

TEST_CASE("rce always leaves a token to evict, however large its window may grow", "[policy][rce]") {
    // Attention where there was none, so that the window is as large as can be. Generation checks every victim.
    for (std::uint32_t sinks = 0; sinks < 4; ++sinks) {
        for (std::uint32_t recent = 0; recent < 6; ++recent) {
            for (std::uint32_t more = 1; more < 30; more += more < 6 ? 1 : 7) {
                CacheConfig config = rce(sinks + recent + more, sinks, recent);
                config.rce_most_recent = 1;
                Generation generation(config, [](auto, std::uint32_t score, auto) { return score > 0 ? 0U : 999U; });
                generation.run_to(5 * config.budget + 60);
                REQUIRE(generation.policy().window() >= recent);
            }
        }
    }
    SECTION("also at the end of a prompt, where nothing is about to come") {
        for (std::uint32_t budget = 2; budget < 40; ++budget) {
            CacheConfig config = rce(budget, 1, 0);
            config.rce_most_recent = 1;
            RcePolicy policy(config, budget + 8);
            std::vector<bool> taken(budget + 8, false);
            for (std::uint32_t t = 0; t < 400; ++t) {
                const auto slot = static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
                policy.insert(SlotId(slot), TokenPosition(t));
                taken[slot] = true;
                std::vector<RelevanceSample> row(taken.size(), 0);
                for (std::uint32_t s = 0; s < row.size(); ++s) {
                    row[s] = taken[s] && policy.score(SlotId(s)) == 0 ? 999 : 0;
                }
                observe(policy, row, t);
                while (t % 8 == 7 && std::ranges::count(taken, true) > budget) {
                    const auto victim = policy.victim(TokenPosition(t));
                    REQUIRE(victim.has_value());
                    policy.remove(*victim);
                    taken[victim->value] = false;
                }
            }
        }
    }
}

TEST_CASE("rce with its defaults runs at every budget that a configuration may ask for", "[policy][rce]") {
    std::mt19937 random(8);
    for (std::uint32_t budget = 1; budget < 40; ++budget) {
        CacheConfig config = cache("rce");
        config.budget = budget;
        apply_policy_defaults(config);
        Generation generation(config, [&](auto...) { return static_cast<RelevanceSample>(random() % 2'000); });
        generation.run_to(4 * budget + 40);
        CHECK(generation.residents().size() == budget);
    }
}

}  // namespace palimpsest
