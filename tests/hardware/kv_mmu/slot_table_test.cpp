// Slot table against an ordered map that is looked through from the start, and its invariants.

#include "hardware/kv_mmu/slot_table.h"

#include <random>
#include <string>

#include "golden/kv_mmu_golden.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

KvGeometry small_geometry() {
    return {.batch = 2, .layers = 2, .kv_heads = 2, .head_dim = 8, .slots = 100, .positions = 700};
}

std::vector<std::uint32_t> flat(const std::vector<PlaceRun>& runs) {
    std::vector<std::uint32_t> places;
    for (const PlaceRun& run : runs) {
        for (std::uint32_t i = 0; i < run.count; ++i) {
            places.push_back(run.place + i);
        }
    }
    return places;
}

bool merged(const std::vector<PlaceRun>& runs) {
    for (std::size_t i = 1; i < runs.size(); ++i) {
        if (runs[i].place <= runs[i - 1].place + runs[i - 1].count) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("the slot table delivers what the ordered map does, in every storage mode", "[kv_mmu][slot_table]") {
    const StorageMode storage = GENERATE(StorageMode::in_place, StorageMode::append_gather, StorageMode::compact);
    std::mt19937 random(17);
    const KvGeometry geometry = small_geometry();
    SlotTable table(storage, geometry);
    std::vector<GoldenSlotSet> golden(geometry.sets());
    std::vector<std::uint32_t> next_position(geometry.sets(), 0);
    for (int step = 0; step < 6000; ++step) {
        const std::uint64_t set = random() % geometry.sets();
        GoldenSlotSet& reference = golden[set];
        const bool full = reference.tokens().size() == geometry.slots;
        if (!full && next_position[set] < geometry.positions && random() % 3 != 0) {
            std::uint32_t slot = random() % 4 == 0 ? random() % geometry.slots : 0;
            while (reference.tokens().contains(slot)) {
                slot = (slot + 1) % geometry.slots;
            }
            const std::uint32_t position = next_position[set]++;
            table.place(set, {SlotId(slot), TokenPosition(position)});
            reference.place(slot, position);
            REQUIRE(table.place_of(set, {SlotId(slot), TokenPosition(position)}) ==
                    reference.place_of(storage, position));
        } else if (!reference.tokens().empty() && (full || random() % 3 == 0)) {
            const auto victim = std::next(reference.tokens().begin(),
                                          static_cast<std::ptrdiff_t>(random() % reference.tokens().size()));
            const std::uint32_t slot = victim->first;
            table.free(set, SlotId(slot));
            reference.free(slot);
            REQUIRE_FALSE(table.token_in(set, SlotId(slot)));
        }
        table.check_set(set);
        const std::vector<std::uint32_t> places = reference.places(storage);
        REQUIRE(table.residents(set) == places.size());
        // Twice, so that the second look-up goes on where the first ended.
        std::uint32_t first = places.empty() ? 0 : random() % places.size();
        for (int look = 0; look < 2; ++look) {
            const auto left = static_cast<std::uint32_t>(places.size()) - first;
            const std::uint32_t count = left == 0 ? 0 : 1 + random() % left;
            std::vector<PlaceRun> runs;
            table.runs(set, first, count, runs);
            REQUIRE(merged(runs));
            REQUIRE(flat(runs) == std::vector<std::uint32_t>(places.begin() + first, places.begin() + first + count));
            first += count;
        }
    }
    std::uint64_t total = 0;
    for (std::uint64_t set = 0; set < geometry.sets(); ++set) {
        total += golden[set].tokens().size();
        for (const auto& [slot, position] : golden[set].tokens()) {
            REQUIRE(table.token_in(set, SlotId(slot)) == TokenPosition(position));
            REQUIRE(table.place_of(set, {SlotId(slot), TokenPosition(position)}) ==
                    golden[set].place_of(storage, position));
        }
    }
    CHECK(table.total_residents() == total);
    CHECK(table.peak_residents() <= geometry.slots);
}

TEST_CASE("the slot table refuses what would break an invariant", "[kv_mmu][slot_table]") {
    SlotTable table(StorageMode::in_place, small_geometry());
    const auto at = [](std::uint32_t slot, std::uint32_t position) {
        return KvPlacement{SlotId(slot), TokenPosition(position)};
    };
    table.place(3, at(5, 9));
    CHECK_THROWS_AS(table.place(3, at(5, 10)), SimulationError);    // a second token in a slot
    CHECK_THROWS_AS(table.place(3, at(6, 9)), SimulationError);     // a token in two slots
    CHECK_THROWS_AS(table.place(3, at(100, 10)), SimulationError);  // beyond the slots
    CHECK_THROWS_AS(table.place(3, at(6, 700)), SimulationError);   // beyond the positions
    CHECK_THROWS_AS(table.free(3, SlotId(6)), SimulationError);     // nothing there
    CHECK_THROWS_AS(table.place_of(3, at(5, 8)), SimulationError);  // another token there
    std::vector<PlaceRun> runs;
    CHECK_THROWS_AS(table.runs(3, 0, 2, runs), SimulationError);  // more than the residents
    CHECK_NOTHROW(table.place(4, at(5, 9)));                      // another set
    CHECK_FALSE(table.uniform());
    try {
        table.place(3, at(5, 10));
    } catch (const SimulationError& error) {
        const std::string text = error.what();
        CHECK(text.find("request 0, layer 1, KV head 1") != std::string::npos);
        CHECK(text.find("slot 5") != std::string::npos);
    }
}

TEST_CASE("a cache that only grows needs no table", "[kv_mmu][slot_table]") {
    KvGeometry geometry{.batch = 64, .layers = 32, .kv_heads = 32, .head_dim = 128, .slots = 4096, .positions = 4096};
    geometry.identity = true;  // with a table this would be 1 GB
    SlotTable table(StorageMode::in_place, geometry);
    for (std::uint32_t n = 0; n < 4096; ++n) {
        table.place(65535, {SlotId(n), TokenPosition(n)});
    }
    std::vector<PlaceRun> runs;
    table.runs(65535, 100, 3996, runs);
    CHECK(runs == std::vector<PlaceRun>{{100, 3996}});
    CHECK(table.place_of(65535, {SlotId(7), TokenPosition(7)}) == 7);
    CHECK_THROWS_AS(table.place(0, {SlotId(1), TokenPosition(1)}), SimulationError);
    CHECK_THROWS_AS(table.free(65535, SlotId(1)), SimulationError);
}
