// Where things lie: places of the buffers, tensors in them, and the DRAM map.

#include "host/buffer_plan.h"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "host/memory_map.h"
#include "host/small_run.h"
#include "host/tensor.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

TEST_CASE("A ring's places are disjoint, inside their halves, and begin on a bank", "[buffer_plan]") {
    HardwareConfig hardware;
    for (const std::uint32_t banks : {2U, 4U, 6U, 8U, 14U}) {
        hardware.buffers.kv.banks = banks;
        hardware.buffers.kv.bank_bytes = 1024;
        const std::uint32_t bank = hardware.buffers.kv.words_per_bank();
        const std::uint32_t half = bank * banks / 2;
        for (std::uint32_t words = 1; words <= half; words += 7) {
            BufferPlan plan(hardware);
            PlaceRing& ring = plan.divide_kv(words);
            CAPTURE(banks, words, ring.size());
            REQUIRE(ring.size() >= 2);
            REQUIRE(ring.words_each() >= words);
            std::set<std::pair<unsigned, std::uint32_t>> taken;
            for (std::size_t i = 0; i < ring.size(); ++i) {
                const BufferRegion region = ring.next().region;
                REQUIRE(region.where.buffer == BufferId::kv);
                REQUIRE(region.where.half == i % 2);
                REQUIRE(region.first_word % bank == 0);
                REQUIRE(region.first_word + region.words <= half);
                for (std::uint32_t w = 0; w < region.words; ++w) {
                    REQUIRE(taken.emplace(region.where.half, region.first_word + w).second);
                }
            }
        }
        BufferPlan plan(hardware);
        REQUIRE_THROWS_AS(plan.divide_kv(half + 1), InputError);
    }
}

TEST_CASE("Staging places are four disjoint quarters of the second half", "[buffer_plan]") {
    BufferPlan plan{HardwareConfig{}};
    std::set<std::uint32_t> starts;
    for (PlaceRing* ring : {&plan.staging_in(), &plan.staging_out()}) {
        REQUIRE(ring->size() == 2);
        for (unsigned i = 0; i < 2; ++i) {
            const BufferRegion region = ring->next().region;
            REQUIRE(region.where == BufferHalf{BufferId::activation, 1});
            REQUIRE(region.words == plan.half_words(BufferId::activation) / 4);
            REQUIRE(region.first_word % region.words == 0);
            REQUIRE(starts.insert(region.first_word).second);
        }
    }
    REQUIRE(*starts.rbegin() + plan.staging_in().words_each() == plan.half_words(BufferId::activation));
}

TEST_CASE("Dividing anew keeps who used the storage; the same division changes nothing", "[buffer_plan]") {
    HardwareConfig hardware;
    BufferPlan plan(hardware);
    const std::uint32_t bank = hardware.buffers.score.words_per_bank();
    Place& first = plan.divide_scores(1).next();
    first.hazard.readers[2] = 7;
    Place& second = plan.divide_scores(2).next();  // still a bank a place
    REQUIRE(second.region.where.half == 1);
    REQUIRE(second.hazard.readers[2] == 0);
    second.hazard.writers[0] = 9;
    PlaceRing& coarser = plan.divide_scores(bank + 1);
    for (std::size_t i = 0; i < coarser.size(); ++i) {
        const Hazard& hazard = coarser.next().hazard;
        REQUIRE(hazard.readers[2] == 7);
        REQUIRE(hazard.writers[0] == 9);
    }
}

TEST_CASE("Resident tensors do not overlap and stay inside their half", "[buffer_plan]") {
    BufferPlan plan{HardwareConfig{}};
    const std::uint32_t half = plan.half_words(BufferId::activation);
    std::mt19937 random(5);
    for (unsigned trial = 0; trial < 20; ++trial) {
        plan.release_residents();
        std::uint32_t end = 0;
        for (unsigned i = 0; i < 30; ++i) {
            const std::uint32_t words = 1 + random() % 700;
            if (const auto region = plan.take_resident(words)) {
                REQUIRE(region->where == BufferHalf{BufferId::activation, 0});
                REQUIRE(region->words == words);
                REQUIRE(region->first_word >= end);
                end = region->first_word + words;
                REQUIRE(end <= half);
            } else {
                REQUIRE(end + words > half);
            }
        }
    }
    plan.release_residents();
    REQUIRE(plan.take_resident(half));
    REQUIRE_FALSE(plan.take_resident(1));
}

TEST_CASE("Blocks of a tensor lie inside it, on chip and in DRAM", "[tensor]") {
    std::mt19937 random(6);
    const auto draw = [&](std::uint64_t least, std::uint64_t most) {
        return std::uniform_int_distribution<std::uint64_t>(least, most)(random);
    };
    for (unsigned trial = 0; trial < 500; ++trial) {
        Tensor tensor;
        tensor.rows = draw(1, 20);
        tensor.columns = draw(1, 300);
        tensor.element_bytes = static_cast<std::uint32_t>(draw(1, 2));
        tensor.layout = block_layout(static_cast<std::uint32_t>(draw(1, 80)), 32);
        tensor.address = 4096;
        tensor.on_chip = BufferRegion{{BufferId::activation, 0}, 100, tensor.words()};
        const std::uint64_t row = draw(0, tensor.rows - 1);
        const std::uint64_t column = draw(0, tensor.columns - 1);
        const Block block{row, draw(1, tensor.rows - row), column, draw(1, tensor.columns - column)};
        const BufferRegion region = region_of(tensor, block);
        REQUIRE(region.first_word >= 100);
        REQUIRE(region.first_word + region.words <= 100 + tensor.words());
        REQUIRE(Bytes{region.words} * 32 >= block.rows * block.columns * tensor.element_bytes);
        const DramRegion dram = dram_region_of(tensor, block);
        REQUIRE(dram.bytes() == block.rows * block.columns * tensor.element_bytes);
        REQUIRE(dram.address >= 4096);
        REQUIRE(dram.address + (dram.rows - 1) * dram.stride_bytes + dram.row_bytes <= 4096 + tensor.bytes());
    }
}

TEST_CASE("DRAM pieces are aligned and disjoint; a full DRAM says how much is missing", "[memory_map]") {
    DramAllocator dram(10'000, 1024);
    REQUIRE(dram.take(1, "a") == 0);
    REQUIRE(dram.take(1024, "b") == 1024);
    REQUIRE(dram.take(3000, "c") == 2048);
    REQUIRE(dram.take(0, "nothing") == 5120);
    REQUIRE(dram.take(4000, "d") == 5120);
    try {
        dram.take(900, "the KV cache");
        FAIL("9216 + 900 fit 10000 bytes");
    } catch (const InputError& error) {
        using Catch::Matchers::Contains;
        REQUIRE_THAT(error.what(), Contains("the KV cache") && Contains("116 are missing"));
    }
    REQUIRE(dram.take(784, "e") == 9216);
}

TEST_CASE("A model's matrices are disjoint and as large as its parameters", "[memory_map]") {
    for (const bool grouped : {false, true}) {
        for (const bool tied : {false, true}) {
            RunConfig config = small_run();
            if (grouped) {
                make_grouped(config.model);
            }
            config.model.tied_embeddings = tied;
            DramAllocator dram(1 << 30, 8192);
            const WeightMap map = map_weights(config.model, dram);
            const ModelShape& m = config.model;
            struct Piece {
                Bytes start, bytes;
            };
            const Bytes table = Bytes{m.vocabulary} * m.hidden;
            std::vector<Piece> pieces{{map.token_embedding, table}};
            if (m.positions == PositionEncoding::learned) {
                pieces.push_back({map.position_embedding, Bytes{m.max_positions} * m.hidden});
            }
            if (!tied) {
                pieces.push_back({map.vocabulary, table});
            } else {
                REQUIRE(map.vocabulary == map.token_embedding);
            }
            for (std::uint32_t l = 0; l < m.layers; ++l) {
                const LayerWeights w = map.layer(l);
                pieces.insert(pieces.end(), {{w.qkv, map.qkv_bytes},
                                             {w.output, map.output_bytes},
                                             {w.up, map.up_bytes},
                                             {w.down, map.down_bytes}});
            }
            std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.start < b.start; });
            Bytes sum = 0;
            for (std::size_t i = 0; i < pieces.size(); ++i) {
                sum += pieces[i].bytes;
                REQUIRE(pieces[i].start + pieces[i].bytes <=
                        (i + 1 < pieces.size() ? pieces[i + 1].start : dram.used()));
            }
            REQUIRE(sum == m.parameters());
        }
    }
}

}  // namespace
}  // namespace palimpsest
