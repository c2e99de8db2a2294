// The protected set against a list of its positions, and against what the policies choose.

#include "hardware/kv_mmu/protected_set.h"

#include <algorithm>
#include <random>
#include <vector>

#include "golden/kv_protected_golden.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"
#include "policy/slot_positions.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("the protected positions are those of the list, and what the policies may not evict",
          "[kv_mmu][protected_set]") {
    std::mt19937 random(17);
    for (int n = 0; n < 2000; ++n) {
        const std::uint32_t sinks = random() % 8, recent = random() % 20, newest = random() % 60;
        const ProtectedSet set(sinks, recent);
        const auto golden = golden_protected(sinks, recent, newest);
        const EvictableRange evictable = evictable_positions(sinks, recent, TokenPosition(newest));
        for (std::uint32_t position = 0; position <= newest; ++position) {
            REQUIRE(set.contains(TokenPosition(position), TokenPosition(newest)) == golden.contains(position));
            REQUIRE(evictable.contains(position) == !golden.contains(position));
            REQUIRE(ProtectedSet(sinks, 3).with_recent(recent).contains(
                        TokenPosition(position), TokenPosition(newest)) == golden.contains(position));
        }
    }
    // Neither end wraps around.
    CHECK(ProtectedSet(0, 16).contains(TokenPosition(0xFFFF'FFF0), TokenPosition(0xFFFF'FFFF)));
    CHECK_FALSE(ProtectedSet(0, 15).contains(TokenPosition(0xFFFF'FFF0), TokenPosition(0xFFFF'FFFF)));
    CHECK_FALSE(ProtectedSet(0, 0).contains(TokenPosition(0), TokenPosition(0)));
}

TEST_CASE("no policy's victim is protected, whatever it has seen", "[kv_mmu][protected_set]") {
    std::mt19937 random(23);
    class RandomFuture final : public FutureAttention {
      public:
        std::uint32_t length() const override { return 120; }
        void row(TokenPosition query, std::span<float> row) override {
            std::minstd_rand draw(query.value + 1);
            std::ranges::generate(row, [&] { return static_cast<float>(draw() % 64) / 64; });
        }
    };
    RandomFuture future;
    for (const PolicyInfo& info : policies()) {
        CAPTURE(info.name);
        std::uint32_t victims = 0;
        for (int n = 0; n < 100; ++n) {
            CacheConfig cache;
            cache.policy = info.name;
            cache.sinks = random() % 6;
            cache.recent = random() % 12;
            cache.normalise_by_age = random() % 2 == 0;
            const ProtectedSet configured(cache);
            CHECK(configured.comparators() == (info.protects_sinks && cache.sinks > 0 ? 1U : 0U) +
                                                  (info.protects_recent && cache.recent > 0 ? 1U : 0U));
            const std::uint32_t slots = 1 + random() % 40;
            cache.budget = slots;
            const auto policy = make_policy(cache, slots, {.seed = static_cast<std::uint64_t>(n), .future = &future});
            std::vector<std::uint32_t> position_in(slots, SlotPositions::kFree);
            for (std::uint32_t token = 0; token < 3 * slots; ++token) {
                // A token takes a free slot; with none left, or now and then earlier, a victim goes first.
                const auto free = std::ranges::find(position_in, SlotPositions::kFree);
                if (free == position_in.end() || random() % 8 == 0) {
                    const auto victim = policy->victim(TokenPosition(token));
                    if (!victim) {
                        if (free == position_in.end()) {
                            break;
                        }
                    } else {
                        ++victims;
                        const std::optional<std::uint32_t> window = policy->recent_window();
                        const ProtectedSet set = window ? configured.with_recent(*window) : configured;
                        REQUIRE(window.has_value() == (info.name == "rce"));
                        REQUIRE(window.value_or(cache.recent) >= cache.recent);
                        const TokenPosition position(position_in[victim->value]);
                        REQUIRE(position.value != SlotPositions::kFree);
                        REQUIRE_FALSE(set.contains(position, TokenPosition(token)));
                        REQUIRE_FALSE(golden_protected(info.protects_sinks ? cache.sinks : 0,
                                                       info.protects_recent ? window.value_or(cache.recent) : 0, token)
                                          .contains(position.value));
                        policy->remove(*victim);
                        position_in[victim->value] = SlotPositions::kFree;
                    }
                }
                const auto slot = std::ranges::find(position_in, SlotPositions::kFree);
                *slot = token;
                policy->insert(SlotId(static_cast<std::uint32_t>(slot - position_in.begin())), TokenPosition(token));
                std::vector<RelevanceSample> row(slots);
                for (std::uint32_t i = 0; i < slots; ++i) {
                    row[i] = position_in[i] == SlotPositions::kFree ? 0 : random() % 9000;
                }
                const std::vector<float> logits(row.begin(), row.end());
                policy->observe({row, logits, TokenPosition(token)});
            }
        }
        CHECK((victims > 100) == info.evicts);
    }
}

TEST_CASE("searches cost two compares a lane and the table words of the residents", "[kv_mmu][protected_set]") {
    std::mt19937 random(31);
    for (int n = 0; n < 500; ++n) {
        const std::uint32_t sinks = random() % 2, recent = random() % 2;
        const std::uint64_t lanes = 1 + random() % 32, slots = 1 + random() % 200, resident = random() % (slots + 1);
        const SearchPasses passes{random() % 4, random() % 4};
        GoldenProtectedCounts golden;
        for (std::uint64_t i = 0; i < passes.whole; ++i) {
            golden.pass(0, slots, resident, lanes, sinks > 0, recent > 0);
        }
        for (std::uint64_t i = 0; i < passes.single_words; ++i) {
            golden.pass(0, std::min(slots, lanes), resident, lanes, sinks > 0, recent > 0);
        }
        ActionCounts counts;
        ProtectedSet(sinks, recent).count(passes, slots, resident, lanes, counts);
        REQUIRE(counts[Action::kv_slot_table_read] == golden.table_words);
        REQUIRE(counts[Action::kv_position_compare] == golden.compares);
    }
}
