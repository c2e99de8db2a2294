// Addresses against a region laid out by walking through it, byte by byte.

#include "hardware/kv_mmu/address_generator.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "golden/kv_mmu_golden.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("every byte of every access lies where the naive layout puts it", "[kv_mmu][address_generator]") {
    std::mt19937 random(23);
    for (int shape = 0; shape < 120; ++shape) {
        CacheConfig cache;
        cache.storage = static_cast<StorageMode>(random() % 3);
        cache.layout = static_cast<CacheLayout>(random() % 2);
        cache.placement = static_cast<CachePlacement>(random() % 2);
        cache.kv_bits = 4U << (random() % 3);
        cache.kv_group = 1U << (random() % 4);
        cache.kv_scale_bits = 8U << (random() % 2);
        KvGeometry geometry{.batch = 1 + static_cast<std::uint32_t>(random() % 3),
                            .layers = 1 + static_cast<std::uint32_t>(random() % 3),
                            .kv_heads = 1 + static_cast<std::uint32_t>(random() % 3),
                            .head_dim = 1 + static_cast<std::uint32_t>(random() % 24),
                            .slots = 5 + static_cast<std::uint32_t>(random() % 12)};
        geometry.positions = geometry.slots + random() % 40;
        geometry.burst_bytes = Bytes{16} << (random() % 4);
        geometry.stripe_bytes = geometry.burst_bytes << (random() % 5);
        geometry.stripe_banks = 2U << (random() % 4);
        geometry.kv_base = kv_alignment(cache, geometry) * (random() % 100);
        if (cache.kv_bits == 4) {  // whole bytes and groups
            geometry.head_dim = std::max(2U, cache.kv_group) * (1 + random() % 3);
        }
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

TEST_CASE("bank-interleaved: K reads of one request and V writes of another share no bank",
          "[kv_mmu][address_generator]") {
    CacheConfig cache;
    cache.placement = CachePlacement::bank_interleaved;
    for (const auto layout : {CacheLayout::head_major, CacheLayout::token_major}) {
        for (const std::uint32_t banks : {2U, 4U, 16U}) {
            cache.layout = layout;
            const KvGeometry geometry{.batch = 4,
                                      .layers = 2,
                                      .kv_heads = 3,
                                      .head_dim = 24,
                                      .slots = 40,
                                      .positions = 80,
                                      .kv_base = 3 * 512 * banks,
                                      .stripe_bytes = 512,
                                      .stripe_banks = banks};
            AddressGenerator generator(cache, geometry);
            SlotTable table(cache.storage, geometry);
            // By K and V and by request: the banks touched.
            std::map<std::pair<bool, std::uint32_t>, std::set<std::uint32_t>> touched;
            std::set<Bytes> used;
            std::vector<DramSegment> segments;
            for (std::uint32_t n = 0; n < geometry.sets() * 2; ++n) {
                KvAccess access;
                access.value = n % 2 == 1;
                access.head = KvHeadId(n / 2 % 3);
                access.layer = LayerId(n / 6 % 2);
                access.request = RequestId(n / 12);
                access.move = true;
                access.count = 40;
                generator.generate(access, false, 0, 40 * 24, table, segments);
                for (const DramSegment& segment : segments) {
                    for (Bytes at = segment.address; at < segment.address + segment.bytes; ++at) {
                        REQUIRE(used.insert(at).second);
                        touched[{access.value, access.request.value}].insert(at / 512 % banks);
                    }
                }
            }
            const auto apart = [](const std::set<std::uint32_t>& a, const std::set<std::uint32_t>& b) {
                return std::ranges::none_of(a, [&](std::uint32_t bank) { return b.contains(bank); });
            };
            for (std::uint32_t one = 0; one < 4; ++one) {
                for (std::uint32_t other = 0; other < 4; ++other) {
                    CHECK(apart(touched[{false, one}], touched[{true, other}]));
                    if (banks >= 8 && one % 2 != other % 2) {  // K of one and K of its neighbour
                        CHECK(apart(touched[{false, one}], touched[{false, other}]));
                        CHECK(apart(touched[{true, one}], touched[{true, other}]));
                    }
                }
            }
            CHECK(*used.rbegin() < geometry.kv_base + generator.region_bytes());
            CHECK(*used.begin() >= geometry.kv_base);
        }
    }
}

TEST_CASE("bank-interleaved placement asks for banks and an aligned region", "[kv_mmu][address_generator]") {
    CacheConfig cache;
    cache.placement = CachePlacement::bank_interleaved;
    CHECK_THROWS_AS(AddressGenerator(cache, KvGeometry{.stripe_banks = 1}), SimulationError);
    CHECK_THROWS_AS(AddressGenerator(cache, KvGeometry{.kv_base = 8192}), SimulationError);
    CHECK_NOTHROW(AddressGenerator(cache, KvGeometry{.kv_base = 8 * 8192}));
}

TEST_CASE("the padding of bank-interleaved placement", "[kv_mmu][address_generator]") {
    // GPT-2 small, 64 slots of 64 B: 4 KiB blocks on an LPDDR4 with stripes of 8 KiB in 8 banks.
    CacheConfig cache;
    cache.placement = CachePlacement::bank_interleaved;
    KvGeometry geometry{.batch = 4, .layers = 12, .kv_heads = 12, .head_dim = 64, .slots = 64, .positions = 320};
    CHECK(kv_region_bytes(cache, geometry) == 4 * 12 * 12 * 2 * 4096);  // none
    geometry.batch = 5;                                                 // the odd requests' lanes have one less
    CHECK(kv_region_bytes(cache, geometry) == 6 * 12 * 12 * 2 * 4096);
    geometry.batch = 1;
    CHECK(kv_region_bytes(cache, geometry) == 12 * 12 * 2 * 4096);
}
