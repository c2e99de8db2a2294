// The victim unit's closed form against its clock-by-clock model.

#include "hardware/kv_mmu/victim_unit.h"

#include <random>

#include "golden/kv_mmu_timing_golden.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("cycles and counts of score commands equal the clock-by-clock model", "[kv_mmu][victim_unit]") {
    std::mt19937 random(99);
    for (int n = 0; n < 1000; ++n) {
        KvMmuConfig config;
        config.score_word_bytes = 4U << (random() % 5);
        config.victim_latency_cycles = random() % 6;
        const std::uint32_t lanes = 1U << (random() % 7);
        const std::uint32_t score_bits = random() % 2 == 0 ? 16 : 32;
        const VictimUnit unit(config, lanes, score_bits);
        KvCommand command;
        command.rows = random() % 5;
        command.slots = 1 + random() % 200;
        command.searches = random() % 4;
        const std::uint32_t freed = random() % 6;
        if (freed > 0) {
            command.freed = std::make_shared<std::vector<SlotId>>(freed);
        }

        GoldenVictimUnit golden(lanes, config.score_word_bytes * 8 / score_bits, config.victim_latency_cycles);
        golden.start({.rows = command.rows, .slots = command.slots, .searches = command.searches, .freed = freed});
        Cycles cycles = 0;
        while (!golden.done()) {
            golden.step();
            ++cycles;
        }
        REQUIRE(unit.cycles(command) == cycles);
        ActionCounts counts;
        unit.count(command, counts);
        REQUIRE(counts[Action::kv_score_read] == golden.counts.score_reads);
        REQUIRE(counts[Action::kv_score_write] == golden.counts.score_writes);
        REQUIRE(counts[Action::kv_score_add] == golden.counts.adds);
        REQUIRE(counts[Action::kv_victim_compare] == golden.counts.compares);
        REQUIRE(counts[Action::kv_slot_table_write] == golden.counts.table_writes);
    }
}

TEST_CASE("the worked example of the specification", "[kv_mmu][victim_unit]") {
    const VictimUnit unit({}, 32, 16);
    KvCommand command;
    command.slots = 64;
    command.rows = 1;
    command.searches = 1;
    command.freed = std::make_shared<std::vector<SlotId>>(1);
    CHECK(unit.cycles(command) == 2 + 4 + 4);
    command.rows = 0;
    CHECK(unit.cycles(command) == 1);
}
