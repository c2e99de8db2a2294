// The victim unit's closed forms against its clock-by-clock model, which finds the victims on scores, and the model's
// victims against what the policy chooses.

#include "hardware/kv_mmu/victim_unit.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include "golden/kv_victim_golden.h"
#include "policy/rce.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

/// A random shape of the unit, for production and for the model.
struct Shape {
    KvMmuConfig config;
    std::uint32_t lanes, score_bits;
    GoldenVictimShape golden;

    explicit Shape(std::mt19937& random)
        : lanes(1U << (random() % 7)), score_bits(std::array{16, 32, 12}[random() % 3]) {
        config.score_word_bytes = 4U << (random() % 5);
        config.victim_unit = random() % 2 == 0 ? VictimUnitKind::tree : VictimUnitKind::running_minimum;
        config.victim_latency_cycles = random() % 6;
        config.victim_compares_per_stage = 1 + random() % 4;
        golden = {lanes,
                  config.score_word_bytes * 8 / score_bits,
                  config.victim_unit == VictimUnitKind::tree,
                  config.victim_latency_cycles,
                  config.victim_compares_per_stage,
                  (std::uint64_t{1} << score_bits) - 1};
    }
};

Cycles run(GoldenVictimUnit& golden) {
    Cycles cycles = 0;
    while (!golden.done()) {
        golden.step();
        ++cycles;
    }
    return cycles;
}

KvSlots some_slots(std::uint32_t count) {
    return count == 0 ? nullptr : std::make_shared<std::vector<SlotId>>(count);
}

}  // namespace

TEST_CASE("cycles and counts of score commands equal the clock-by-clock model", "[kv_mmu][victim_unit]") {
    std::mt19937 random(99);
    for (int n = 0; n < 1500; ++n) {
        const Shape shape(random);
        const VictimUnit unit(shape.config, shape.lanes, shape.score_bits);
        KvCommand command;
        command.rows = random() % 5;
        command.slots = 1 + random() % 200;
        command.searches = random() % 4;
        const std::uint32_t freed = random() % 6;
        command.freed = some_slots(freed);

        GoldenVictimUnit golden(shape.golden);
        golden.start({.rows = command.rows, .slots = command.slots, .searches = command.searches, .freed = freed});
        REQUIRE(unit.cycles(command) == run(golden));
        ActionCounts counts;
        unit.count(command, counts);
        REQUIRE(counts[Action::kv_score_read] == golden.counts.score_reads);
        REQUIRE(counts[Action::kv_score_write] == golden.counts.score_writes);
        REQUIRE(counts[Action::kv_score_add] == golden.counts.adds);
        REQUIRE(counts[Action::kv_victim_compare] == golden.counts.compares);
        REQUIRE(counts[Action::kv_slot_table_write] == golden.counts.table_writes);
    }
}

TEST_CASE(
    "both circuits find the victims that the policy chooses: least score, ties to the oldest, protected passed by",
    "[kv_mmu][victim_unit]") {
    std::mt19937 random(7);
    for (int n = 0; n < 1500; ++n) {
        const Shape shape(random);
        CacheConfig cache;
        cache.score_bits = shape.score_bits;
        cache.sinks = random() % 5;
        cache.recent = random() % 9;
        cache.normalise_by_age = random() % 3 == 0;
        const std::uint32_t slots = 1 + random() % 150;
        RcePolicy policy(cache, slots);

        // Tokens in slots without order, some slots free, scores from few values so that many tie.
        std::vector<std::uint32_t> order(slots);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::shuffle(order, random);
        std::vector<GoldenScore> scores(slots);
        std::uint32_t position = 0, last = 0;
        for (auto& score : scores) {
            score.masked = true;
        }
        for (const std::uint32_t slot : order) {
            position += random() % 3 == 0 ? 1 + random() % 4 : 1;
            if (random() % 8 != 0) {
                policy.insert(SlotId(slot), TokenPosition(position));
                scores[slot] = {.position = last = position};
            }
        }
        const auto row = [&] {
            std::vector<RelevanceSample> samples(slots);
            const std::uint32_t step = 1U << (shape.score_bits < 20 ? 20 - shape.score_bits : 0);
            for (std::uint32_t slot = 0; slot < slots; ++slot) {
                samples[slot] = scores[slot].masked ? 0 : step * (random() % 4);
            }
            return samples;
        };
        const auto observe = [&] {
            const std::vector<RelevanceSample> drawn = row();
            policy.observe({drawn, {}, TokenPosition(last)});
        };
        observe();
        std::vector<std::uint64_t> before(slots);
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            before[slot] = policy.score(SlotId(slot));
        }
        observe();
        // The model adds what the second row added.
        std::vector<std::uint64_t> added(slots);
        const std::uint32_t newest = last + random() % 2;
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            GoldenScore& score = scores[slot];
            added[slot] = policy.score(SlotId(slot)) - before[slot];
            score.score = before[slot];
            score.queries = cache.normalise_by_age && !score.masked ? last - score.position + 1 : 1;
            score.masked |= score.position < cache.sinks || score.position + cache.recent > newest;
        }
        const std::uint32_t searches = 1 + random() % 5;
        GoldenVictimUnit golden(shape.golden);
        golden.start({.rows = 1, .slots = slots, .searches = searches, .freed = searches}, scores, {added});
        const Cycles cycles = run(golden);

        KvCommand command;
        command.rows = 1;
        command.slots = slots;
        command.searches = searches;
        command.freed = some_slots(searches);
        REQUIRE(VictimUnit(shape.config, shape.lanes, shape.score_bits).cycles(command) == cycles);
        REQUIRE(golden.victims.size() == searches);
        for (const auto& found : golden.victims) {
            const auto chosen = policy.victim(TokenPosition(newest));
            REQUIRE(chosen.has_value() == found.has_value());
            if (chosen) {
                REQUIRE(*chosen == SlotId(*found));
                policy.remove(*chosen);
            }
        }
    }
}

TEST_CASE("the worked examples of the specification", "[kv_mmu][victim_unit]") {
    KvMmuConfig config;
    KvCommand command;
    command.slots = 64;
    command.rows = 1;
    command.searches = 1;
    command.freed = some_slots(1);
    CHECK(VictimUnit(config, 32, 16).cycles(command) == 2 + 4 + 4);
    config.victim_unit = VictimUnitKind::tree;  // four levels in two stages
    CHECK(ComparatorTree(16, 2).stages() == 2);
    CHECK(VictimUnit(config, 32, 16).cycles(command) == 2 + 4 + 3);
    command.searches = 3;
    command.freed = some_slots(3);
    CHECK(VictimUnit(config, 32, 16).cycles(command) == 2 + 4 + 3 + 2 * (1 + 1 + 3));
    config.victim_unit = VictimUnitKind::running_minimum;
    CHECK(VictimUnit(config, 32, 16).cycles(command) == 2 + 4 + 4 + 2 * (4 + 4));
    command.rows = 0;
    command.freed = some_slots(1);
    CHECK(VictimUnit(config, 32, 16).cycles(command) == 1);
}
