// The module: address path and command engine against their clock-by-clock models, and what passes its sockets.

#include "hardware/kv_mmu/kv_mmu.h"

#include <random>
#include <tuple>

#include "golden/kv_mmu_golden.h"
#include "golden/kv_mmu_timing_golden.h"
#include "golden/kv_prefetch_golden.h"
#include "hardware/kv_mmu/kv_mmu_fixture.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"
#include "support/signal_recorder.h"

using namespace palimpsest;

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
    for (int n = 0; n < 400; ++n) {
        FreshKernel kernel;
        HardwareConfig hardware;
        hardware.core_clock_ps = 1000;
        hardware.kv_mmu.score_prefetch = n % 2 == 1;
        hardware.kv_mmu.victim_unit = random() % 2 == 0 ? VictimUnitKind::tree : VictimUnitKind::running_minimum;
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
            if (n % 5 == 0) {  // vectors met again at once, and in any order
                command.head = KvHeadId(random() % 2);
                command.request = RequestId(random() % 2);
            }
            command.slots = 1 + random() % 60;
            command.rows = random() % 8 == 0 ? 0 : 1 + random() % 4;
            command.searches = cache.scope == EvictionScope::head || i % 3 == 2 || n % 5 == 0 ? random() % 3 : 0;
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

        const GoldenVictimUnit unit({.lanes = hardware.vector_unit.lanes,
                                     .tree = hardware.kv_mmu.victim_unit == VictimUnitKind::tree,
                                     .latency = hardware.kv_mmu.victim_latency_cycles});
        const auto golden = hardware.kv_mmu.score_prefetch ? GoldenPrefetcher(expected, unit, 1000, latency).run()
                                                           : golden_commands(expected, unit, 1000, latency);
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
    CHECK(bench.mmu.actions()[Action::kv_slot_table_read] == 2 + 1);  // two runs read, four positions searched
    bench.mmu.check_uniform();
}

TEST_CASE("a command that would free a protected slot is refused", "[kv_mmu][protected_set]") {
    const KvGeometry geometry{.head_dim = 64, .slots = 32, .positions = 64};
    CacheConfig cache;
    cache.sinks = 2;
    cache.recent = 8;
    // Of tokens 0 to 31, with 32 about to come, 2 to 24 may go.
    for (const std::uint32_t slot : {0U, 1U, 2U, 24U, 25U, 31U}) {
        FreshKernel kernel;
        KvMmuFixture bench({}, cache, geometry);
        for (std::uint32_t i = 0; i < 32; ++i) {
            bench.mmu.preset(RequestId(0), LayerId(0), KvHeadId(0), {SlotId(i), TokenPosition(i)});
        }
        KvCommand command;
        command.slots = 32;
        command.rows = 1;
        command.searches = 1;
        command.newest = TokenPosition(32);
        command.freed = slots({slot});
        bench.master.command(0, command);
        CAPTURE(slot);
        if (slot < 2 || slot > 24) {
            CHECK_THROWS(bench.run(100));  // the kernel wraps it
            continue;
        }
        CHECK_NOTHROW(bench.run(100));
        CHECK(bench.mmu.actions()[Action::kv_position_compare] == 2 * 32);
        CHECK(bench.mmu.actions()[Action::kv_slot_table_read] == 32 / 4);
    }
}

TEST_CASE("a command that brings the set's window is checked against that", "[kv_mmu][protected_set]") {
    const KvGeometry geometry{.head_dim = 64, .slots = 32, .positions = 64};
    CacheConfig cache;
    cache.sinks = 2;
    cache.recent = 8;
    // Of tokens 0 to 31, with 32 about to come, 2 to 12 may go where the window is 20; with a window of 0 there is one
    // bound to compare with.
    for (const auto& [window, slot, passes] : std::vector<std::tuple<std::uint32_t, std::uint32_t, bool>>{
             {20, 12, true}, {20, 13, false}, {9, 23, true}, {9, 24, false}, {0, 31, true}, {0, 1, false}}) {
        FreshKernel kernel;
        KvMmuFixture bench({}, cache, geometry);
        for (std::uint32_t i = 0; i < 32; ++i) {
            bench.mmu.preset(RequestId(0), LayerId(0), KvHeadId(0), {SlotId(i), TokenPosition(i)});
        }
        KvCommand command;
        command.slots = 32;
        command.rows = 1;
        command.searches = 1;
        command.newest = TokenPosition(32);
        command.recent = window;
        command.freed = slots({slot});
        bench.master.command(0, command);
        CAPTURE(window, slot);
        if (passes) {
            CHECK_NOTHROW(bench.run(100));
            CHECK(bench.master.command_answers[0] == 1 + 2 + 4);  // a row in 32 lanes, two words: as without
            CHECK(bench.mmu.actions()[Action::kv_position_compare] == (window > 0 ? 2 : 1) * 32);
        } else {
            CHECK_THROWS(bench.run(100));  // the kernel wraps it
        }
    }
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

TEST_CASE("the worked example of the specification: two rows hide a fetch and a write-back",
          "[kv_mmu][score_prefetch]") {
    for (const bool prefetch : {false, true}) {
        FreshKernel kernel;
        const KvGeometry geometry{.batch = 2, .head_dim = 64, .slots = 64, .positions = 64};
        HardwareConfig hardware;
        hardware.kv_mmu.score_store_bytes = 0;
        hardware.kv_mmu.score_prefetch = prefetch;
        KvMmuFixture bench(hardware, {}, geometry);
        SignalRecorder signals;
        bench.mmu.trace(signals, "kv_mmu");
        bench.memory.latency = [](Traffic, std::size_t) { return Picoseconds{100'000}; };
        for (const std::uint32_t request : {0U, 1U}) {
            KvCommand command;
            command.request = RequestId(request);
            command.slots = 64;
            command.rows = 1;
            command.searches = 1;
            bench.master.command(0, command);
        }
        bench.run(50);
        const std::string line = bench.mmu.diagnose();
        CAPTURE(line);
        CHECK(line.find("deliver a spilled score vector") != std::string::npos);
        CHECK((line.find("1 spilled score vector(s) of later commands") != std::string::npos) == prefetch);
        bench.run(450);
        CHECK(bench.master.command_answers ==
              (prefetch ? std::vector<Cycles>{110, 120} : std::vector<Cycles>{110, 320}));
        std::vector<Picoseconds> fetched;
        for (const auto& seen : bench.memory.of(Traffic::scores)) {
            if (!seen.write) {
                fetched.push_back(seen.time);
            }
        }
        CHECK(fetched == (prefetch ? std::vector<Picoseconds>{0, 0} : std::vector<Picoseconds>{0, 210'000}));
        using Changes = SignalRecorder::Changes;
        CHECK(signals.visible("kv_mmu.prefetching") == (prefetch ? Changes{{0, 1}, {100'000, 0}} : Changes{{0, 0}}));
        CHECK(bench.mmu.quiet());
    }
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
