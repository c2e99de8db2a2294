// The write-combining buffer against sets of bytes.

#include "hardware/kv_mmu/write_combiner.h"

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

}  // namespace

TEST_CASE("what leaves the write-combining buffer, and when, equals the byte-set model", "[kv_mmu][write_combiner]") {
    std::mt19937 random(31);
    for (int shape = 0; shape < 40; ++shape) {
        const Bytes burst = Bytes{8} << (random() % 4);
        const std::uint32_t capacity = random() % 5;
        WriteCombiner combiner(burst, capacity);
        GoldenCombiner golden(burst, capacity);
        for (int step = 0; step < 300; ++step) {
            std::vector<DramSegment> segments;
            const std::size_t pieces = 1 + random() % 3;
            for (std::size_t i = 0; i < pieces; ++i) {
                segments.push_back({random() % 512, 1 + random() % (random() % 4 == 0 ? 100 : 12)});
            }
            std::vector<DramSegment> drained;
            const unsigned kind = random() % 20;
            if (kind == 0) {
                combiner.flush(drained);
                REQUIRE(bytes_of(drained) == golden.flush());
            } else if (kind < 4) {
                combiner.read(segments, drained);
                REQUIRE(bytes_of(drained) == golden.read(segments));
            } else {
                combiner.write(segments, drained);
                REQUIRE(bytes_of(drained) == golden.write(segments));
            }
            REQUIRE(combiner.entries() == golden.entries());
            REQUIRE(combiner.entries() <= capacity);
            REQUIRE(combiner.accesses() == golden.accesses());
        }
    }
}

TEST_CASE("K and V vectors that share a burst become one write", "[kv_mmu][write_combiner]") {
    WriteCombiner combiner(128, 4);
    std::vector<DramSegment> drained;
    combiner.write(std::vector<DramSegment>{{1024, 64}}, drained);
    CHECK(drained.empty());
    CHECK(combiner.held_bytes() == 64);
    combiner.write(std::vector<DramSegment>{{1088, 64}}, drained);
    CHECK(drained == std::vector<DramSegment>{{1024, 128}});
    CHECK(combiner.held_bytes() == 0);
}
