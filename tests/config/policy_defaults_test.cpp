// What policies protect where a configuration does not say: as published, and scaled down where the budget is small.
#include "config/policy_defaults.h"

#include "config/config_files.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

CacheConfig defaults(const std::string& policy, std::uint32_t budget) {
    CacheConfig cache;
    cache.policy = policy;
    cache.budget = budget;
    apply_policy_defaults(cache);
    return cache;
}

CacheConfig loaded(const std::string& cache) {
    const ConfigFiles files;
    nlohmann::json run = small_run();
    run["cache"] = nlohmann::json::parse(cache);
    const RunConfig config = load_run_config(files.write("run.json", run));
    // What was resolved is what is shown.
    CHECK(config.resolved["cache"]["sinks"] == config.cache.sinks);
    CHECK(config.resolved["cache"]["recent"] == config.cache.recent);
    return config.cache;
}

}  // namespace

TEST_CASE("each policy has its published protection and scope", "[policy_defaults]") {
    struct Expected {
        const char* policy;
        std::uint32_t sinks, recent, score_bits;
        EvictionScope scope;
    };
    using enum EvictionScope;
    for (const Expected& e :
         {Expected{"full", 0, 0, 16, head}, Expected{"window", 0, 0, 16, head},
          Expected{"streaming_llm", 4, 0, 16, head}, Expected{"h2o", 0, 128, 32, head},
          Expected{"tova", 0, 0, 16, layer}, Expected{"voting", 32, 0, 16, layer}, Expected{"kelle", 10, 128, 32, head},
          Expected{"snapkv", 0, 32, 32, head}, Expected{"keyformer", 0, 76, 32, head},
          Expected{"observed", 0, 0, 32, head}, Expected{"roco", 0, 10, 64, head}, Expected{"random", 0, 0, 16, head},
          Expected{"oracle", 0, 0, 32, head}}) {
        INFO(e.policy);
        const CacheConfig cache = defaults(e.policy, 256);
        CHECK(cache.sinks == e.sinks);
        CHECK(cache.recent == e.recent);
        CHECK(cache.score_bits == e.score_bits);
        CHECK(cache.scope == e.scope);
        CHECK_FALSE(find_policy_defaults(e.policy)->source.empty());
    }
    CHECK(find_policy_defaults("lru") == nullptr);
}

TEST_CASE("a small budget is a quarter sinks and half recent at most", "[policy_defaults]") {
    CHECK(defaults("voting", 64).sinks == 16);
    CHECK(defaults("snapkv", 40).recent == 20);
    CHECK(defaults("kelle", 16).sinks == 4);
    CHECK(defaults("kelle", 16).recent == 8);
    for (const PolicyDefaults& policy : all_policy_defaults()) {
        for (std::uint32_t budget = 1; budget < 100; ++budget) {
            const CacheConfig cache = defaults(std::string(policy.policy), budget);
            CHECK(cache.sinks + cache.recent < budget);
        }
    }
}

TEST_CASE("what a configuration says goes before the policy's own", "[policy_defaults]") {
    CHECK(loaded(R"({"policy": "h2o", "budget": 32})").recent == 16);
    CHECK(loaded(R"({"policy": "h2o", "budget": 32, "recent": 4})").recent == 4);
    CHECK(loaded(R"({"policy": "h2o", "budget": 32, "sinks": 4})").sinks == 4);
    CHECK(loaded(R"({"policy": "tova", "budget": 32})").scope == EvictionScope::layer);
    CHECK(loaded(R"({"policy": "tova", "budget": 32, "scope": "head"})").scope == EvictionScope::head);
    CHECK(loaded(R"({"policy": "snapkv", "budget": 64, "snapkv_window": 8})").recent == 8);
    CHECK(loaded(R"({"budget": 64})").recent == 16);
}

}  // namespace palimpsest
