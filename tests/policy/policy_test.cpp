// What the policies full, window, streaming_llm and random evict on hand-made rows, and the table of policies. The
// others have rce_test.cpp, accumulated_test.cpp and published_rules_test.cpp; all against their reference:
// reference_test.cpp.
#include <random>
#include <vector>

#include "config/policy_defaults.h"
#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"
#include "support/catch.h"
#include "support/policy_set.h"

namespace palimpsest {
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

TEST_CASE("random is a function of seed, set and state, and treats residents alike", "[policy][random]") {
    const CacheConfig config = cache("random");
    SECTION("asking again, or asking another set in between, changes nothing") {
        auto a = filled(config, 16, {.seed = 7, .set = 3}), b = filled(config, 16, {.seed = 7, .set = 3}),
             other = filled(config, 16, {.seed = 7, .set = 4});
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
    for (const char* policy : {"rce", "accumulated"}) {
        for (const std::uint32_t bits : {0U, 33U}) {
            CacheConfig bad = cache(policy);
            bad.score_bits = bits;
            CHECK_THROWS_AS(make_policy(bad, 8, {}), InputError);
        }
    }
}

}  // namespace palimpsest
