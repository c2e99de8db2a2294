// What each policy evicts: published behaviours on hand-made rows, and RCE, window and StreamingLLM against a reference
// that works every decision out from the token's whole history.
#include <random>
#include <vector>

#include "golden/policy_reference.h"
#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/rce.h"
#include "policy/registry.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

CacheConfig cache(const std::string& policy, std::uint32_t sinks = 0, std::uint32_t recent = 0) {
    CacheConfig config;
    config.policy = policy;
    config.sinks = sinks;
    config.recent = recent;
    return config;
}

/// Fills slots 0 .. n-1 with tokens 0 .. n-1.
std::unique_ptr<EvictionPolicy> filled(const CacheConfig& config, std::uint32_t n, std::uint64_t set = 0) {
    auto policy = make_policy(config, n, {.seed = 7, .set = set});
    for (std::uint32_t i = 0; i < n; ++i) {
        policy->insert(SlotId(i), TokenPosition(i));
    }
    return policy;
}

/// Evicts the victim for the token at `position` and puts that token in its slot; gives the slot.
std::uint32_t replace(EvictionPolicy& policy, std::uint32_t position) {
    const SlotId slot = policy.victim(TokenPosition(position)).value();
    policy.remove(slot);
    policy.insert(slot, TokenPosition(position));
    return slot.value;
}

void observe(EvictionPolicy& policy, const std::vector<RelevanceSample>& row, std::uint32_t query) {
    policy.observe({row, {}, TokenPosition(query)});
}

}  // namespace

TEST_CASE("window evicts in first-in first-out order", "[policy][window]") {
    auto policy = filled(cache("window"), 4);
    for (std::uint32_t t = 4; t < 16; ++t) {
        CHECK(replace(*policy, t) == t % 4);
    }
    CHECK_FALSE(policy->uses_scores());
}

TEST_CASE("streaming_llm keeps its sinks and evicts the rest in order", "[policy][streaming_llm]") {
    auto policy = filled(cache("streaming_llm", 2), 5);
    const std::vector<std::uint32_t> expected{2, 3, 4, 2, 3, 4, 2};
    for (std::uint32_t i = 0; i < expected.size(); ++i) {
        CHECK(replace(*policy, 5 + i) == expected[i]);
    }
}

TEST_CASE("full never evicts", "[policy][full]") {
    CHECK_FALSE(filled(cache("full"), 4)->victim(TokenPosition(4)).has_value());
}

TEST_CASE("rce with nothing protected evicts the newcomer, as an accumulated score does", "[policy][rce]") {
    auto policy = filled(cache("rce"), 4);
    observe(*policy, {20000, 15000, 15000, 15535}, 3);
    std::uint32_t slot = replace(*policy, 4);
    CHECK(slot == 1);  // of the two equal ones the older
    for (std::uint32_t t = 4; t < 12; ++t) {
        std::vector<RelevanceSample> row(4, 12000);
        row[slot] = 9000;
        observe(*policy, row, t);
        CHECK(replace(*policy, t + 1) == slot);
    }
}

TEST_CASE("rce never evicts sinks or recent tokens, however little attention they get", "[policy][rce]") {
    auto policy = filled(cache("rce", 1, 3), 5);
    observe(*policy, {0, 30000, 20000, 0, 0}, 4);
    // Token 5 is about to come: recent are 3, 4, 5; the sink is 0.
    CHECK(policy->victim(TokenPosition(5))->value == 2);
    // At the end of a prompt that ends with token 4, recent are 2, 3, 4.
    CHECK(policy->victim(TokenPosition(4))->value == 1);
    SECTION("and says so when all are protected") {
        auto small = filled(cache("rce", 1, 3), 4);
        CHECK_FALSE(small->victim(TokenPosition(3)).has_value());
        CHECK(small->victim(TokenPosition(4)).has_value());
    }
}

TEST_CASE("rce breaks ties to the oldest token, wherever it sits", "[policy][rce]") {
    auto policy = make_policy(cache("rce"), 4, {});
    const std::vector<std::uint32_t> slots{2, 0, 3, 1};
    for (std::uint32_t t = 0; t < 4; ++t) {
        policy->insert(SlotId(slots[t]), TokenPosition(t));
    }
    for (const std::uint32_t slot : slots) {
        const SlotId victim = policy->victim(TokenPosition(4)).value();
        CHECK(victim.value == slot);
        policy->remove(victim);
    }
    CHECK_FALSE(policy->victim(TokenPosition(4)).has_value());
}

TEST_CASE("rce scores saturate at 16 whole probabilities", "[policy][rce]") {
    CacheConfig config = cache("rce");
    for (const std::uint32_t bits : {8U, 16U, 20U}) {
        config.score_bits = bits;
        RcePolicy policy(config, 2);
        policy.insert(SlotId(0), TokenPosition(0));
        for (std::uint32_t q = 0; q < 15; ++q) {
            observe(policy, {65535, 0}, q);
        }
        CHECK(policy.score(SlotId(0)) < (1U << bits) - 1);
        for (std::uint32_t q = 15; q < 20; ++q) {
            observe(policy, {65535, 0}, q);
        }
        CHECK(policy.score(SlotId(0)) == (1U << bits) - 1);
    }
}

TEST_CASE("rce decay lets an old favourite go", "[policy][rce]") {
    CacheConfig config = cache("rce");
    const auto victim_after = [&](std::uint32_t decay_shift) {
        config.decay_shift = decay_shift;
        auto policy = filled(config, 2);
        for (std::uint32_t q = 1; q < 6; ++q) {
            observe(*policy, {60000, 5535}, q);
        }
        for (std::uint32_t q = 6; q < 10; ++q) {
            observe(*policy, {0, 65535}, q);
        }
        return policy->victim(TokenPosition(10))->value;
    };
    CHECK(victim_after(0) == 1);
    CHECK(victim_after(2) == 0);
}

TEST_CASE("rce normalised by age does not punish a token for being young", "[policy][rce]") {
    CacheConfig config = cache("rce");
    const auto victim = [&](bool by_age) {
        config.normalise_by_age = by_age;
        auto policy = make_policy(config, 2, {});
        policy->insert(SlotId(0), TokenPosition(0));
        for (std::uint32_t q = 0; q < 9; ++q) {
            observe(*policy, {8000, 0}, q);
        }
        policy->insert(SlotId(1), TokenPosition(9));
        observe(*policy, {8000, 40000}, 9);
        return policy->victim(TokenPosition(10))->value;
    };
    CHECK(victim(false) == 1);  // 80000 against 40000
    CHECK(victim(true) == 0);   // 8000 a query against 40000
}

TEST_CASE("rce moves a token's score with it", "[policy][rce]") {
    RcePolicy policy(cache("rce"), 4);
    policy.insert(SlotId(3), TokenPosition(0));
    policy.insert(SlotId(1), TokenPosition(1));
    observe(policy, {0, 16000, 0, 48000}, 1);
    const std::uint32_t score = policy.score(SlotId(3));
    policy.move(SlotId(3), SlotId(0));
    CHECK(policy.score(SlotId(0)) == score);
    CHECK(policy.score(SlotId(3)) == 0);
    CHECK(policy.victim(TokenPosition(2))->value == 1);
}

TEST_CASE("policies decide as the reference does on random rows", "[policy][golden]") {
    std::mt19937 random(2024);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (int round = 0; round < 120; ++round) {
        const std::vector<std::string> names{"rce", "rce", "rce", "window", "streaming_llm"};
        CacheConfig config = cache(names[below(5)], below(4), below(6));
        config.score_bits = std::vector<std::uint32_t>{4, 8, 12, 16, 20, 24, 32}[below(7)];
        config.decay_shift = below(3) == 0 ? 1 + below(7) : 0;
        config.normalise_by_age = below(3) == 0;
        const std::uint32_t slots = 10 + below(30);
        auto policy = make_policy(config, slots, {.seed = 1, .set = 1});
        golden::ReferencePolicy reference(config);
        std::vector<bool> taken(slots, false);
        for (std::uint32_t t = 0; t < 150; ++t) {
            std::uint32_t slot = below(slots);
            while (taken[slot]) {
                slot = (slot + 1) % slots;
            }
            policy->insert(SlotId(slot), TokenPosition(t));
            reference.insert(slot, t);
            taken[slot] = true;

            std::vector<RelevanceSample> row(slots, 0);
            for (std::uint32_t i = 0; i < slots; ++i) {
                // Few distinct values, so that ties are common; sometimes a whole row of nothing.
                row[i] = taken[i] && t % 11 != 0 ? below(6) * (below(8) == 0 ? 10000 : 500) : 0;
            }
            policy->observe({row, {}, TokenPosition(t)});
            reference.observe(row, t);

            if (std::ranges::count(taken, false) > 0 && below(10) == 0) {  // a token changes its slot
                const auto from = static_cast<std::uint32_t>(std::ranges::find(taken, true) - taken.begin());
                const auto to = static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
                policy->move(SlotId(from), SlotId(to));
                reference.move(from, to);
                taken[from] = false;
                taken[to] = true;
            }
            // Asked before the set is full, too: protection then leaves little choice.
            const auto victim = policy->victim(TokenPosition(t + 1));
            const auto expected = reference.victim(t + 1);
            REQUIRE(victim.has_value() == expected.has_value());
            if (victim) {
                REQUIRE(victim->value == *expected);
                if (std::ranges::count(taken, false) == 0 || below(6) == 0) {
                    policy->remove(*victim);
                    reference.remove(victim->value);
                    taken[victim->value] = false;
                }
            }
        }
    }
}

TEST_CASE("random is a function of seed, set and state, and treats residents alike", "[policy][random]") {
    const CacheConfig config = cache("random");
    SECTION("asking again, or asking another set in between, changes nothing") {
        auto a = filled(config, 16, 3), b = filled(config, 16, 3), other = filled(config, 16, 4);
        int differ = 0;
        for (std::uint32_t t = 16; t < 80; ++t) {
            const SlotId first = a->victim(TokenPosition(t)).value();
            const SlotId elsewhere = other->victim(TokenPosition(t)).value();
            CHECK(a->victim(TokenPosition(t)) == first);
            CHECK(b->victim(TokenPosition(t)) == first);
            differ += elsewhere != first ? 1 : 0;
        }
        CHECK(differ > 40);
        CHECK(a->differs_by_set());
    }
    SECTION("the seed matters") {
        auto a = make_policy(config, 64, {.seed = 1}), b = make_policy(config, 64, {.seed = 2});
        for (std::uint32_t i = 0; i < 64; ++i) {
            a->insert(SlotId(i), TokenPosition(i));
            b->insert(SlotId(i), TokenPosition(i));
        }
        int differ = 0;
        for (std::uint32_t t = 64; t < 96; ++t) {
            differ += a->victim(TokenPosition(t)) != b->victim(TokenPosition(t)) ? 1 : 0;
        }
        CHECK(differ > 20);
    }
    SECTION("each resident is as likely as the others, also with free slots between") {
        auto policy = make_policy(config, 24, {.seed = 5, .set = 9});
        for (std::uint32_t i = 0; i < 8; ++i) {
            policy->insert(SlotId(3 * i), TokenPosition(i));
        }
        std::vector<int> hits(24, 0);
        for (std::uint32_t t = 8; t < 8008; ++t) {
            ++hits[policy->victim(TokenPosition(t))->value];
        }
        for (std::uint32_t i = 0; i < 24; ++i) {
            // 1000 expected, standard deviation 30.
            CHECK(((i % 3 == 0 && hits[i] > 860 && hits[i] < 1140) || (i % 3 != 0 && hits[i] == 0)));
        }
    }
}

TEST_CASE("the table of policies names, describes and makes each", "[policy][registry]") {
    for (const PolicyInfo& info : policies()) {
        INFO(info.name);
        CHECK_FALSE(info.summary.empty());
        const auto policy = make_policy(cache(std::string(info.name), 2, 2), 8, {});
        CHECK(policy->uses_scores() == info.uses_scores);
        CHECK(policy_info(info.name).name == info.name);
    }
    CHECK(protected_tokens(cache("rce", 4, 16)) == 20);
    CHECK(protected_tokens(cache("streaming_llm", 4, 16)) == 4);
    CHECK(protected_tokens(cache("window", 4, 16)) == 0);
    CHECK_THROWS_AS(make_policy(cache("lru"), 8, {}), InputError);
    CacheConfig bad = cache("rce");
    bad.score_bits = 0;
    CHECK_THROWS_AS(make_policy(bad, 8, {}), InputError);
}

}  // namespace palimpsest
