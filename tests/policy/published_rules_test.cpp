// What the published policies and the oracle evict on hand-made rows: the rules as their papers word them, and what is
// known of their behaviour.
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "config/policy_defaults.h"
#include "policy/eviction_policy.h"
#include "policy/keyformer.h"
#include "policy/oracle.h"
#include "policy/registry.h"
#include "policy/voting.h"
#include "support/catch.h"
#include "support/policy_set.h"

namespace palimpsest {
namespace {

/// A text's full-cache attention: keys that are heavy for good, and noise. With strong recency a greedy oracle, which
/// holds what is needed soon and then no more, can be beaten.
class RandomText final : public FutureAttention {
  public:
    RandomText(std::uint32_t length, std::uint32_t seed) {
        std::mt19937 random(seed);
        std::vector<double> heavy;
        for (std::uint32_t t = 0; t < length; ++t) {
            heavy.push_back(std::exp(3.0 * static_cast<double>(random() % 1000) / 1000));
            std::vector<double> weights(t + 1);
            for (std::uint32_t key = 0; key <= t; ++key) {
                const double noise = 1 + static_cast<double>(random() % 3000) / 1000;
                weights[key] = heavy[key] * noise;
            }
            const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
            std::vector<float>& row = rows_.emplace_back();
            for (const double weight : weights) {
                row.push_back(static_cast<float>(weight / total));
            }
        }
    }
    std::uint32_t length() const override { return static_cast<std::uint32_t>(rows_.size()); }
    void row(TokenPosition query, std::span<float> row) override { std::ranges::copy(rows_[query.value], row.begin()); }
    float at(std::uint32_t query, std::uint32_t key) const { return rows_[query][key]; }

  private:
    std::vector<std::vector<float>> rows_;
};

/// Full-cache attention that falls on the residents while `policy` runs over the text with `slots` slots.
double kept_mass(CacheConfig config, RandomText& text, std::uint32_t slots) {
    config.budget = slots;
    apply_policy_defaults(config);
    const auto policy = make_policy(config, slots, {.seed = 3, .future = &text});
    std::vector<std::uint32_t> in_slot;
    double kept = 0;
    for (std::uint32_t t = 0; t < text.length(); ++t) {
        if (in_slot.size() < slots) {
            in_slot.push_back(t);
            policy->insert(SlotId(t), TokenPosition(t));
        } else {
            in_slot[replace(*policy, t)] = t;
        }
        double mass = 0;
        for (const std::uint32_t position : in_slot) {
            mass += text.at(t, position);
        }
        kept += mass;
        std::vector<RelevanceSample> row;
        std::vector<float> logits;
        for (const std::uint32_t position : in_slot) {
            row.push_back(static_cast<RelevanceSample>(std::lround(65535 * text.at(t, position) / mass)));
            logits.push_back(std::log(text.at(t, position)));
        }
        observe(*policy, row, t, logits);
    }
    return kept;
}

}  // namespace

TEST_CASE("h2o without a recent window freezes the cache on its first tokens", "[policy][h2o]") {
    auto policy = filled(cache("h2o"), 4);
    observe(*policy, {20000, 15000, 15000, 15535}, 3);
    std::uint32_t slot = replace(*policy, 4);
    CHECK(slot == 1);
    for (std::uint32_t t = 4; t < 12; ++t) {
        std::vector<RelevanceSample> row(4, 12000);
        row[slot] = 9000;
        observe(*policy, row, t);
        CHECK(replace(*policy, t + 1) == slot);
    }
}

TEST_CASE("h2o keeps its recent half and of the others the heavy hitters", "[policy][h2o]") {
    CacheConfig config = cache("h2o");
    config.budget = 8;
    apply_policy_defaults(config);
    auto policy = filled(config, 8);
    observe(*policy, {9000, 100, 30000, 200, 0, 0, 0, 26235}, 7);
    CHECK(policy->victim(TokenPosition(8))->value == 4);  // recent: 5, 6, 7 and the one to come
    observe(*policy, {0, 0, 0, 0, 900, 0, 0, 64635}, 7);
    CHECK(policy->victim(TokenPosition(8))->value == 1);
}

TEST_CASE("tova evicts what the last query attended to least, even the newest", "[policy][tova]") {
    auto policy = filled(cache("tova"), 4);
    observe(*policy, {0, 30000, 20000, 15535}, 3);
    observe(*policy, {40000, 9000, 8000, 8535}, 4);  // what was before counts no more
    CHECK(policy->victim(TokenPosition(5))->value == 2);
    observe(*policy, {40000, 9000, 16000, 535}, 4);
    CHECK(policy->victim(TokenPosition(5))->value == 3);
}

TEST_CASE("voting votes below the mean less 0.2 deviations and evicts the most voted", "[policy][voting]") {
    VotingPolicy policy(cache("voting", 1), 5);
    for (std::uint32_t i = 0; i < 5; ++i) {
        policy.insert(SlotId(i), TokenPosition(i));
    }
    // Mean 100, squares of distances 25 + 16 + 9 + 784 + 1600, deviation 22.06: the threshold is 95.59.
    observe(policy, {95, 96, 97, 72, 140}, 4);
    const auto votes = [&] {
        std::vector<std::uint32_t> list;
        for (std::uint32_t i = 0; i < 5; ++i) {
            list.push_back(policy.votes(SlotId(i)));
        }
        return list;
    };
    CHECK(votes() == std::vector<std::uint32_t>{1, 0, 0, 1, 0});
    CHECK(policy.victim(TokenPosition(5))->value == 3);  // 0 is reserved
    SECTION("with a negative threshold for the least unreserved only") {
        CacheConfig wide = cache("voting", 1);
        wide.voting_sigma = 3;
        VotingPolicy other(wide, 4);
        for (std::uint32_t i = 0; i < 4; ++i) {
            other.insert(SlotId(i), TokenPosition(i));
        }
        observe(other, {0, 7, 7, 60000}, 3);
        CHECK(other.votes(SlotId(0)) == 0);
        CHECK(other.votes(SlotId(1)) == 1);  // of the two equal ones the older
        CHECK(other.votes(SlotId(2)) == 0);
    }
    SECTION("and a newcomer starts without votes") {
        CHECK(replace(policy, 5) == 3);
        CHECK(policy.votes(SlotId(3)) == 0);
        CHECK(policy.victim(TokenPosition(6))->value == 1);  // a tie: the earliest
    }
}

TEST_CASE("kelle sums logits, negative ones too", "[policy][kelle]") {
    auto policy = filled(cache("kelle", 1, 1), 4);
    observe(*policy, {0, 0, 0, 0}, 3, {-9, 2, -1, 4});
    observe(*policy, {0, 0, 0, 0}, 4, {-9, -3, 1, -8});
    CHECK(policy->victim(TokenPosition(5))->value == 3);  // sums -18 (a sink), -1, 0, -4
}

TEST_CASE("snapkv forgets queries before its window and pools over neighbours", "[policy][snapkv]") {
    CacheConfig config = cache("snapkv", 0, 2);
    config.snapkv_window = 2;
    config.snapkv_kernel = 1;
    SECTION("the window slides") {
        auto policy = filled(config, 5);
        observe(*policy, {0, 900, 900, 900, 0}, 4);
        CHECK(policy->victim(TokenPosition(5))->value == 0);
        observe(*policy, {100, 0, 0, 0, 200}, 5);
        CHECK(policy->victim(TokenPosition(6))->value == 0);
        observe(*policy, {100, 0, 50, 0, 0}, 6);  // the first row is out of sight
        CHECK(policy->victim(TokenPosition(7))->value == 1);
    }
    SECTION("neighbours keep each other") {
        config.snapkv_kernel = 3;
        auto policy = filled(config, 8);
        const std::vector<RelevanceSample> row{10, 0, 900, 5, 20, 20, 0, 0};
        observe(*policy, row, 7);
        // Without pooling 1 would go. Sums of three over 0 .. 6, of which 7 and the one to come are not:
        // 10, 910, 905, 925, 45, 40, 20.
        CHECK(policy->victim(TokenPosition(8))->value == 0);
        config.snapkv_pooling = SnapKvPooling::max;
        auto other = filled(config, 8);
        observe(*other, row, 7);
        CHECK(other->victim(TokenPosition(8))->value == 0);  // 10, 900, 900, 900, 20, 20, 20
    }
}

TEST_CASE("keyformer's noise is Gumbel's, a token's for good, and its temperature rises to the end",
          "[policy][keyformer]") {
    double mean = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (std::uint32_t i = 0; i < kDraws; ++i) {
        const double x = KeyformerPolicy::gumbel_noise(5, TokenPosition(i));
        mean += x / kDraws;
        squares += x * x / kDraws;
    }
    CHECK(mean == Approx(0.5772).margin(0.03));
    CHECK(squares - mean * mean == Approx(1.6449).margin(0.06));
    CHECK(KeyformerPolicy::gumbel_noise(5, TokenPosition(9)) == KeyformerPolicy::gumbel_noise(5, TokenPosition(9)));
    CHECK(KeyformerPolicy::gumbel_noise(5, TokenPosition(9)) != KeyformerPolicy::gumbel_noise(6, TokenPosition(9)));

    CacheConfig config = cache("keyformer");
    config.budget = 10;
    const KeyformerPolicy policy(config, 10, 5);
    CHECK(policy.temperature(TokenPosition(9)) == 1);
    CHECK(policy.temperature(TokenPosition(10)) == Approx(1.01));
    CHECK(policy.temperature(TokenPosition(59)) == Approx(1.5));
    CHECK(policy.temperature(TokenPosition(1000)) == 2);
}

TEST_CASE("observed compares means, so an old token has no head start", "[policy][observed]") {
    auto policy = make_policy(cache("observed"), 2, {});
    policy->insert(SlotId(0), TokenPosition(0));
    for (std::uint32_t q = 0; q < 9; ++q) {
        observe(*policy, {8000, 0}, q);
    }
    policy->insert(SlotId(1), TokenPosition(9));
    observe(*policy, {8000, 40000}, 9);
    CHECK(policy->victim(TokenPosition(10))->value == 0);
}

TEST_CASE("roco keeps a token of small mean whose attention varies", "[policy][roco]") {
    CacheConfig config = cache("roco");
    const auto victim = [&](std::uint32_t last) {
        auto policy = make_policy(config, 4, {});
        const std::vector<std::vector<RelevanceSample>> rows{
            {500, 0, 0, 0}, {500, 0, 0, 0}, {500, 500, 300, 0}, {500, 0, 300, 900}, {500, 500, 300, last}};
        for (std::uint32_t q = 0; q < rows.size(); ++q) {
            if (q < 4) {
                policy->insert(SlotId(q), TokenPosition(q));
            }
            observe(*policy, rows[q], q);
        }
        return policy->victim(TokenPosition(5))->value;  // means 500, 250, 300, 900
    };
    config.roco_share = 0.34;  // one of four
    CHECK(victim(900) == 2);
    config.roco_share = 0.2;
    CHECK(victim(900) == 1);
    SECTION("recent tokens take from the same share") {
        config.roco_share = 0.34;
        config.recent = 3;
        CHECK(victim(900) == 1);
    }
    SECTION("one is left to go whatever the share") {
        config.roco_share = 1;
        CHECK(victim(901) == 0);  // the least deviation, of equal ones the oldest
    }
}

TEST_CASE("the oracle evicts what the rest of the text needs least, and nothing needs the end", "[policy][oracle]") {
    RandomText text(12, 4);
    OraclePolicy policy(cache("oracle"), 12, text);
    for (std::uint32_t t = 0; t < 12; ++t) {
        policy.insert(SlotId(t), TokenPosition(t));
        observe(policy, {}, t);
        double left = 0;
        for (std::uint32_t q = std::max(t + 1, 2U); q < 12; ++q) {  // earlier queries do not see the token at 2
            left += text.at(q, 2);
        }
        CHECK(policy.mass_left(TokenPosition(2)) == Approx(left).margin(1e-9));
    }
    for (std::uint32_t t = 0; t < 12; ++t) {
        CHECK(policy.mass_left(TokenPosition(t)) == 0);
    }
    CHECK(policy.victim(TokenPosition(12))->value == 0);
}

TEST_CASE("no policy keeps more of the future of random rows than the oracle", "[policy][oracle]") {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
        RandomText text(160, seed);
        const double bound = kept_mass(cache("oracle"), text, 20);
        const double chance = kept_mass(cache("random"), text, 20);
        for (const PolicyInfo& info : policies()) {
            if (info.evicts && info.name != "oracle") {
                INFO(info.name << " seed " << seed);
                CHECK(kept_mass(cache(std::string(info.name)), text, 20) < bound);
            }
        }
        CHECK(bound > 1.2 * chance);
    }
}

TEST_CASE("sinks and recent tokens never go, whoever asks for their protection", "[policy]") {
    RandomText text(80, 9);
    std::mt19937 random(3);
    for (const PolicyInfo& info : policies()) {
        if (!info.evicts || !info.protects_sinks) {
            continue;
        }
        INFO(info.name);
        CacheConfig config = cache(std::string(info.name), 3, 4);
        config.budget = 12;
        auto policy = filled(config, 12, {.future = &text});
        std::vector<std::uint32_t> in_slot(12);
        std::iota(in_slot.begin(), in_slot.end(), 0);
        for (std::uint32_t t = 12; t < 80; ++t) {
            std::vector<RelevanceSample> row(12);
            std::ranges::generate(row, [&] { return static_cast<RelevanceSample>(random() % 10000); });
            const std::vector<float> logits(row.begin(), row.end());
            observe(*policy, row, t - 1, logits);
            const std::uint32_t slot = replace(*policy, t);
            CHECK(in_slot[slot] >= 3);
            CHECK((!info.protects_recent || in_slot[slot] + 4 <= t));
            in_slot[slot] = t;
        }
    }
}

}  // namespace palimpsest
