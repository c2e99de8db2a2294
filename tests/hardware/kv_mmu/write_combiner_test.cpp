// The write-combining buffer against a model that moves every byte with its value, and against a memory without buffer.

#include "hardware/kv_mmu/write_combiner.h"

#include <map>
#include <random>

#include "golden/kv_mmu_golden.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

std::vector<Bytes> bytes_of(const std::vector<DramSegment>& segments) {
    std::vector<Bytes> out;
    for (const DramSegment& segment : segments) {
        for (Bytes i = 0; i < segment.bytes; ++i) {
            out.push_back(segment.address + i);
        }
    }
    return out;
}

using Memory = std::map<Bytes, std::uint64_t>;

void store(const std::vector<GoldenByte>& bytes, Memory& memory) {
    for (const GoldenByte& byte : bytes) {
        memory[byte.at] = byte.value;
    }
}

KvMmuConfig buffer_of(std::uint32_t entries, WriteCombineFlush flush = WriteCombineFlush::step,
                      WriteCombineDrain drain = WriteCombineDrain::entry,
                      WriteCombineReads reads = WriteCombineReads::drain) {
    KvMmuConfig config;
    config.write_combine_entries = entries;
    config.write_combine_flush = flush;
    config.write_combine_drain = drain;
    config.write_combine_reads = reads;
    return config;
}

}  // namespace

TEST_CASE("what leaves the write-combining buffer, and when, equals the byte model; no byte is lost, repeated or stale",
          "[kv_mmu][write_combiner]") {
    std::mt19937 random(31);
    for (unsigned shape = 0; shape < 144; ++shape) {
        const KvMmuConfig config =
            buffer_of(random() % 9, static_cast<WriteCombineFlush>(shape % 2),
                      static_cast<WriteCombineDrain>(shape / 2 % 3), static_cast<WriteCombineReads>(shape / 6 % 2));
        KvGeometry geometry;
        geometry.burst_bytes = Bytes{8} << (random() % 4);
        geometry.stripe_bytes = geometry.burst_bytes << (random() % 4);
        WriteCombiner combiner(config, geometry);
        GoldenCombiner golden(config, geometry);
        Memory dram, written;  // behind the buffer, and what a memory without one would hold
        for (std::uint64_t step = 1; step <= 250; ++step) {
            std::vector<DramSegment> segments;
            const std::size_t pieces = 1 + random() % 3;
            for (std::size_t i = 0; i < pieces; ++i) {
                segments.push_back({random() % 512, 1 + random() % (random() % 4 == 0 ? 100 : 12)});
            }
            std::vector<DramSegment> drained;
            const unsigned kind = random() % 20;
            if (kind == 0) {
                combiner.flush(drained);
                const auto out = golden.flush();
                REQUIRE(bytes_of(drained) == addresses_of(out));
                store(out, dram);
                REQUIRE(dram == written);
            } else if (kind < 7) {
                const GoldenCombiner::Read expected = golden.read(segments);
                std::vector<DramSegment> left = segments;
                combiner.read(left, drained);
                REQUIRE(bytes_of(drained) == addresses_of(expected.before));
                REQUIRE(bytes_of(left) == expected.from_dram);
                drained.clear();
                combiner.row_opened(left, drained);
                REQUIRE(bytes_of(drained) == addresses_of(expected.behind));
                // Whoever reads sees the newest of every byte, wherever it comes from.
                store(expected.before, dram);
                std::size_t seen = 0;
                const auto check = [&](Bytes at, std::uint64_t value) {
                    const auto newest = written.find(at);
                    REQUIRE(value == (newest == written.end() ? 0 : newest->second));
                    ++seen;
                };
                for (const Bytes at : expected.from_dram) {
                    check(at, dram.contains(at) ? dram[at] : 0);
                }
                for (const GoldenByte& byte : expected.forwarded) {
                    check(byte.at, byte.value);
                }
                REQUIRE(seen == bytes_of(segments).size());
                store(expected.behind, dram);
            } else {
                combiner.write(segments, drained);
                const auto out = golden.write(segments, step);
                REQUIRE(bytes_of(drained) == addresses_of(out));
                store(out, dram);
                for (const Bytes at : bytes_of(segments)) {
                    written[at] = step;
                }
            }
            REQUIRE(combiner.entries() == golden.entries());
            REQUIRE(combiner.entries() <= config.write_combine_entries);
            REQUIRE(combiner.accesses() == golden.accesses());
        }
    }
}

TEST_CASE("K and V vectors that share a burst become one write", "[kv_mmu][write_combiner]") {
    WriteCombiner combiner(buffer_of(4), {});
    std::vector<DramSegment> drained;
    combiner.write(std::vector<DramSegment>{{1024, 64}}, drained);
    CHECK(drained.empty());
    CHECK(combiner.held_bytes() == 64);
    combiner.write(std::vector<DramSegment>{{1088, 64}}, drained);
    CHECK(drained == std::vector<DramSegment>{{1024, 128}});
    CHECK(combiner.held_bytes() == 0);
    CHECK(combiner.peak_entry_bytes() == 128);
    combiner.write(std::vector<DramSegment>{{0, 64}, {512, 1}}, drained);
    CHECK(combiner.peak_entry_bytes() == 2 * 128);  // of the entries, however little is in them
    combiner.flush(drained);
    combiner.write(std::vector<DramSegment>{{0, 64}}, drained);
    CHECK(combiner.peak_entry_bytes() == 2 * 128);
}

TEST_CASE("held until a row is open: the entry that makes room takes its row along", "[kv_mmu][write_combiner]") {
    WriteCombiner combiner(buffer_of(4, WriteCombineFlush::full, WriteCombineDrain::row), {});
    std::vector<DramSegment> drained;
    // Rows of 8 KiB: 0, 1, 0, 0; whole bursts and pieces.
    for (const DramSegment& s :
         {DramSegment{512, 128}, DramSegment{8192, 64}, DramSegment{256, 64}, DramSegment{0, 128}}) {
        combiner.write(std::vector<DramSegment>{s}, drained);
    }
    CHECK(drained.empty());
    combiner.write(std::vector<DramSegment>{{16384, 64}}, drained);
    CHECK(drained == std::vector<DramSegment>{{512, 128}, {256, 64}, {0, 128}});
    CHECK(combiner.entries() == 2);
    // Three whole bursts at once are more than half of the entries: they pass by.
    drained.clear();
    combiner.write(std::vector<DramSegment>{{8192, 384}}, drained);
    CHECK(drained == std::vector<DramSegment>{{8192, 384}});
    CHECK(combiner.entries() == 1);  // what the first held of them is overwritten
}

TEST_CASE("a read takes held bytes from the buffer, and the row's entries follow it", "[kv_mmu][write_combiner]") {
    WriteCombiner combiner(
        buffer_of(4, WriteCombineFlush::full, WriteCombineDrain::open_row, WriteCombineReads::forward), {});
    std::vector<DramSegment> drained;
    combiner.write(std::vector<DramSegment>{{64, 64}}, drained);
    combiner.write(std::vector<DramSegment>{{9000, 8}}, drained);
    std::vector<DramSegment> read{{64, 64}};
    combiner.read(read, drained);
    CHECK(read.empty());  // nothing is left to ask DRAM for
    combiner.row_opened(read, drained);
    CHECK(drained.empty());
    read = {{0, 256}};
    combiner.read(read, drained);
    CHECK(read == std::vector<DramSegment>{{0, 64}, {128, 128}});
    CHECK(drained.empty());
    combiner.row_opened(read, drained);
    CHECK(drained == std::vector<DramSegment>{{64, 64}});
    CHECK(combiner.entries() == 1);
    CHECK(combiner.accesses() == 2 + 2 + 1);  // put, read, drained
}
