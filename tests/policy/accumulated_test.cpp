// What the policy accumulated evicts on hand-made rows: the published behaviour of summed attention, and what
// protection, decay and division by age do to it.
#include <vector>

#include "policy/accumulated.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"
#include "support/catch.h"
#include "support/policy_set.h"

namespace palimpsest {
TEST_CASE("accumulated with nothing protected evicts the newcomer: the cache freezes", "[policy][accumulated]") {
    auto policy = filled(cache("accumulated"), 4);
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

TEST_CASE("accumulated never evicts sinks or recent tokens, however little attention they get",
          "[policy][accumulated]") {
    auto policy = filled(cache("accumulated", 1, 3), 5);
    observe(*policy, {0, 30000, 20000, 0, 0}, 4);
    // Token 5 is about to come: recent are 3, 4, 5; the sink is 0.
    CHECK(policy->victim(TokenPosition(5))->value == 2);
    // At the end of a prompt that ends with token 4, recent are 2, 3, 4.
    CHECK(policy->victim(TokenPosition(4))->value == 1);
    SECTION("and says so when all are protected") {
        auto small = filled(cache("accumulated", 1, 3), 4);
        CHECK_FALSE(small->victim(TokenPosition(3)).has_value());
        CHECK(small->victim(TokenPosition(4)).has_value());
    }
}

TEST_CASE("accumulated breaks ties to the oldest token, wherever it sits", "[policy][accumulated]") {
    auto policy = make_policy(cache("accumulated"), 4, {});
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

TEST_CASE("accumulated scores saturate at 16 whole probabilities", "[policy][accumulated]") {
    CacheConfig config = cache("accumulated");
    for (const std::uint32_t bits : {8U, 16U, 20U}) {
        config.score_bits = bits;
        AccumulatedPolicy policy(config, 2);
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

TEST_CASE("accumulated decay lets an old favourite go", "[policy][accumulated]") {
    CacheConfig config = cache("accumulated");
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

TEST_CASE("accumulated normalised by age does not punish a token for being young", "[policy][accumulated]") {
    CacheConfig config = cache("accumulated");
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

TEST_CASE("accumulated moves a token's score with it", "[policy][accumulated]") {
    AccumulatedPolicy policy(cache("accumulated"), 4);
    policy.insert(SlotId(3), TokenPosition(0));
    policy.insert(SlotId(1), TokenPosition(1));
    observe(policy, {0, 16000, 0, 48000}, 1);
    const std::uint32_t score = policy.score(SlotId(3));
    policy.move(SlotId(3), SlotId(0));
    CHECK(policy.score(SlotId(0)) == score);
    CHECK(policy.score(SlotId(3)) == 0);
    CHECK(policy.victim(TokenPosition(2))->value == 1);
}

}  // namespace palimpsest
