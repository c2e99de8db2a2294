// What the policies full, window, streaming_llm, rce and random evict on hand-made rows, and the table of policies. The
// published rules have published_rules_test.cpp; all against their reference: reference_test.cpp.
#include <random>
#include <vector>

#include "config/policy_defaults.h"
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
    class NoFuture final : public FutureAttention {
      public:
        std::uint32_t length() const override { return 0; }
        void row(TokenPosition, std::span<float>) override {}
    };
    NoFuture future;
    for (const PolicyInfo& info : policies()) {
        INFO(info.name);
        CHECK_FALSE(info.summary.empty());
        const auto policy = make_policy(cache(std::string(info.name), 2, 2), 8, {.future = &future});
        CHECK(policy->uses_scores() == info.uses_scores);
        CHECK(policy->uses_logits() == (info.name == "kelle" || info.name == "keyformer"));
        CHECK(policy->differs_by_set() == (info.name == "random"));
        CHECK(info.reads_future == (info.name == "oracle"));
        CHECK(policy_info(info.name).name == info.name);
        CHECK(find_policy_defaults(info.name) != nullptr);
    }
    CHECK(policies().size() == all_policy_defaults().size());
    CHECK(protected_tokens(cache("rce", 4, 16)) == 20);
    CHECK(protected_tokens(cache("streaming_llm", 4, 16)) == 4);
    CHECK(protected_tokens(cache("window", 4, 16)) == 0);
    CHECK_THROWS_AS(make_policy(cache("lru"), 8, {}), InputError);
    CHECK_THROWS_AS(make_policy(cache("oracle"), 8, {}), SimulationError);
    CacheConfig bad = cache("rce");
    bad.score_bits = 0;
    CHECK_THROWS_AS(make_policy(bad, 8, {}), InputError);
}

}  // namespace palimpsest
