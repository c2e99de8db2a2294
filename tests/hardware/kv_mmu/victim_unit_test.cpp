// The victim unit's closed forms against its clock-by-clock model, which finds the victims on scores, and the model's
// victims against what the policy chooses.

#include "hardware/kv_mmu/victim_unit.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include "golden/kv_victim_golden.h"
#include "hardware/kv_mmu/protected_set.h"
#include "policy/accumulated.h"
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

/// Tokens in slots without order, some slots free; rows that a policy and the model see, and a search of both.
class Searched {
  public:
    Searched(EvictionPolicy& policy, std::uint32_t slots, std::mt19937& random)
        : scores(slots), policy_(policy), random_(random) {
        std::vector<std::uint32_t> order(slots);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::shuffle(order, random);
        for (auto& score : scores) {
            score.masked = true;
        }
        std::uint32_t position = 0;
        for (const std::uint32_t slot : order) {
            position += random() % 3 == 0 ? 1 + random() % 4 : 1;
            if (random() % 8 != 0) {
                policy.insert(SlotId(slot), TokenPosition(position));
                scores[slot] = {.position = last = position};
            }
        }
    }

    /// Few values, so that many scores tie.
    template <class Draw>
    void observe(Draw draw) {
        std::vector<RelevanceSample> samples(scores.size());
        for (std::size_t slot = 0; slot < samples.size(); ++slot) {
            samples[slot] = scores[slot].masked ? 0 : draw();
        }
        policy_.observe({samples, {}, TokenPosition(last)});
    }

    /// Adds `rows` to the scores and searches a few victims: the model finds the policy's, in the unit's cycles.
    void search(const Shape& shape, const ProtectedSet& kept, const std::vector<std::vector<std::uint64_t>>& rows) {
        const std::uint32_t newest = last + random_() % 2;
        for (GoldenScore& score : scores) {
            score.masked |= kept.contains(TokenPosition(score.position), TokenPosition(newest));
        }
        const auto slots = static_cast<std::uint32_t>(scores.size());
        const std::uint32_t searches = 1 + random_() % 5;
        GoldenVictimUnit golden(shape.golden);
        golden.start({.rows = 1, .slots = slots, .searches = searches, .freed = searches}, scores, rows);
        const Cycles cycles = run(golden);

        KvCommand command;
        command.rows = 1;
        command.slots = slots;
        command.searches = searches;
        command.freed = some_slots(searches);
        REQUIRE(VictimUnit(shape.config, shape.lanes, shape.score_bits).cycles(command) == cycles);
        REQUIRE(golden.victims.size() == searches);
        for (const auto& found : golden.victims) {
            const auto chosen = policy_.victim(TokenPosition(newest));
            REQUIRE(chosen.has_value() == found.has_value());
            if (chosen) {
                REQUIRE(*chosen == SlotId(*found));
                policy_.remove(*chosen);
            }
        }
    }

    std::vector<GoldenScore> scores;  ///< by slot
    std::uint32_t last = 0;           ///< the youngest token

  private:
    EvictionPolicy& policy_;
    std::mt19937& random_;
};

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

TEST_CASE("both circuits find the victims of a score policy: least score, ties to the oldest, protected passed by",
          "[kv_mmu][victim_unit]") {
    // The search is the same for every policy of scores; this one adds rows up as the model does.
    std::mt19937 random(7);
    for (int n = 0; n < 1500; ++n) {
        const Shape shape(random);
        CacheConfig cache;
        cache.score_bits = shape.score_bits;
        cache.sinks = random() % 5;
        cache.recent = random() % 9;
        cache.normalise_by_age = random() % 3 == 0;
        const std::uint32_t slots = 1 + random() % 150;
        AccumulatedPolicy policy(cache, slots);
        Searched searched(policy, slots, random);
        const std::uint32_t step = 1U << (shape.score_bits < 20 ? 20 - shape.score_bits : 0);
        const auto few_steps = [&] { return step * (random() % 4); };
        searched.observe(few_steps);
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            searched.scores[slot].score = policy.score(SlotId(slot));
        }
        searched.observe(few_steps);
        std::vector<std::uint64_t> added(slots);  // by the second row
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            GoldenScore& score = searched.scores[slot];
            added[slot] = policy.score(SlotId(slot)) - score.score;
            score.queries = cache.normalise_by_age && !score.masked ? searched.last - score.position + 1 : 1;
        }
        searched.search(shape, ProtectedSet(cache.sinks, cache.recent), {added});
    }
}

TEST_CASE("both circuits find rce's victims, on its scores and with its window as a register",
          "[kv_mmu][victim_unit]") {
    std::mt19937 random(11);
    std::uint32_t windows_moved = 0;
    for (int n = 0; n < 1000; ++n) {
        const Shape shape(random);
        CacheConfig cache;
        cache.policy = "rce";
        cache.score_bits = shape.score_bits;
        cache.sinks = random() % 5;
        cache.recent = random() % 9;
        cache.rce_half_life = 0.1 * (random() % 5);
        const std::uint32_t slots = 1 + random() % 150;
        cache.budget = slots;
        RcePolicy policy(cache, slots);
        Searched searched(policy, slots, random);
        const std::uint32_t before = policy.window();
        for (std::uint32_t rows = random() % 30; rows > 0; --rows) {
            searched.observe([&] { return (random() % 3) << random() % 12; });
        }
        windows_moved += policy.window() != before ? 1 : 0;
        // What the update makes of them is the policy's; the search sees the scores that it writes back.
        std::vector<std::uint64_t> updated(slots);
        for (std::uint32_t slot = 0; slot < slots; ++slot) {
            updated[slot] = searched.scores[slot].masked ? 0 : policy.score(SlotId(slot));
        }
        searched.search(shape, ProtectedSet(cache).with_recent(*policy.recent_window()), {updated});
    }
    CHECK(windows_moved > 300);
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
