// The module's writes: what is combined, what goes out with what, and that nothing is lost or overtaken.

#include "hardware/kv_mmu/kv_mmu.h"

#include <random>
#include <set>

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
