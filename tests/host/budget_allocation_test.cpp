// Budgets by attention: the rule against one that gives entry by entry, the replay and whole runs with budgets that
// differ, and the laws that do not know of them.

#include "host/budget_allocation.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>

#include "golden/allocation_reference.h"
#include "golden/replay_reference.h"
#include "host/cache_replay.h"
#include "host/simulate.h"
#include "host/small_run.h"
#include "palimpsest/error.h"
#include "policy/registry.h"
#include "support/catch.h"
#include "support/fake_attention.h"

namespace palimpsest {
namespace {

using Profiles = std::vector<std::vector<std::uint64_t>>;

std::vector<std::uint32_t> allocate(const Profiles& profiles, const AllocationRule& rule) {
    const std::vector<std::span<const std::uint64_t>> spans(profiles.begin(), profiles.end());
    return allocate_budget(spans, rule);
}

RunConfig uneven_run() {
    RunConfig config = small_run();
    config.cache.storage = StorageMode::append_gather;
    config.cache.allocation = BudgetAllocation::by_attention;
    return config;
}

std::unique_ptr<AttentionSource> fake(std::uint32_t heads = 4) {
    return std::make_unique<FakeAttention>(FakeAttentionShape{.layers = 2, .heads = heads, .sequences = 2});
}

/// Budgets of all (request, layer, KV head).
std::vector<std::uint32_t> budgets_of(const CacheReplay& replay, const RunConfig& config) {
    std::vector<std::uint32_t> budgets;
    for (std::uint32_t r = 0; r < config.workload.batch; ++r) {
        for (std::uint32_t l = 0; l < config.model.layers; ++l) {
            for (std::uint32_t h = 0; h < config.model.kv_heads; ++h) {
                budgets.push_back(replay.slots(RequestId(r), LayerId(l), KvHeadId(h)));
            }
        }
    }
    return budgets;
}

/// Head h of layer l looks at the first (h + 1 + l) * `step` keys, at each alike.
class SpreadHeads final : public AttentionSource {
  public:
    explicit SpreadHeads(std::uint32_t step) : step_(step) {}
    std::uint32_t layers() const override { return 2; }
    std::uint32_t heads() const override { return 4; }
    std::uint32_t sequences() const override { return 1; }
    std::uint32_t length() const override { return 64; }
    void row(std::uint32_t, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override {
        std::ranges::fill(row, Probability{0});
        const std::uint32_t keys = std::min((head + 1 + layer) * step_, position + 1);
        std::fill_n(row.begin(), keys, static_cast<Probability>(kProbabilityOne / keys));
    }
    std::string describe() const override { return "spread"; }
    bool synthetic() const override { return true; }

  private:
    std::uint32_t step_;
};

}  // namespace

TEST_CASE("a head with spread attention gets more than one with a peak: the worked example", "[allocation]") {
    const Profiles profiles{{90, 4, 2, 1, 1, 1, 1, 0}, {20, 16, 15, 14, 13, 10, 8, 4}};
    // Its own best to each; then 16, 15, 14, 13 of the second.
    CHECK(allocate(profiles, {.mean = 3, .least = 1}) == std::vector<std::uint32_t>{1, 5});
    CHECK(allocate(profiles, {.mean = 3, .least = 2}) == std::vector<std::uint32_t>{2, 4});
    CHECK(allocate(profiles, {.mean = 3, .least = 3}) == std::vector<std::uint32_t>{3, 3});
    // Positions 0 and 7 stay in both: a place of its own for position 1, then 15 and 14 of the second.
    CHECK(allocate(profiles, {.mean = 4, .least = 3, .sinks = 1, .recent = 1}) == std::vector<std::uint32_t>{3, 5});
    // Nothing of the prompt has to go.
    CHECK(allocate(profiles, {.mean = 8, .least = 1}) == std::vector<std::uint32_t>{8, 8});
    CHECK(allocate(profiles, {.mean = 20, .least = 1}) == std::vector<std::uint32_t>{20, 20});
    // All alike: ties spread over the sets.
    CHECK(allocate(Profiles(3, std::vector<std::uint64_t>(9, 5)), {.mean = 4, .least = 1}) ==
          std::vector<std::uint32_t>{4, 4, 4});
}

TEST_CASE("budgets are those of a rule that gives place by place, and their mean is the budget",
          "[allocation][golden]") {
    std::mt19937 random(5);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (int round = 0; round < 400; ++round) {
        AllocationRule rule;
        rule.sinks = below(4);
        rule.recent = below(5);
        rule.least = rule.sinks + rule.recent + 1 + below(5);
        rule.mean = rule.least + below(12);
        Profiles profiles(1 + below(6), std::vector<std::uint64_t>(1 + below(40)));
        const std::uint32_t values = 1 + below(60);  // few values: many ties
        for (auto& profile : profiles) {
            std::ranges::generate(profile, [&] { return below(values); });
        }
        const std::vector<std::uint32_t> budgets = allocate(profiles, rule);
        INFO("round " << round);
        CHECK(budgets == golden::reference_budgets(profiles, rule.mean, rule.least, rule.sinks, rule.recent));
        CHECK(std::reduce(budgets.begin(), budgets.end()) == rule.mean * profiles.size());
        CHECK(*std::ranges::min_element(budgets) >= rule.least);
    }
}

TEST_CASE("the replay reads the last queries of the prompt and maps them as all rows are", "[allocation][golden]") {
    std::mt19937 random(17);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    std::uint32_t differing = 0;
    for (int round = 0; round < 60; ++round) {
        RunConfig config = uneven_run();
        config.model.layers = 1 + below(4);
        config.model.kv_heads = 1 + below(4);
        config.model.heads = config.model.kv_heads * (1 + below(3));
        config.workload.batch = 1 + below(3);
        config.workload.prompt_tokens = 1 + below(60);
        config.workload.generated_tokens = below(10);
        const std::vector<std::string> names{"rce", "h2o", "window", "random", "streaming_llm", "snapkv"};
        config.cache.policy = names[below(6)];
        config.cache.budget = 7 + below(20);
        config.cache.allocation_floor = 0.1 * below(11);
        config.cache.allocation_scope = static_cast<AllocationScope>(below(2));
        const FakeAttentionShape shape{1 + below(3), 1 + below(4), 1 + below(3), 8 + below(60)};
        INFO("round " << round << " " << config.cache.policy);
        const CacheReplay replay(config, std::make_unique<FakeAttention>(shape));
        const std::uint32_t prompt = config.workload.prompt_tokens;
        const std::uint32_t mean = std::min(config.cache.budget, prompt + config.workload.generated_tokens);
        const PolicyInfo& info = policy_info(config.cache.policy);
        const std::uint32_t sinks = info.protects_sinks ? config.cache.sinks : 0;
        const std::uint32_t recent = info.protects_recent ? config.cache.recent : 0;
        const auto share = static_cast<std::uint32_t>(config.cache.allocation_floor * mean + 0.5);

        FakeAttention source(shape);
        RunConfig read_alike = config;
        read_alike.cache.policy = "window";  // of all policies, the rows are the same
        Profiles profiles;
        for (std::uint32_t r = 0; r < config.workload.batch; ++r) {
            for (std::uint32_t l = 0; l < config.model.layers; ++l) {
                for (std::uint32_t h = 0; h < config.model.kv_heads; ++h) {
                    const golden::ReferenceCache cache(read_alike, source, r, l, h);
                    profiles.emplace_back(prompt, 0);
                    for (std::uint32_t query = prompt > 32 ? prompt - 32 : 0; query < prompt; ++query) {
                        const std::vector<std::uint64_t> row = cache.attention(query);
                        for (std::uint32_t key = 0; key <= query; ++key) {
                            profiles.back()[key] += row[key];
                        }
                    }
                }
            }
        }
        const std::size_t together =
            config.model.kv_heads *
            (config.cache.allocation_scope == AllocationScope::model ? std::size_t{config.model.layers} : 1);
        std::vector<std::uint32_t> expected;
        for (std::size_t i = 0; i < profiles.size(); i += together) {
            const Profiles sharing(profiles.begin() + static_cast<std::ptrdiff_t>(i),
                                   profiles.begin() + static_cast<std::ptrdiff_t>(i + together));
            const auto budgets = golden::reference_budgets(
                sharing, mean, std::min(mean, std::max(share, sinks + recent + 1)), sinks, recent);
            expected.insert(expected.end(), budgets.begin(), budgets.end());
        }
        CHECK(budgets_of(replay, config) == expected);
        CHECK(std::reduce(expected.begin(), expected.end()) == mean * expected.size());
        const auto [least, most] = std::ranges::minmax(expected);
        CHECK(replay.slots() == most);
        differing += least < most ? 1 : 0;
        if (config.cache.budget < prompt + config.workload.generated_tokens) {
            REQUIRE(replay.budgets().has_value());
            CHECK(replay.budgets()->least == least);
            CHECK(replay.budgets()->mean == mean);
            CHECK(replay.budgets()->most == most);
        } else {
            CHECK_FALSE(replay.budgets().has_value());
        }
    }
    CHECK(differing > 20);
}

TEST_CASE("heads get what they look at, layers share only when asked", "[allocation]") {
    RunConfig config = uneven_run();
    config.cache.policy = "h2o";
    config.cache.sinks = config.cache.recent = 0;
    config.cache.budget = 10;
    config.cache.allocation_floor = 0;
    // Layer 0 looks at 4, 8, 12, 16 keys, layer 1 at 8, 12, 16, 20.
    using Budgets = std::vector<std::uint32_t>;
    const auto budgets = [&] { return budgets_of(CacheReplay(config, std::make_unique<SpreadHeads>(4)), config); };
    const auto layer = [](const Budgets& all, std::ptrdiff_t i) {
        return Budgets(all.begin() + 4 * i, all.begin() + 4 * (i + 1));
    };
    const auto sum = [](const Budgets& some) { return std::reduce(some.begin(), some.end()); };
    const Budgets by_layer = budgets();
    CHECK(layer(by_layer, 0) == Budgets{4, 8, 12, 16});
    CHECK(sum(layer(by_layer, 1)) == 40);
    CHECK(by_layer[4] == 8);
    CHECK(layer(by_layer, 2) == layer(by_layer, 0));  // the second request reads the same text
    config.cache.allocation_scope = AllocationScope::model;
    const Budgets by_model = budgets();
    // A key of a head that looks at few has more than the last ones of a head that looks at many.
    CHECK(std::ranges::equal(std::span(by_model).first(3), Budgets{4, 8, 12}));
    CHECK(std::ranges::equal(std::span(by_model).subspan(4, 2), Budgets{8, 12}));
    CHECK(sum(layer(by_model, 0)) < 40);
    CHECK(sum(layer(by_model, 0)) + sum(layer(by_model, 1)) == 80);
    config.cache.allocation_floor = 0.8;
    CHECK(std::ranges::min(budgets()) == 8);
    config.cache.allocation_floor = 1;
    CHECK(budgets() == std::vector<std::uint32_t>(16, 10));
    config.cache.allocation_floor = 0;
    config.cache.sinks = 3;
    config.cache.recent = 5;
    CHECK(std::ranges::min(budgets()) == 9);
    config.cache.recent = 7;
    CHECK_THROWS_AS(budgets(), InputError);  // nothing is left to be shared, or evicted
}

TEST_CASE("each set decides as one with its budget alone would", "[allocation][golden]") {
    for (const char* policy : {"rce", "accumulated", "h2o", "keyformer", "snapkv", "window", "oracle"}) {
        for (const PrefillMode prefill : {PrefillMode::chunked, PrefillMode::one_shot}) {
            RunConfig config = uneven_run();
            config.model.heads = 8;  // two query heads a KV head
            config.workload.prompt_tokens = 40;
            config.workload.generated_tokens = 12;
            config.cache.policy = policy;
            config.cache.budget = 12;
            config.cache.prefill = prefill;
            config.cache.prefill_chunk = 16;
            config.cache.rce_half_life = 0.3;
            INFO(policy);
            CacheReplay replay(config, fake());
            FakeAttention source(FakeAttentionShape{.layers = 2, .heads = 4, .sequences = 2});
            const std::vector<std::uint32_t> budgets = budgets_of(replay, config);
            std::vector<RunConfig> configs;  // outlive the references
            for (const std::uint32_t budget : budgets) {
                configs.push_back(config);
                configs.back().cache.budget = budget;
            }
            std::vector<golden::ReferenceCache> caches;
            for (std::uint32_t i = 0; i < budgets.size(); ++i) {
                caches.emplace_back(configs[i], source, i / 8, i / 4 % 2, i % 4);
            }
            const auto compare = [&](auto&& expected_of) {
                for (std::uint32_t i = 0; i < caches.size(); ++i) {
                    const golden::ReferenceDecision expected = expected_of(caches[i]);
                    const CacheDecision& got = replay.decision(RequestId(i / 8), LayerId(i / 4 % 2), KvHeadId(i % 4));
                    REQUIRE(got.residents_before == expected.before);
                    REQUIRE(got.residents_after == expected.after);
                    REQUIRE(got.searches == expected.searches);
                    std::vector<std::uint32_t> freed;
                    for (const SlotId slot : got.freed ? *got.freed : std::vector<SlotId>{}) {
                        freed.push_back(slot.value);
                    }
                    REQUIRE(freed == expected.freed);
                }
            };
            const std::uint32_t chunk = prefill == PrefillMode::one_shot ? 40 : 16;
            for (std::uint32_t first = 0; first < 40; first += chunk) {
                const std::uint32_t count = std::min(chunk, 40 - first);
                replay.prefill_chunk(first, count);
                compare([&](golden::ReferenceCache& cache) { return cache.prefill(first, count); });
            }
            for (std::uint32_t t = 40; t < 52; ++t) {
                replay.generation_step(t);
                compare([&](golden::ReferenceCache& cache) { return cache.generate(t); });
            }
        }
    }
}

TEST_CASE("whole runs close with budgets that differ, chunked, in one shot and preset", "[allocation]") {
    for (const PrefillMode prefill : {PrefillMode::chunked, PrefillMode::one_shot, PrefillMode::preset}) {
        for (const char* policy : {"rce", "window"}) {
            for (const std::uint32_t generated : {0U, 6U}) {
                RunConfig config = uneven_run();
                config.cache.policy = policy;
                config.cache.prefill = prefill;
                config.cache.allocation_scope = AllocationScope::model;
                config.workload.generated_tokens = generated;
                config.workload.prompt_tokens = 40;
                config.attention = SyntheticAttention{.key_bias_variance = 4};
                const RunResult result = simulate(config);
                REQUIRE(result.kv_cache.budgets.has_value());
                CHECK(result.kv_cache.budget == 16);
                CHECK(result.kv_cache.budgets->mean == 16);
                CHECK(result.kv_cache.budgets->least < 16);
                CHECK(result.kv_cache.budgets->most > 16);
                CHECK(result.kv_cache.resident_tokens_peak == result.kv_cache.budgets->most);
                // Every set evicts what it cannot hold: in all as many as with equal budgets.
                CHECK(result.kv_cache.evictions == std::uint64_t{2 * 2 * 4} * (40 + generated - 16));
            }
        }
    }
}

TEST_CASE("a floor of the whole budget is equal allocation, cycle by cycle", "[allocation][laws]") {
    RunConfig config = uneven_run();
    config.cache.allocation_floor = 1;
    const RunResult floor = simulate(config);
    config.cache.allocation = BudgetAllocation::equal;
    const RunResult equal = simulate(config);
    CHECK(floor.step_cycles == equal.step_cycles);
    CHECK(floor.total.dram == equal.total.dram);
    CHECK(floor.total.actions.n == equal.total.actions.n);
    CHECK_FALSE(equal.kv_cache.budgets.has_value());
}

TEST_CASE("scores of unequal sets that do not fit on chip travel in vectors of the largest", "[allocation]") {
    RunConfig config = uneven_run();
    config.hardware.kv_mmu.score_store_bytes = 0;
    config.attention = SyntheticAttention{.key_bias_variance = 4};
    const RunResult result = simulate(config);
    CHECK(result.total.dram.read_by_class[static_cast<std::size_t>(Traffic::scores)] > 0);
}

}  // namespace palimpsest
