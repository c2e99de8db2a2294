// Where score vectors live, against the walk of the golden model.

#include "hardware/kv_mmu/score_store.h"

#include <array>
#include <random>

#include "golden/kv_score_store_golden.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("score vectors are on chip in order until the store is full, then in DRAM one after another",
          "[kv_mmu][score_store]") {
    std::mt19937 random(5);
    for (int shape = 0; shape < 100; ++shape) {
        KvMmuConfig config;
        config.score_word_bytes = 8U << (random() % 4);
        config.score_store_bytes = random() % 6000;
        CacheConfig cache;
        cache.score_bits = std::array{16, 32, 12}[random() % 3];
        cache.scope = static_cast<EvictionScope>(random() % 3);
        KvGeometry geometry{.batch = 1 + static_cast<std::uint32_t>(random() % 4),
                            .layers = 1 + static_cast<std::uint32_t>(random() % 4),
                            .kv_heads = 1 + static_cast<std::uint32_t>(random() % 4),
                            .slots = 1 + static_cast<std::uint32_t>(random() % 100)};
        geometry.burst_bytes = 64;
        geometry.score_base = 64 * (random() % 10);
        const ScoreStore store(config, cache, geometry);

        const GoldenScoreStore golden(config, cache, geometry);
        for (std::uint32_t request = 0; request < geometry.batch; ++request) {
            for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
                for (std::uint32_t head = 0; head < geometry.kv_heads; ++head) {
                    const std::uint64_t vector = store.vector_of(RequestId(request), LayerId(layer), KvHeadId(head));
                    REQUIRE(vector == golden.vector_of(request, layer, head));
                    const GoldenScoreStore::Place& place = golden.place(vector);
                    REQUIRE(store.on_chip(vector) == place.on_chip);
                    if (place.on_chip) {
                        continue;
                    }
                    const Bytes bytes = golden.vector_bytes();
                    REQUIRE(store.spill_segment(vector, geometry.slots) == DramSegment{place.address, bytes});
                    REQUIRE(store.spill_segment(vector, geometry.slots + 64).bytes == bytes);
                    REQUIRE(store.spill_segment(vector, 1).bytes == config.score_word_bytes);
                }
            }
        }
        REQUIRE(store.vectors() == golden.vectors());
        REQUIRE(store.spill_bytes() == golden.dram_bytes());
    }
}

TEST_CASE("590 kB of score state does not fit 64 kB, and the rest has its place in DRAM", "[kv_mmu][score_store]") {
    CacheConfig cache;  // 16 bit, per head
    const KvGeometry geometry{.batch = 16, .layers = 12, .kv_heads = 12, .head_dim = 64, .slots = 128};
    KvMmuConfig config;
    config.score_store_bytes = 0;
    CHECK(score_region_bytes(config, cache, geometry) == 589'824);  // 590 kB
    config.score_store_bytes = 64 * 1024;
    CHECK(score_region_bytes(config, cache, geometry) == 589'824 - 65'536);
    KvGeometry without = geometry;
    without.uses_scores = false;
    CHECK(score_region_bytes(config, cache, without) == 0);
}
