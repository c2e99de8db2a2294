// Requests that come and go: base table against regions laid out by walking through them, and the cycles, counts and
// effects of a release as docs/blocks/kv_mmu.md has them.

#include <map>
#include <random>
#include <set>

#include "hardware/kv_mmu/kv_mmu_fixture.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

using namespace palimpsest;

namespace {

/// Where each byte of a request's cache lies: blocks one behind the other, from the region's start on.
class NaiveRegion {
  public:
    NaiveRegion(const CacheConfig& cache, const KvGeometry& g, Bytes start, std::uint32_t places) {
        const Bytes e = g.head_dim;
        Bytes at = start;
        const auto next_burst = [&] { at = (at + g.burst_bytes - 1) / g.burst_bytes * g.burst_bytes; };
        for (std::uint32_t layer = 0; layer < g.layers; ++layer) {
            if (cache.layout == CacheLayout::head_major) {
                for (std::uint32_t head = 0; head < g.kv_heads; ++head) {
                    for (std::uint32_t v = 0; v < 2; ++v) {
                        for (std::uint32_t place = 0; place < places; ++place, at += e) {
                            where_[{layer, head, v, place}] = at;
                        }
                        next_burst();
                    }
                }
            } else {
                for (std::uint32_t place = 0; place < places; ++place) {
                    for (std::uint32_t v = 0; v < 2; ++v) {
                        for (std::uint32_t head = 0; head < g.kv_heads; ++head, at += e) {
                            where_[{layer, head, v, place}] = at;
                        }
                    }
                }
                next_burst();
            }
        }
        end_ = at;
    }
    Bytes vector(std::uint32_t layer, std::uint32_t head, std::uint32_t v, std::uint32_t place) const {
        return where_.at({layer, head, v, place});
    }
    Bytes end() const { return end_; }

  private:
    std::map<std::array<std::uint32_t, 4>, Bytes> where_;
    Bytes end_ = 0;
};

}  // namespace

TEST_CASE("regions of their own: every vector lies where the naive layout puts it, none is shared",
          "[kv_mmu][address_generator]") {
    std::mt19937 random(31);
    for (int shape = 0; shape < 60; ++shape) {
        CacheConfig cache;
        cache.layout = static_cast<CacheLayout>(shape % 2);
        KvGeometry geometry{.batch = 3,
                            .layers = 1 + static_cast<std::uint32_t>(random() % 3),
                            .kv_heads = 1 + static_cast<std::uint32_t>(random() % 3),
                            .head_dim = 1 + static_cast<std::uint32_t>(random() % 24),
                            .slots = 40,
                            .positions = 40,
                            .identity = true};
        geometry.burst_bytes = Bytes{16} << (random() % 4);
        geometry.kv_base = geometry.burst_bytes * (random() % 100);
        geometry.region_bytes = Bytes{1} << 20;
        AddressGenerator generator(cache, geometry);
        REQUIRE(generator.region_bytes() == geometry.region_bytes);
        SlotTable table(cache.storage, geometry);
        std::set<Bytes> taken;
        Bytes offset = 0;
        for (std::uint32_t r = 0; r < geometry.batch; ++r) {
            const std::uint32_t places = 1 + random() % 12;
            offset += geometry.burst_bytes * (random() % 3);
            generator.set_region(RequestId(r), {offset, places});
            const NaiveRegion naive(cache, geometry, geometry.kv_base + offset, places);
            REQUIRE(kv_request_bytes(cache, geometry, places) == naive.end() - geometry.kv_base - offset);
            CHECK(generator.owns(RequestId(r), geometry.kv_base + offset));
            CHECK(generator.owns(RequestId(r), naive.end() - 1));
            CHECK_FALSE(generator.owns(RequestId(r), naive.end()));
            for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
                for (std::uint32_t head = 0; head < geometry.kv_heads; ++head) {
                    const std::uint64_t set = geometry.set_of(RequestId(r), LayerId(layer), KvHeadId(head));
                    for (std::uint32_t place = 0; place < places; ++place) {
                        table.place(set, {SlotId(place), TokenPosition(place)});
                        for (std::uint32_t v = 0; v < 2; ++v) {
                            KvAccess access;
                            access.request = RequestId(r);
                            access.layer = LayerId(layer);
                            access.head = KvHeadId(head);
                            access.value = v == 1;
                            access.first = place;
                            access.count = 1;
                            std::vector<DramSegment> segments;
                            generator.generate(access, false, 0, geometry.head_dim, table, segments);
                            REQUIRE(segments.size() == 1);
                            REQUIRE(segments[0] == DramSegment{naive.vector(layer, head, v, place), geometry.head_dim});
                            REQUIRE(taken.insert(segments[0].address).second);
                        }
                    }
                    // A token behind the last place.
                    table.place(set, {SlotId(places), TokenPosition(places)});
                    KvAccess beyond;
                    beyond.request = RequestId(r);
                    beyond.layer = LayerId(layer);
                    beyond.head = KvHeadId(head);
                    beyond.first = places;
                    beyond.count = 1;
                    std::vector<DramSegment> segments;
                    REQUIRE_THROWS_AS(generator.generate(beyond, false, 0, 1, table, segments), SimulationError);
                }
            }
            offset = naive.end() - geometry.kv_base;
        }
        CHECK_THROWS_AS(generator.set_region(RequestId(0), {geometry.region_bytes, 1}), SimulationError);
        CHECK_THROWS_AS(generator.set_region(RequestId(0), {geometry.burst_bytes / 2, 1}), SimulationError);
        CHECK_THROWS_AS(generator.set_region(RequestId(3), {0, 1}), SimulationError);
    }
}

TEST_CASE("the worked example of the specification: two requests leave", "[kv_mmu][module]") {
    FreshKernel kernel;
    HardwareConfig hardware;
    hardware.kv_mmu.write_combine_flush = WriteCombineFlush::full;
    const KvGeometry geometry{.batch = 2, .layers = 6, .kv_heads = 8, .head_dim = 32, .slots = 8, .positions = 16};
    KvMmuFixture bench(hardware, {}, geometry);
    // Three bursts of request 0 and one of request 1 wait in the combiner.
    const auto write = [&](Cycles cycle, std::uint32_t request, std::uint32_t layer) {
        KvAccess access = write_of(tokens(0, 0, 1), false);
        access.request = RequestId(request);
        access.layer = LayerId(layer);
        bench.master.request(cycle, access, true, 0, 32);
    };
    write(0, 0, 0);
    write(10, 0, 1);
    write(20, 0, 2);
    write(30, 1, 0);
    bench.run(1000);
    REQUIRE(bench.memory.seen.empty());
    const auto accesses = [&] { return bench.mmu.actions()[Action::kv_write_combine]; };
    const auto table_writes = [&] { return bench.mmu.actions()[Action::kv_slot_table_write]; };
    const std::uint64_t accesses_before = accesses();
    const std::uint64_t writes_before = table_writes();
    CHECK(bench.mmu.release(RequestId(0)) == 1048);
    CHECK(accesses() == accesses_before + 3);
    CHECK(bench.mmu.release(RequestId(1)) == 1096);
    CHECK_FALSE(bench.mmu.quiet());
    bench.run(96);
    bench.mmu.end_release();
    CHECK(bench.mmu.quiet());
    CHECK(table_writes() == writes_before + 96);
    CHECK(bench.mmu.close_accounts(1096).busy() == 96);
    bench.mmu.flush_writes();
    bench.run(10);
    CHECK(bench.memory.seen.empty());  // nothing of them is left to be written
    CHECK(bench.mmu.slot_table().total_residents() == 0);
    CHECK(bench.mmu.peak_bytes() == 4 * 64);
}

TEST_CASE("a slot set that was released takes a new request's tokens, in every storage mode", "[kv_mmu][slot_table]") {
    const StorageMode storage = GENERATE(StorageMode::in_place, StorageMode::append_gather, StorageMode::compact);
    const bool identity = GENERATE(false, true);
    const KvGeometry geometry{.batch = 2, .slots = 70, .positions = 70, .identity = identity};
    SlotTable table(storage, geometry);
    for (int round = 0; round < 3; ++round) {
        const std::uint32_t count = 30 + 10 * static_cast<std::uint32_t>(round);
        for (std::uint32_t t = 0; t < count; ++t) {
            table.place(0, {SlotId(t), TokenPosition(t)});
            table.place(1, {SlotId(t), TokenPosition(t)});
        }
        if (!identity) {
            table.free(0, SlotId(3));
        }
        std::vector<PlaceRun> runs;
        table.runs(0, 0, table.residents(0), runs);
        table.clear(0);
        table.check_set(0);
        CHECK(table.residents(0) == 0);
        CHECK(table.residents(1) == count);
        CHECK_THROWS_AS(table.runs(0, 0, 1, runs), SimulationError);
        CHECK_FALSE(table.token_in(0, SlotId(5)));
        table.clear(1);
        CHECK(table.total_residents() == 0);
        CHECK(table.peak_taken() == 2 * count);
    }
}

TEST_CASE("without a table a release is one cycle; with work under way it is refused", "[kv_mmu][module]") {
    FreshKernel kernel;
    const KvGeometry geometry{.layers = 2, .kv_heads = 2, .head_dim = 64, .slots = 8, .positions = 8, .identity = true};
    KvMmuFixture bench({}, {}, geometry);
    bench.master.request(0, write_of(tokens(0, 0, 4), false), true, 0, 256);
    bench.run(2);
    CHECK_THROWS_AS(bench.mmu.release(RequestId(0)), SimulationError);
    bench.run(98);
    CHECK(bench.mmu.release(RequestId(0)) == 101);
    CHECK(bench.mmu.actions()[Action::kv_slot_table_write] == 0);
    bench.run(1);
    bench.mmu.end_release();
    CHECK_THROWS_AS(bench.mmu.release(RequestId(1)), SimulationError);
}
