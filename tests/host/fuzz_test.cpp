// Random small machines under random small workloads: every one must run to its end, or say in an input error which
// buffer is too small. simulate() itself checks that accounts close and that nothing is faster than physics.

#include <initializer_list>
#include <random>
#include <string>

#include <fmt/format.h>

#include "host/simulate.h"
#include "host/small_run.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

class Draw {
  public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    template <class T>
    T of(std::initializer_list<T> values) {
        return *(values.begin() + std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(random_));
    }
    std::uint32_t between(std::uint32_t least, std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
    }
    bool coin() { return between(0, 1) == 1; }

  private:
    std::mt19937_64 random_;
};

void draw_hardware(Draw& draw, RunConfig& config) {
    HardwareConfig& hardware = config.hardware;
    hardware.core_clock_ps = draw.of<Picoseconds>({700, 1000, 1333});
    hardware.pe_array.rows = draw.of({4U, 8U, 16U, 32U, 48U});
    hardware.pe_array.columns = draw.of({4U, 8U, 16U, 32U, 40U});
    hardware.pe_array.accumulator_rows = draw.of({16U, 64U, 512U});
    hardware.pe_array.double_buffered_weights = draw.coin();
    hardware.pe_array.command_queue = draw.between(1, 4);
    hardware.vector_unit.lanes = draw.of({4U, 32U});
    hardware.vector_unit.register_file_bytes = draw.of({64U, 1024U, 8192U});
    hardware.vector_unit.command_queue = draw.between(1, 4);
    const auto word_bytes = draw.of({16U, 32U, 64U});
    for (BufferConfig* buffer :
         {&hardware.buffers.weight, &hardware.buffers.activation, &hardware.buffers.kv, &hardware.buffers.score}) {
        buffer->banks = 2 * draw.between(1, 6);
        buffer->bank_bytes = draw.of<Bytes>({1024, 4096, 32768});
        buffer->word_bytes = word_bytes;
    }
    hardware.dma.request_bytes = draw.of<Bytes>({64, 512, 2048});
    hardware.dma.outstanding = draw.of({1U, 2U, 16U});
    hardware.dma.command_queue = draw.of({1U, 8U});
    hardware.kv_mmu.score_store_bytes = draw.of<Bytes>({64, 512, 65536});
    hardware.kv_mmu.write_combine_entries = draw.of({1U, 4U, 16U});
    hardware.kv_mmu.write_combine_flush = static_cast<WriteCombineFlush>(draw.between(0, 1));
    hardware.kv_mmu.write_combine_drain = static_cast<WriteCombineDrain>(draw.between(0, 2));
    hardware.kv_mmu.write_combine_reads = static_cast<WriteCombineReads>(draw.between(0, 1));
    hardware.kv_mmu.command_queue = draw.of({1U, 8U});
    hardware.kv_mmu.victim_unit = static_cast<VictimUnitKind>(draw.between(0, 1));
    hardware.kv_mmu.victim_compares_per_stage = draw.between(1, 4);
    hardware.kv_mmu.score_prefetch = draw.between(0, 1) == 1;
    hardware.sequencer.issue_latency_cycles = draw.between(1, 3);
}

RunConfig random_run(std::uint64_t seed) {
    Draw draw(seed);
    RunConfig config = small_run();
    ModelShape& model = config.model;
    model.layers = draw.between(1, 3);
    model.heads = draw.of({1U, 2U, 4U, 6U});
    model.kv_heads = model.heads;
    model.head_dim = 2 * draw.between(4, 24);
    model.hidden = draw.coin() ? model.heads * model.head_dim : 8 * draw.between(4, 20);
    model.ffn_hidden = draw.between(20, 200);
    model.vocabulary = draw.between(10, 300);
    if (draw.coin() && model.heads % 2 == 0) {
        make_grouped(model);
    }
    model.weight_bits = draw.of({8U, 16U});
    model.tied_embeddings = draw.coin();
    config.workload.batch = draw.between(1, 4);
    config.workload.prompt_tokens = draw.between(1, 40);
    config.workload.generated_tokens = draw.between(0, 5);
    config.workload.seed = seed;
    config.cache.policy =
        draw.of<const char*>({"full", "rce", "rce", "accumulated", "window", "streaming_llm", "random", "h2o", "tova",
                              "voting", "kelle", "snapkv", "keyformer", "observed", "roco", "oracle"});
    config.cache.sinks = draw.between(0, 3);
    config.cache.recent = draw.between(0, 5);
    config.cache.budget = config.cache.sinks + config.cache.recent + 1 + draw.between(0, 20);
    config.cache.scope = static_cast<EvictionScope>(draw.between(0, 2));
    config.cache.storage = static_cast<StorageMode>(draw.between(0, 2));
    config.cache.layout = static_cast<CacheLayout>(draw.between(0, 1));
    config.cache.placement = static_cast<CachePlacement>(draw.between(0, 1));
    config.cache.kv_bits = draw.of({4U, 8U, 16U});
    config.cache.kv_group = draw.of({2U, model.head_dim});
    config.cache.score_bits = draw.of({8U, 16U, 24U});
    config.cache.prefill = static_cast<PrefillMode>(draw.between(0, 1));
    config.cache.prefill_chunk = draw.between(1, 20);
    config.pipeline = {draw.coin(), draw.coin(), draw.coin(), draw.coin()};
    draw_hardware(draw, config);
    config.dram.organisation.channels = draw.of({1U, 2U});
    config.dram.controller.page_policy = static_cast<PagePolicy>(draw.between(0, 1));
    config.dram.refresh.mode = static_cast<RefreshMode>(draw.between(0, 1));
    config.simulation.watchdog_cycles = 200'000;
    return config;
}

std::string describe(std::uint64_t seed, const RunConfig& c) {
    return fmt::format(
        "seed {}: {} layers, {} / {} heads of {}, batch {}, {} + {} tokens; {} budget {} sinks {} recent {} "
        "storage {} layout {} kv {} bits, prefill {} chunk {}; array {} x {}",
        seed, c.model.layers, c.model.heads, c.model.kv_heads, c.model.head_dim, c.workload.batch,
        c.workload.prompt_tokens, c.workload.generated_tokens, c.cache.policy, c.cache.budget, c.cache.sinks,
        c.cache.recent, static_cast<int>(c.cache.storage), static_cast<int>(c.cache.layout), c.cache.kv_bits,
        static_cast<int>(c.cache.prefill), c.cache.prefill_chunk, c.hardware.pe_array.rows,
        c.hardware.pe_array.columns);
}

TEST_CASE("Random machines run random workloads to the end", "[fuzz]") {
    unsigned ran = 0;
    for (std::uint64_t seed = 1; seed <= 120; ++seed) {
        const RunConfig config = random_run(seed);
        INFO(describe(seed, config));
        try {
            const RunResult result = simulate(config);
            REQUIRE(result.total.tokens == std::uint64_t{config.workload.batch} *
                                               (config.workload.prompt_tokens + config.workload.generated_tokens));
            ++ran;
        } catch (const InputError& error) {
            REQUIRE_THAT(error.what(), Catch::Matchers::Contains("hardware."));
        }
    }
    REQUIRE(ran >= 80);
}

}  // namespace
}  // namespace palimpsest
