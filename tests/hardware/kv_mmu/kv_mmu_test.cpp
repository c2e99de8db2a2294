// The module: address path and command engine against their clock-by-clock models, and what passes its sockets.

#include "hardware/kv_mmu/kv_mmu.h"

#include <random>
#include <set>

#include "golden/kv_mmu_golden.h"
#include "golden/kv_mmu_timing_golden.h"
#include "hardware/kv_mmu/kv_mmu_fixture.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

using namespace palimpsest;

namespace {

KvPlacements tokens(std::uint32_t first_slot, std::uint32_t first_position, std::uint32_t count) {
    auto list = std::make_shared<std::vector<KvPlacement>>();
    for (std::uint32_t i = 0; i < count; ++i) {
        list->push_back({SlotId(first_slot + i), TokenPosition(first_position + i)});
    }
    return list;
}

KvSlots slots(std::initializer_list<std::uint32_t> list) {
    auto out = std::make_shared<std::vector<SlotId>>();
    for (const std::uint32_t slot : list) {
        out->push_back(SlotId(slot));
    }
    return out;
}

/// A write of the K or V vectors of `placements`.
KvAccess write_of(const KvPlacements& placements, bool value) {
    KvAccess access;
    access.value = value;
    access.placements = placements;
    access.count = static_cast<std::uint32_t>(placements->size());
    return access;
}

KvAccess read_of(std::uint32_t first, std::uint32_t count, bool value = false) {
    KvAccess access;
    access.value = value;
    access.first = first;
    access.count = count;
    return access;
}

}  // namespace

TEST_CASE("requests leave the address path in the cycles of the clock-by-clock model", "[kv_mmu][module]") {
    std::mt19937 random(3);
    for (int n = 0; n < 200; ++n) {
        FreshKernel kernel;
        HardwareConfig hardware;
        hardware.core_clock_ps = 700 + random() % 700;
        hardware.kv_mmu.lookup_latency_cycles = random() % 5;
        hardware.kv_mmu.write_combine_entries = 0;
        CacheConfig cache;
        cache.layout = static_cast<CacheLayout>(random() % 2);
        cache.storage = random() % 2 == 0 ? StorageMode::in_place : StorageMode::append_gather;
        const KvGeometry geometry{.kv_heads = 2, .head_dim = 16, .slots = 64, .positions = 128};
        KvMmuFixture bench(hardware, cache, geometry);
        GoldenSlotSet reference;
        for (std::uint32_t slot = 0; slot < 64; ++slot) {
            if (random() % 3 != 0) {
                bench.mmu.preset(RequestId(0), LayerId(0), KvHeadId(0), {SlotId(slot), TokenPosition(2 * slot)});
                reference.place(slot, 2 * slot);
            }
        }
        const GoldenKvMap map(cache, geometry);
        const auto places = reference.places(cache.storage);
        std::vector<GoldenRequest> expected;
        std::vector<std::vector<DramSegment>> segments;
        Cycles cycle = 0;
        for (int i = 0; i < 60; ++i) {
            cycle += random() % 3 == 0 ? random() % 60 : random() % 3;
            const std::uint32_t first = random() % places.size();
            const std::uint32_t count = 1 + random() % std::min<std::size_t>(20, places.size() - first);
            const KvAccess access = read_of(first, count, random() % 2 == 0);
            const Bytes offset = random() % (count * 16);
            const Bytes bytes = 1 + random() % (count * 16 - offset);
            bench.master.request(cycle, access, false, offset, bytes);
            segments.push_back(map.segments(access, {places.begin() + first, places.end()}, offset, bytes));
            expected.push_back({cycle, segments.back().size()});
        }
        // Latencies of no whole cycles: answers overtake one another, requests must not.
        bench.memory.latency = [&](Traffic, std::size_t i) { return 1 + (i * 7919) % 90000; };
        bench.run(cycle + 3000);
        const std::vector<Cycles> out = golden_out_cycles(expected, hardware.kv_mmu.lookup_latency_cycles);
        REQUIRE(bench.memory.seen.size() == expected.size());
        std::uint64_t addresses = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            REQUIRE(bench.memory.seen[i].time == out[i] * hardware.core_clock_ps);
            REQUIRE(bench.memory.seen[i].segments == segments[i]);
            REQUIRE(bench.master.request_answers[i] ==
                    (bench.memory.seen[i].time + 1 + (i * 7919) % 90000) / hardware.core_clock_ps);
            addresses += segments[i].size();
        }
        REQUIRE(bench.mmu.actions()[Action::kv_address] == addresses);
        REQUIRE(bench.mmu.address_cycles() == addresses);
        REQUIRE(bench.mmu.quiet());
    }
}

TEST_CASE("commands complete in the cycles of the clock-by-clock model, spilled scores and all", "[kv_mmu][module]") {
    std::mt19937 random(8);
    for (int n = 0; n < 300; ++n) {
        FreshKernel kernel;
        HardwareConfig hardware;
        hardware.core_clock_ps = 1000;
        hardware.vector_unit.lanes = 8U << (random() % 3);
        hardware.kv_mmu.victim_latency_cycles = random() % 6;
        CacheConfig cache;
        cache.scope = static_cast<EvictionScope>(random() % 3);
        const KvGeometry geometry{
            .batch = 3, .layers = 2, .kv_heads = 3, .head_dim = 16, .slots = 48, .positions = 400, .score_base = 8192};
        const Bytes vector_bytes = 96;
        hardware.kv_mmu.score_store_bytes = vector_bytes * (random() % 8);
        KvMmuFixture bench(hardware, cache, geometry);
        std::vector<std::uint32_t> next_free(geometry.sets(), 0);
        for (std::uint32_t request = 0; request < 3; ++request) {
            for (std::uint32_t layer = 0; layer < 2; ++layer) {
                for (std::uint32_t head = 0; head < 3; ++head) {
                    for (std::uint32_t slot = 0; slot < 48; ++slot) {
                        bench.mmu.preset(RequestId(request), LayerId(layer), KvHeadId(head),
                                         {SlotId(slot), TokenPosition(slot)});
                    }
                }
            }
        }
        std::vector<GoldenCommand> expected;
        Cycles cycle = 0;
        std::uint64_t freed_total = 0;
        for (std::uint32_t i = 0; i < 54; ++i) {
            cycle += random() % 4 == 0 ? random() % 400 : random() % 20;
            KvCommand command;
            // Heads one after another, as a layer is worked through, so that shared vectors are met again.
            command.head = KvHeadId(i % 3);
            command.layer = LayerId(i / 9 % 2);
            command.request = RequestId(i / 3 % 3);
            command.slots = 1 + random() % 60;
            command.rows = random() % 8 == 0 ? 0 : 1 + random() % 4;
            command.searches = cache.scope == EvictionScope::head || i % 3 == 2 ? random() % 3 : 0;
            const std::uint64_t set = geometry.set_of(command.request, command.layer, command.head);
            const std::uint32_t freed = random() % 3;
            auto list = std::make_shared<std::vector<SlotId>>();
            for (std::uint32_t k = 0; k < freed; ++k) {
                list->push_back(SlotId(next_free[set]++));
            }
            command.freed = list;
            freed_total += freed;
            bench.master.command(cycle, command);

            GoldenCommand golden{cycle, command.rows, command.slots, command.searches, freed};
            golden.vector = cache.scope == EvictionScope::head    ? set
                            : cache.scope == EvictionScope::layer ? set / 3
                                                                  : set / 6;
            golden.spilled = (golden.vector + 1) * vector_bytes > hardware.kv_mmu.score_store_bytes;
            golden.returns = cache.scope == EvictionScope::head || command.searches > 0;
            expected.push_back(golden);
        }
        const auto latency = [seed = n](std::size_t i) -> Picoseconds { return 1 + (i * 104729 + seed * 31) % 150000; };
        bench.memory.latency = [&](Traffic, std::size_t i) { return latency(i); };
        bench.run(100000);

        const auto golden = golden_commands(
            expected, GoldenVictimUnit(hardware.vector_unit.lanes, 16, hardware.kv_mmu.victim_latency_cycles), 1000,
            latency);
        REQUIRE(bench.master.command_answers == golden.complete);
        const std::uint64_t on_chip = hardware.kv_mmu.score_store_bytes / vector_bytes;
        REQUIRE(bench.memory.seen.size() == golden.transfers.size());
        for (std::size_t i = 0; i < golden.transfers.size(); ++i) {
            const auto& seen = bench.memory.seen[i];
            const GoldenScoreTransfer& transfer = golden.transfers[i];
            REQUIRE(seen.time == transfer.cycle * 1000);
            REQUIRE(seen.write == transfer.write);
            REQUIRE(seen.traffic == Traffic::scores);
            const Bytes bytes = std::min<Bytes>(vector_bytes, (transfer.slots + 15) / 16 * 32);
            REQUIRE(seen.length == bytes);
            // 96 B vectors, each on a 128 B burst.
            REQUIRE(seen.segments == std::vector<DramSegment>{{8192 + (transfer.vector - on_chip) * 128, bytes}});
        }
        const ActivityCounts& activity = bench.mmu.close_accounts(100000);
        REQUIRE(activity.total() == 100000);
        REQUIRE(activity.busy() == golden.busy);
        REQUIRE(activity[UnitState::dram] == golden.dram);
        REQUIRE(bench.mmu.actions()[Action::kv_score_read] == golden.counts.score_reads);
        REQUIRE(bench.mmu.actions()[Action::kv_score_write] == golden.counts.score_writes);
        REQUIRE(bench.mmu.actions()[Action::kv_slot_table_write] == freed_total);
        REQUIRE(bench.mmu.slot_table().total_residents() == geometry.sets() * 48 - freed_total);
    }
}

TEST_CASE("a token replaces a victim in its slot and no other byte of the cache is written", "[kv_mmu][module]") {
    FreshKernel kernel;
    HardwareConfig hardware;
    CacheConfig cache;
    const KvGeometry geometry{.head_dim = 128, .slots = 4, .positions = 16, .kv_base = 65536};
    KvMmuFixture bench(hardware, cache, geometry);
    const KvPlacements prompt = tokens(0, 0, 4);
    bench.master.request(0, write_of(prompt, false), true, 0, 512);
    bench.master.request(1, write_of(prompt, true), true, 0, 512);
    KvCommand command;
    command.slots = 4;
    command.rows = 1;
    command.searches = 1;
    command.freed = slots({2});
    bench.master.command(100, command);
    const KvPlacements token = tokens(2, 4, 1);
    bench.master.request(200, read_of(0, 3), false, 0, 3 * 128);
    bench.master.request(300, write_of(token, false), true, 0, 128);
    bench.master.request(301, write_of(token, true), true, 0, 128);
    bench.run(1000);
    REQUIRE(bench.memory.seen.size() == 5);
    CHECK(bench.memory.seen[0].segments == std::vector<DramSegment>{{65536, 512}});
    CHECK(bench.memory.seen[1].segments == std::vector<DramSegment>{{65536 + 512, 512}});
    CHECK(bench.memory.seen[2].segments == std::vector<DramSegment>{{65536, 256}, {65536 + 384, 128}});
    CHECK(bench.memory.seen[3].segments == std::vector<DramSegment>{{65536 + 256, 128}});
    CHECK(bench.memory.seen[4].segments == std::vector<DramSegment>{{65536 + 512 + 256, 128}});
    CHECK(bench.master.command_answers[0] == 100 + 1 + 1 + 4);
    CHECK(bench.mmu.peak_bytes() == 4 * 256);
    CHECK(bench.mmu.resident_tokens_peak() == 4);
    CHECK(bench.mmu.actions()[Action::kv_slot_table_write] == 4 + 1 + 1);
    CHECK(bench.mmu.actions()[Action::kv_slot_table_read] == 2);
    bench.mmu.check_uniform();
}

TEST_CASE("combined writes: answered at once or with what they push out; every byte reaches DRAM once",
          "[kv_mmu][module]") {
    FreshKernel kernel;
    HardwareConfig hardware;
    hardware.kv_mmu.write_combine_entries = 2;
    CacheConfig cache;
    cache.layout = CacheLayout::token_major;
    const KvGeometry geometry{.kv_heads = 2, .head_dim = 64, .slots = 8, .positions = 8};
    KvMmuFixture bench(hardware, cache, geometry);
    // K of head 0 and K of head 1 of a token share a burst; V likewise, in the next.
    Cycles cycle = 0;
    for (std::uint32_t token = 0; token < 3; ++token) {
        for (const bool value : {false, true}) {
            for (std::uint32_t head = 0; head < 2; ++head) {
                if (token == 2 && head == 1) {
                    continue;
                }
                KvAccess access = write_of(tokens(token, token, 1), value);
                access.head = KvHeadId(head);
                bench.master.request(cycle, access, true, 0, 64);
                cycle += 20;
            }
        }
    }
    bench.run(cycle);
    // Four whole bursts; the halves of token 2 wait.
    REQUIRE(bench.memory.seen.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(bench.memory.seen[i].segments == std::vector<DramSegment>{{i * 128, 128}});
        CHECK(bench.memory.seen[i].length == 128);
        CHECK(bench.memory.seen[i].time == (20 * (2 * i + 1) + 3) * 1000);
    }
    CHECK(bench.master.request_answers[0] == 3);       // taken by the buffer
    CHECK(bench.master.request_answers[1] == 23 + 1);  // pushed the burst out, 1 ns of memory
    CHECK_FALSE(bench.mmu.quiet());

    CHECK(bench.mmu.actions()[Action::kv_write_combine] == 10 + 4);  // pieces taken, entries given

    bench.memory.seen.clear();
    bench.mmu.flush_writes();
    bench.run(10);
    REQUIRE(bench.memory.seen.size() == 1);
    CHECK(bench.memory.seen[0].segments == std::vector<DramSegment>{{512, 64}, {640, 64}});
    CHECK(bench.memory.seen[0].traffic == Traffic::kv);
    CHECK(bench.mmu.actions()[Action::kv_write_combine] == 10 + 6);
    CHECK(bench.mmu.quiet());
    bench.mmu.flush_writes();  // nothing left, nothing sent
    CHECK(bench.mmu.quiet());
}

TEST_CASE("every byte written reaches DRAM exactly once, and before it is read", "[kv_mmu][module]") {
    std::mt19937 random(77);
    for (int n = 0; n < 60; ++n) {
        FreshKernel kernel;
        HardwareConfig hardware;
        hardware.kv_mmu.write_combine_entries = random() % 6;
        CacheConfig cache;
        cache.layout = static_cast<CacheLayout>(random() % 2);
        cache.storage = static_cast<StorageMode>(random() % 3);
        const KvGeometry geometry{.kv_heads = 3, .head_dim = 24, .slots = 40, .positions = 40};
        KvMmuFixture bench(hardware, cache, geometry);
        bench.memory.latency = [](Traffic, std::size_t i) { return 1 + (i * 7919) % 50000; };
        Cycles cycle = 0;
        std::uint32_t written = 0;
        while (written < 40) {
            const std::uint32_t count = std::min<std::uint32_t>(1 + random() % 9, 40 - written);
            for (std::uint32_t head = 0; head < 3; ++head) {
                for (const bool value : {false, true}) {
                    KvAccess access = write_of(tokens(written, written, count), value);
                    access.head = KvHeadId(head);
                    // Requests of uneven size, as a DMA stream cuts them.
                    for (Bytes offset = 0; offset < count * 24;) {
                        const Bytes bytes = std::min<Bytes>(1 + random() % 100, count * 24 - offset);
                        bench.master.request(cycle++, access, true, offset, bytes);
                        offset += bytes;
                    }
                    if (random() % 3 == 0) {
                        access = read_of(0, written + count, value);
                        access.head = KvHeadId(head);
                        bench.master.request(cycle++, access, false, 0, access.count * 24);
                    }
                }
            }
            written += count;
        }
        bench.run(cycle + 20000);
        bench.mmu.flush_writes();
        bench.run(100);
        REQUIRE(bench.mmu.quiet());
        std::set<Bytes> in_dram;
        for (const FakeMemory::Seen& seen : bench.memory.seen) {
            Bytes length = 0;
            for (const DramSegment& segment : seen.segments) {
                length += segment.bytes;
                for (Bytes at = segment.address; at < segment.address + segment.bytes; ++at) {
                    REQUIRE((seen.write ? in_dram.insert(at).second : in_dram.contains(at)));
                }
            }
            REQUIRE(seen.length == length);
        }
        REQUIRE(in_dram.size() == 3 * 2 * 40 * 24);
        REQUIRE(bench.mmu.peak_bytes() == 3 * 2 * 40 * 24);
    }
}

TEST_CASE("a read that touches waiting writes sends them first", "[kv_mmu][module]") {
    FreshKernel kernel;
    const KvGeometry geometry{.head_dim = 64, .slots = 8, .positions = 8};
    KvMmuFixture bench({}, {}, geometry);
    bench.master.request(0, write_of(tokens(0, 0, 3), false), true, 0, 192);
    bench.master.request(10, write_of(tokens(0, 0, 3), true), true, 0, 192);
    bench.master.request(20, read_of(0, 2), false, 0, 128);
    bench.master.request(40, read_of(2, 1), false, 0, 64);
    bench.run(100);
    REQUIRE(bench.memory.seen.size() == 5);
    CHECK(bench.memory.seen[0].segments == std::vector<DramSegment>{{0, 128}});
    CHECK(bench.memory.seen[1].segments == std::vector<DramSegment>{{512, 128}});
    CHECK_FALSE(bench.memory.seen[2].write);  // another burst: nothing to drain
    CHECK(bench.memory.seen[3].write);
    CHECK(bench.memory.seen[3].segments == std::vector<DramSegment>{{128, 64}});
    CHECK(bench.memory.seen[3].time == bench.memory.seen[4].time);
    CHECK_FALSE(bench.memory.seen[4].write);
}

TEST_CASE("storage that is not given back counts every token ever written", "[kv_mmu][module]") {
    FreshKernel kernel;
    CacheConfig cache;
    cache.storage = StorageMode::append_gather;
    const KvGeometry geometry{.head_dim = 64, .slots = 4, .positions = 16};
    KvMmuFixture bench({}, cache, geometry);
    bench.master.request(0, write_of(tokens(0, 0, 4), false), true, 0, 256);
    KvCommand command;
    command.freed = slots({1, 3});
    bench.master.command(50, command);
    bench.master.request(100, write_of(tokens(1, 4, 1), false), true, 0, 64);
    bench.master.request(150, read_of(0, 3), false, 0, 192);
    bench.run(300);
    CHECK(bench.mmu.peak_bytes() == 5 * 128);
    CHECK(bench.mmu.resident_tokens_peak() == 4);
    CHECK(bench.master.command_answers[0] == 52);  // two table writes
    // Positions 0, 2 and 4 are what is left.
    CHECK(bench.memory.seen.back().segments == std::vector<DramSegment>{{0, 64}, {128, 64}, {256, 64}});
}

TEST_CASE("the watchdog line names the requests that wait", "[kv_mmu][module]") {
    FreshKernel kernel;
    const KvGeometry geometry{.head_dim = 64, .slots = 8, .positions = 8, .uses_scores = true};
    HardwareConfig hardware;
    hardware.kv_mmu.score_store_bytes = 0;
    KvMmuFixture bench(hardware, {}, geometry);
    bench.memory.latency = [](Traffic, std::size_t) { return Picoseconds{1'000'000'000}; };
    bench.mmu.preset(RequestId(0), LayerId(0), KvHeadId(0), {SlotId(0), TokenPosition(0)});
    bench.master.request(0, read_of(0, 1, true), false, 0, 64);
    KvCommand command;
    command.slots = 1;
    command.rows = 1;
    bench.master.command(0, command);
    bench.run(100);
    const std::string line = bench.mmu.diagnose();
    CAPTURE(line);
    CHECK(line.find("read V of request 0, layer 0, KV head 0") != std::string::npos);
    CHECK(line.find("spilled score vector") != std::string::npos);
    CHECK(bench.mmu.close_accounts(100)[UnitState::dram] == 100);
}

TEST_CASE("a cache with unequal counts is refused at the end of a step", "[kv_mmu][module]") {
    FreshKernel kernel;
    const KvGeometry geometry{.batch = 2, .head_dim = 64, .slots = 8, .positions = 8};
    KvMmuFixture bench({}, {}, geometry);
    bench.mmu.preset(RequestId(0), LayerId(0), KvHeadId(0), {SlotId(0), TokenPosition(0)});
    CHECK_THROWS_AS(bench.mmu.check_uniform(), SimulationError);
    bench.mmu.preset(RequestId(1), LayerId(0), KvHeadId(0), {SlotId(3), TokenPosition(0)});
    CHECK_NOTHROW(bench.mmu.check_uniform());
}
