// Addresses against a region laid out by walking through it, byte by byte.

#include "hardware/kv_mmu/address_generator.h"

#include <random>

#include "golden/kv_mmu_golden.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("every byte of every access lies where the naive layout puts it", "[kv_mmu][address_generator]") {
    std::mt19937 random(23);
    for (int shape = 0; shape < 60; ++shape) {
        CacheConfig cache;
        cache.storage = static_cast<StorageMode>(random() % 3);
        cache.layout = static_cast<CacheLayout>(random() % 2);
        cache.kv_bits = random() % 2 == 0 ? 8 : 16;
        KvGeometry geometry{.batch = 1 + static_cast<std::uint32_t>(random() % 3),
                            .layers = 1 + static_cast<std::uint32_t>(random() % 3),
                            .kv_heads = 1 + static_cast<std::uint32_t>(random() % 3),
                            .head_dim = 1 + static_cast<std::uint32_t>(random() % 24),
                            .slots = 5 + static_cast<std::uint32_t>(random() % 12)};
        geometry.positions = geometry.slots + random() % 40;
        geometry.burst_bytes = Bytes{16} << (random() % 4);
        geometry.kv_base = geometry.burst_bytes * (random() % 100);
        const GoldenKvMap golden(cache, geometry);
        AddressGenerator generator(cache, geometry);
        REQUIRE(generator.region_bytes() == golden.bytes());
        REQUIRE(kv_region_bytes(cache, geometry) == golden.bytes());
        REQUIRE(generator.vector_bytes() == golden.vector_bytes());

        SlotTable table(cache.storage, geometry);
        std::vector<GoldenSlotSet> sets(geometry.sets());
        std::vector<DramSegment> segments;
        for (std::uint32_t position = 0; position < geometry.positions; ++position) {
            KvAccess access;
            access.request = RequestId(random() % geometry.batch);
            access.layer = LayerId(random() % geometry.layers);
            access.head = KvHeadId(random() % geometry.kv_heads);
            access.value = random() % 2 == 0;
            const std::uint64_t set = geometry.set_of(access.request, access.layer, access.head);
            GoldenSlotSet& reference = sets[set];
            const auto check = [&](bool write, const std::vector<std::uint32_t>& places) {
                const Bytes stream = access.count * golden.vector_bytes();
                const Bytes offset = random() % stream;
                const Bytes bytes = 1 + random() % (stream - offset);
                generator.generate(access, write, offset, bytes, table, segments);
                REQUIRE(segments == golden.segments(access, places, offset, bytes));
                generator.generate(access, write, 0, stream, table, segments);
                REQUIRE(segments == golden.segments(access, places, 0, stream));
            };
            if (reference.tokens().size() == geometry.slots) {
                const auto victim = std::next(reference.tokens().begin(),
                                              static_cast<std::ptrdiff_t>(random() % reference.tokens().size()));
                table.free(set, SlotId(victim->first));
                reference.free(victim->first);
            }
            // Some tokens are written together, into whatever slots are free.
            auto placements = std::make_shared<std::vector<KvPlacement>>();
            const std::uint32_t wanted = 1 + random() % 3;
            for (std::uint32_t slot = 0; slot < geometry.slots && placements->size() < wanted; ++slot) {
                if (!reference.tokens().contains(slot) && position < geometry.positions) {
                    placements->push_back({SlotId(slot), TokenPosition(position)});
                    table.place(set, placements->back());
                    reference.place(slot, position++);
                }
            }
            access.placements = placements;
            access.count = static_cast<std::uint32_t>(placements->size());
            std::vector<std::uint32_t> places;
            for (const KvPlacement& placement : *placements) {
                places.push_back(reference.place_of(cache.storage, placement.position.value));
            }
            if (access.count > 0) {
                check(true, places);
            }
            access.placements = nullptr;
            const std::vector<std::uint32_t> residents = reference.places(cache.storage);
            access.first = random() % residents.size();
            access.count = 1 + random() % (residents.size() - access.first);
            check(false, {residents.begin() + access.first, residents.begin() + access.first + access.count});
        }
    }
}

TEST_CASE("moves name places, and nothing outside a matrix is touched", "[kv_mmu][address_generator]") {
    CacheConfig cache;
    cache.storage = StorageMode::compact;
    const KvGeometry geometry{.head_dim = 64, .slots = 16, .positions = 32, .kv_base = 4096};
    AddressGenerator generator(cache, geometry);
    SlotTable table(cache.storage, geometry);
    std::vector<DramSegment> segments;
    KvAccess access;
    access.move = true;
    access.first = 4;
    access.count = 12;
    generator.generate(access, false, 0, 12 * 64, table, segments);
    CHECK(segments == std::vector<DramSegment>{{4096 + 4 * 64, 12 * 64}});
    access.count = 13;
    CHECK_THROWS_AS(generator.generate(access, true, 0, 64, table, segments), SimulationError);
    access.move = false;
    access.count = 1;
    CHECK_THROWS_AS(generator.generate(access, false, 0, 64, table, segments), SimulationError);  // no such resident
    access.head = KvHeadId(1);
    CHECK_THROWS_AS(generator.generate(access, false, 0, 64, table, segments), SimulationError);  // no such head
}
