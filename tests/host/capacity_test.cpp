// What does not fit into DRAM is refused, with what is missing, before anything is built.

#include "host/capacity.h"

#include "host/simulate.h"
#include "host/small_run.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("the demand by part, by hand", "[capacity]") {
    RunConfig config = small_run();  // 2 layers, d 64, 4 heads of 16; batch 2, 24 + 6 tokens, 16 slots, chunks of 16
    const auto rows = [](Bytes bytes) { return (bytes + 8191) / 8192 * 8192; };  // each piece begins on a DRAM row
    const Bytes layer = 64 * 192 + 64 * 64 + 2 * 64 * 128;
    // Embeddings, layers, vocabulary. What follows a piece begins on the next row.
    Bytes weights = rows(200 * 64);
    weights += rows(256 * 64);
    weights += 2 * layer;
    weights = rows(weights) + 200 * 64;
    const Bytes kv = 2 * 2 * 4 * 2 * 16 * 16;
    DramDemand demand = dram_demand(config);
    CHECK(demand.available == Bytes{8} * 4096 * 8192);
    CHECK(demand.weights == weights);
    CHECK(demand.kv_cache == rows(weights) - weights + rows(kv));
    CHECK(demand.scores == 0);
    // 16-bit residual, norm, q/k/v, attention, feed-forward; newest token's norm and 16-bit logits.
    const Bytes chunk = 2 * 16;
    const Bytes before = rows(rows(weights) + kv);
    Bytes end = before;
    for (const Bytes bytes :
         {chunk * 128, chunk * 64, chunk * 192, chunk * 64, chunk * 128, Bytes{2 * 64}, Bytes{2 * 200 * 2}}) {
        end = rows(end) + bytes;
    }
    CHECK(demand.total() == end);

    config.hardware.kv_mmu.score_store_bytes = 0;  // 16 vectors of 16 scores: a burst of 128 B each
    demand = dram_demand(config);
    CHECK(demand.scores == 2 * 2 * 4 * 128);
    config.cache.policy = "full";
    demand = dram_demand(config);
    CHECK(demand.scores == 0);
    CHECK(demand.kv_cache == rows(weights) - weights + rows(2 * 2 * 4 * 2 * 512));  // 480 B a block, four bursts
    config.cache.kv_bits = 4;
    config.cache.kv_group = 16;
    CHECK(dram_demand(config).kv_cache == rows(weights) - weights + rows(2 * 2 * 4 * 2 * 384));  // 300 B, three bursts
}

TEST_CASE("a run that fits to the byte runs, and with a row less says what is missing", "[capacity]") {
    RunConfig config = small_run();
    config.workload.generated_tokens = 1;
    config.cache.budget = 24;
    // Find the batch that just does not fit into the smallest DRAM that holds the weights.
    config.dram.organisation.rows = 2;  // 8 banks of 2 rows of 8 KiB: 128 KiB
    const DramDemand demand = dram_demand(config);
    REQUIRE(demand.total() > demand.available);
    REQUIRE_THROWS_AS(check_capacity(config), InputError);
    try {
        simulate(config);
        FAIL("it ran");
    } catch (const InputError& error) {
        const std::string text = error.what();
        CAPTURE(text);
        CHECK_THAT(text, Contains("dram.organisation"));
        for (const Bytes bytes : {demand.available, demand.total(), demand.total() - demand.available, demand.weights,
                                  demand.kv_cache, demand.activations}) {
            CHECK_THAT(text, Contains(std::to_string(bytes)));
        }
    }
    config.dram.organisation.rows = 4;
    REQUIRE(dram_demand(config).total() <= dram_demand(config).available);
    CHECK_NOTHROW(simulate(config));
}

TEST_CASE("what is checked is what is taken", "[capacity]") {
    for (const CachePlacement placement : {CachePlacement::packed, CachePlacement::bank_interleaved}) {
        RunConfig config = small_run();
        config.cache.placement = placement;
        config.cache.policy = "full";
        // The largest batch that passes the check runs; the next does not pass.
        config.dram.organisation.rows = 4;
        std::uint32_t batch = 1;
        const auto fits = [&](std::uint32_t requests) {
            config.workload.batch = requests;
            const DramDemand demand = dram_demand(config);
            return demand.total() <= demand.available;
        };
        while (fits(batch + 1)) {
            ++batch;
        }
        CAPTURE(batch);
        config.workload.batch = batch;
        CHECK_NOTHROW(simulate(config));
        config.workload.batch = batch + 1;
        CHECK_THROWS_AS(simulate(config), InputError);
    }
}

}  // namespace
}  // namespace palimpsest
