// How much memory a run would fill in each part of the KV-MMU: what reports set against what the machine has.

#include "hardware/kv_mmu/kv_mmu_fixture.h"
#include "hardware/kv_mmu/slot_table.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

using namespace palimpsest;

TEST_CASE("a slot table has 17 bits a slot, and resident bits where tokens are read in order of position",
          "[kv_mmu][slot_table]") {
    // GPT-2 small at batch 16, an eighth of 320 tokens.
    KvGeometry geometry{.batch = 16, .layers = 12, .kv_heads = 12, .slots = 40, .positions = 320};
    const Bytes sets = 2304;
    CHECK(SlotTable(StorageMode::in_place, geometry).table_bytes() == sets * 40 * 17 / 8);
    CHECK(SlotTable(StorageMode::compact, geometry).table_bytes() == sets * (40 * 17 + 320) / 8);
    geometry.positions = 65'536;
    CHECK(SlotTable(StorageMode::in_place, geometry).table_bytes() == sets * 40 * 17 / 8);
    geometry.batch = 1;
    geometry.positions = 65'537;  // the last of them needs a seventeenth bit
    CHECK(SlotTable(StorageMode::in_place, geometry).table_bytes() == Bytes{144} * 40 * 18 / 8);
    geometry.identity = true;
    CHECK(SlotTable(StorageMode::in_place, geometry).table_bytes() == 0);
}

TEST_CASE("what a run would fill of each memory of the KV-MMU", "[kv_mmu][module]") {
    const bool prefetch = GENERATE(false, true);
    FreshKernel kernel;
    const KvGeometry geometry{.batch = 2, .layers = 3, .kv_heads = 2, .head_dim = 64, .slots = 20, .positions = 64};
    HardwareConfig hardware;
    hardware.kv_mmu.score_store_bytes = 5 * 64;  // of 12 vectors of 20 scores of 16 bits, two words each
    hardware.kv_mmu.score_prefetch = prefetch;
    KvMmuFixture bench(hardware, {}, geometry);
    CHECK(bench.mmu.needed_bytes()[KvMmuPart::victim_unit] == 0);
    CHECK(bench.mmu.needed_bytes()[KvMmuPart::write_combiner] == 0);

    KvCommand command;
    command.rows = 1;
    for (const std::uint32_t slots : {33U, 20U}) {  // a chunk's tokens among the first
        command.slots = slots;
        bench.master.command(0, command);
    }
    KvCommand without_scores;
    without_scores.slots = 64;
    bench.master.command(0, without_scores);
    bench.run(200);
    const ByKvMmuPart<Bytes> needs = bench.mmu.needed_bytes();
    CHECK(needs[KvMmuPart::slot_table] == (12 * 20 * 17 + 7) / 8);
    CHECK(needs[KvMmuPart::score_store] == 12 * 64);
    CHECK(needs[KvMmuPart::spilled_scores] == 7 * geometry.burst_bytes);
    CHECK(needs[KvMmuPart::victim_unit] == (prefetch ? 2 : 1) * 3 * 32);
    CHECK(needs[KvMmuPart::address_generator] == 2 * 8);
    CHECK(needs[KvMmuPart::other] == 0);
}
