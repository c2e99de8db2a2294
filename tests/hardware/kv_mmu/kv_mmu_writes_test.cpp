// The module's writes: what is combined, what goes out with what, and that nothing is lost or overtaken.

#include "hardware/kv_mmu/kv_mmu.h"

#include <array>
#include <random>
#include <set>

#include "golden/kv_mmu_golden.h"
#include "golden/kv_mmu_timing_golden.h"
#include "hardware/kv_mmu/kv_mmu_fixture.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

using namespace palimpsest;

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
        for (const RecordingMemory::Seen& seen : bench.memory.seen) {
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

TEST_CASE("reads and writes reach DRAM, and are answered, in the cycles and in the pieces of the byte model",
          "[kv_mmu][module]") {
    std::mt19937 random(57);
    for (unsigned n = 0; n < 96; ++n) {
        FreshKernel kernel;
        HardwareConfig hardware;
        hardware.core_clock_ps = 1000;
        hardware.kv_mmu.lookup_latency_cycles = random() % 4;
        hardware.kv_mmu.write_combine_entries = 1 + random() % 12;
        hardware.kv_mmu.write_combine_flush = static_cast<WriteCombineFlush>(n % 2);
        hardware.kv_mmu.write_combine_drain = static_cast<WriteCombineDrain>(n / 2 % 3);
        hardware.kv_mmu.write_combine_reads = static_cast<WriteCombineReads>(n / 6 % 2);
        CacheConfig cache;
        cache.layout = static_cast<CacheLayout>(random() % 2);
        cache.placement = static_cast<CachePlacement>(random() % 2);
        const KvGeometry geometry{.batch = 2,
                                  .kv_heads = 3,
                                  .head_dim = 24,
                                  .slots = 24,
                                  .positions = 24,
                                  .burst_bytes = Bytes{16} << (random() % 4),
                                  .stripe_bytes = Bytes{128} << (random() % 3),
                                  .stripe_banks = 4};
        KvMmuFixture bench(hardware, cache, geometry);
        const GoldenKvMap map(cache, geometry);
        struct Planned {
            bool write;
            std::vector<DramSegment> segments;
        };
        std::vector<Planned> planned;
        std::vector<GoldenRequest> arrivals;
        std::array<std::uint32_t, 6> count{};
        Cycles cycle = 0;
        const auto plan = [&](const KvAccess& access, bool write, std::uint32_t first) {
            std::vector<std::uint32_t> places;
            for (std::uint32_t i = 0; i < access.count; ++i) {
                places.push_back(first + i);
            }
            bench.master.request(cycle, access, write, 0, access.count * 24);
            planned.push_back({write, map.segments(access, places, 0, access.count * 24)});
            arrivals.push_back({cycle, planned.back().segments.size()});
            cycle += random() % 12;
        };
        for (int i = 0; i < 120; ++i) {
            const std::uint32_t set = random() % 6;
            KvAccess access;
            if (random() % 3 != 0 && count[set] < 24) {
                const std::uint32_t more = std::min<std::uint32_t>(1 + random() % 3, 24 - count[set]);
                for (const bool value : {false, true}) {
                    access = write_of(tokens(count[set], count[set], more), value);
                    access.request = RequestId(set / 3);
                    access.head = KvHeadId(set % 3);
                    plan(access, true, count[set]);
                }
                count[set] += more;
            } else if (count[set] > 0) {
                const std::uint32_t first = random() % count[set];
                access = read_of(first, 1 + random() % (count[set] - first), random() % 2 == 0);
                access.request = RequestId(set / 3);
                access.head = KvHeadId(set % 3);
                plan(access, false, first);
            }
        }
        bench.memory.latency = [](Traffic, std::size_t i) { return 1 + (i * 7919) % 50000; };
        bench.run(cycle + 20000);
        bench.mmu.end_step();
        bench.run(100);
        REQUIRE(bench.mmu.quiet());
        bench.mmu.flush_writes();
        bench.run(100);

        const std::vector<Cycles> out = golden_out_cycles(arrivals, hardware.kv_mmu.lookup_latency_cycles);
        GoldenCombiner combiner(hardware.kv_mmu, geometry);
        std::size_t next = 0;  // in what the memory has seen
        const auto expect = [&](bool write, Cycles at, const std::vector<Bytes>& bytes) {
            REQUIRE(next < bench.memory.seen.size());
            const RecordingMemory::Seen& seen = bench.memory.seen[next++];
            REQUIRE(seen.write == write);
            REQUIRE(seen.time == at * 1000);
            std::vector<Bytes> moved;
            for (const DramSegment& segment : seen.segments) {
                for (Bytes i = 0; i < segment.bytes; ++i) {
                    moved.push_back(segment.address + i);
                }
            }
            REQUIRE(moved == bytes);
            REQUIRE(seen.length == bytes.size());
        };
        const auto answer_of = [&](std::size_t seen) {
            return (bench.memory.seen[seen].time + 1 + (seen * 7919) % 50000) / 1000;
        };
        for (std::size_t i = 0; i < planned.size(); ++i) {
            Cycles answer = out[i];
            if (planned[i].write) {
                const auto drained = combiner.write(planned[i].segments, i + 1);
                if (!drained.empty()) {
                    expect(true, out[i], addresses_of(drained));
                    answer = answer_of(next - 1);
                }
            } else {
                const GoldenCombiner::Read read = combiner.read(planned[i].segments);
                if (!read.before.empty()) {
                    expect(true, out[i], addresses_of(read.before));
                }
                if (!read.from_dram.empty()) {
                    expect(false, out[i], read.from_dram);
                    answer = answer_of(next - 1);
                }
                if (!read.behind.empty()) {
                    expect(true, out[i], addresses_of(read.behind));
                }
            }
            REQUIRE(bench.master.request_answers[i] == answer);
        }
        const auto rest = combiner.flush();
        if (!rest.empty()) {
            const bool step = hardware.kv_mmu.write_combine_flush == WriteCombineFlush::step;
            expect(true, cycle + 20000 + (step ? 0 : 100), addresses_of(rest));
        }
        REQUIRE(next == bench.memory.seen.size());
        REQUIRE(bench.mmu.actions()[Action::kv_write_combine] == combiner.accesses());
        REQUIRE(bench.mmu.quiet());
    }
}
