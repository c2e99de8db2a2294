// Laws of the whole machine: what must hold between runs, whatever the numbers are. Small models, whole simulations.

#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "config/loader.h"
#include "host/simulate.h"
#include "host/small_run.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

constexpr auto kKv = static_cast<std::size_t>(Traffic::kv);

Bytes kv_bytes(const RunResult& result) {
    return result.total.dram.read_by_class[kKv] + result.total.dram.written_by_class[kKv];
}

/// Everything in a result that is simulated, as text.
std::string fingerprint(const RunResult& r) {
    std::string text;
    for (const Interval* interval : {&r.total, &r.prefill, &r.generation}) {
        const DramCounts& d = interval->dram;
        text += fmt::format("{} {} {} {} {} {} {} {} {};", interval->cycles, interval->macs, interval->tokens,
                            d.bytes_read, d.bytes_written, d.row_hits, d.activates, d.refreshes, d.waiting_clocks);
        for (const std::uint64_t n : interval->actions.n) {
            text += fmt::format("{} ", n);
        }
    }
    for (const UnitResult& unit : r.units) {
        text += unit.name;
        for (const Cycles n : unit.cycles.cycles) {
            text += fmt::format(" {}", n);
        }
    }
    for (const Cycles n : r.step_cycles) {
        text += fmt::format(" {}", n);
    }
    return text + fmt::format(" {} {} {}", r.kv_cache.evictions, r.kv_cache.peak_bytes, r.systemc_events);
}

TEST_CASE("A budget that holds every token gives the timing and traffic of no eviction", "[laws]") {
    for (const StorageMode storage : {StorageMode::in_place, StorageMode::append_gather, StorageMode::compact}) {
        RunConfig config = small_run();
        config.cache.storage = storage;
        config.cache.budget = config.workload.prompt_tokens + config.workload.generated_tokens;
        const RunResult rce = simulate(config);
        config.cache.policy = "full";
        const RunResult full = simulate(config);
        REQUIRE(rce.total.dram == full.total.dram);
        REQUIRE(rce.total.cycles == full.total.cycles);
        REQUIRE(rce.step_cycles == full.step_cycles);
        REQUIRE(rce.kv_cache.evictions == 0);
    }
}

TEST_CASE("A smaller budget never costs more KV traffic", "[laws]") {
    for (const std::uint32_t seed : {1U, 2U}) {
        Bytes before = 0;
        for (const std::uint32_t budget : {8U, 12U, 16U, 22U, 30U, 64U}) {
            RunConfig config = small_run();
            config.workload.seed = seed;
            config.cache.budget = budget;
            const Bytes bytes = kv_bytes(simulate(config));
            REQUIRE(bytes >= before);
            before = bytes;
        }
    }
}

TEST_CASE("Twice the DRAM channels are never slower", "[laws]") {
    for (const bool grouped : {false, true}) {
        Cycles before = ~Cycles{0};
        for (const std::uint32_t channels : {1U, 2U, 4U}) {
            RunConfig config = small_run();
            if (grouped) {
                make_grouped(config.model);
            }
            config.model.hidden = 128;
            config.model.head_dim = 32;
            config.dram.organisation.channels = channels;
            const Cycles cycles = simulate(config).total.cycles;
            CAPTURE(grouped, channels);
            REQUIRE(cycles <= before);
            before = cycles;
        }
    }
}

TEST_CASE("A batch of 16 generates more tokens a second than a batch of 1", "[laws]") {
    std::array<double, 2> rate{};
    for (const std::uint32_t batch : {1U, 16U}) {
        RunConfig config = small_run();
        config.workload.batch = batch;
        const RunResult result = simulate(config);
        rate[batch == 16 ? 1 : 0] =
            static_cast<double>(result.generation.tokens) / static_cast<double>(result.generation.cycles);
    }
    REQUIRE(rate[1] > rate[0]);
}

TEST_CASE("With all switches off one unit works at a time, and no combination of switches is slower", "[laws]") {
    RunConfig config = small_run();
    config.workload.generated_tokens = 3;
    std::array<Cycles, 16> cycles{};
    for (unsigned switches = 0; switches < 16; ++switches) {
        config.pipeline.weight_prefetch = (switches & 1U) != 0;
        config.pipeline.attention_overlap = (switches & 2U) != 0;
        config.pipeline.eviction_overlap = (switches & 4U) != 0;
        config.pipeline.batched_projections = (switches & 8U) != 0;
        const RunResult result = simulate(config);
        cycles[switches] = result.total.cycles;
        if (switches == 0) {
            Cycles active = 0;
            for (const UnitResult& unit : result.units) {
                if (unit.name == "sequencer") {
                    continue;
                }
                active += unit.cycles.busy() + unit.cycles[UnitState::dram] + unit.cycles[UnitState::refresh] +
                          unit.cycles[UnitState::port_conflict];
            }
            // The rest is the sequencer: two cycles of latency from a completion to the next command's issue.
            REQUIRE(active <= result.total.cycles);
            REQUIRE(active + 4 * result.total.actions[Action::sequencer_command] >= result.total.cycles);
        }
    }
    for (unsigned switches = 0; switches < 16; ++switches) {
        for (unsigned bit = 1; bit < 16; bit *= 2) {
            if ((switches & bit) == 0) {
                CAPTURE(switches, bit, cycles[switches], cycles[switches | bit]);
                CHECK(cycles[switches | bit] <= cycles[switches]);
            }
        }
    }
}

TEST_CASE("The same configuration gives the same result", "[laws]") {
    RunConfig config = small_run();
    config.cache.policy = "random";
    REQUIRE(fingerprint(simulate(config)) == fingerprint(simulate(config)));
    config.cache.policy = "rce";
    const std::string rce = fingerprint(simulate(config));
    REQUIRE(rce == fingerprint(simulate(config)));
    config.workload.seed = 2;
    REQUIRE(rce != fingerprint(simulate(config)));
}

/// What must hold of every run beyond what simulate() checks itself.
void require_closed(const RunConfig& config, const RunResult& result) {
    const DramCounts& dram = result.total.dram;
    Bytes read = 0, written = 0;
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        read += dram.read_by_class[t];
        written += dram.written_by_class[t];
        REQUIRE(result.prefill.dram.read_by_class[t] + result.generation.dram.read_by_class[t] ==
                dram.read_by_class[t]);
    }
    // What moves is whole bursts: at least what was asked for, but for what the write queue forwards or merges.
    REQUIRE(dram.bytes_read + dram.forwarded_reads * config.dram.burst_bytes() >= read);
    REQUIRE(dram.bytes_written + dram.merged_writes * config.dram.burst_bytes() >= written);
    REQUIRE(result.total.tokens ==
            std::uint64_t{config.workload.batch} * (config.workload.prompt_tokens + config.workload.generated_tokens));
    const std::uint32_t all = config.workload.prompt_tokens + config.workload.generated_tokens;
    const std::uint32_t most = config.cache.policy == "full" ? all : std::min(all, config.cache.budget);
    REQUIRE(result.kv_cache.resident_tokens_peak <= most);
    REQUIRE(result.step_cycles.size() == result.prefill_steps + config.workload.generated_tokens);
}

TEST_CASE("Every storage mode, layout, policy, shape, prefill and batch runs and closes its accounts", "[laws]") {
    unsigned n = 0;
    for (const StorageMode storage : {StorageMode::in_place, StorageMode::append_gather, StorageMode::compact}) {
        for (const CacheLayout layout : {CacheLayout::head_major, CacheLayout::token_major}) {
            for (const char* policy : {"full", "rce", "window", "streaming_llm", "random"}) {
                for (const bool grouped : {false, true}) {
                    for (const PrefillMode prefill : {PrefillMode::chunked, PrefillMode::one_shot}) {
                        for (const std::uint32_t batch : {1U, 3U}) {
                            RunConfig config = small_run();
                            if (grouped) {
                                make_grouped(config.model);
                            }
                            config.cache.storage = storage;
                            config.cache.layout = layout;
                            config.cache.policy = policy;
                            config.cache.prefill = prefill;
                            config.workload.batch = batch;
                            config.workload.generated_tokens = 3;
                            // Widths and scopes go round with the combinations.
                            config.cache.kv_bits = n % 3 == 0 ? 16 : 8;
                            config.model.weight_bits = n % 5 == 0 ? 16 : 8;
                            config.cache.scope = static_cast<EvictionScope>(n % 3);
                            ++n;
                            CAPTURE(storage, layout, policy, grouped, prefill, batch);
                            require_closed(config, simulate(config));
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("Prompts and budgets of awkward sizes run", "[laws]") {
    struct Sizes {
        std::uint32_t prompt, generated, chunk, budget;
    };
    for (const Sizes& s : {Sizes{24, 0, 16, 16}, Sizes{5, 4, 16, 16}, Sizes{37, 3, 16, 16}, Sizes{8, 3, 16, 64},
                           Sizes{1, 12, 1, 8}, Sizes{40, 1, 64, 7}, Sizes{16, 2, 16, 17}, Sizes{16, 2, 16, 16}}) {
        RunConfig config = small_run();
        config.workload.prompt_tokens = s.prompt;
        config.workload.generated_tokens = s.generated;
        config.cache.prefill_chunk = s.chunk;
        config.cache.budget = s.budget;
        CAPTURE(s.prompt, s.generated, s.chunk, s.budget);
        require_closed(config, simulate(config));
    }
}

TEST_CASE("Bytes that the DMA asks for are the bytes that DRAM books, class by class", "[laws]") {
    // Analytic for weights: every projection's weights once a step, and a row of each embedding table a token.
    RunConfig config = small_run();
    config.hardware.kv_mmu.score_store_bytes = 1 << 20;
    const RunResult result = simulate(config);
    const ModelShape& m = config.model;
    const std::uint64_t steps = result.step_cycles.size();
    const std::uint64_t logits = 1 + config.workload.generated_tokens;
    const Bytes weights =
        steps * m.layer_macs_per_token() + logits * m.vocabulary_macs_per_token() + result.total.tokens * 2 * m.hidden;
    REQUIRE(result.total.dram.read_by_class[static_cast<std::size_t>(Traffic::weights)] == weights);
    REQUIRE(result.total.dram.written_by_class[static_cast<std::size_t>(Traffic::weights)] == 0);
    REQUIRE(result.total.dram.read_by_class[static_cast<std::size_t>(Traffic::scores)] == 0);
    REQUIRE(result.generation.dram.written_by_class[kKv] ==
            std::uint64_t{config.workload.batch} * config.workload.generated_tokens * m.layers * 2 * m.kv_width());
    const std::uint64_t residents = config.cache.budget;  // the new token among them
    REQUIRE(result.generation.dram.read_by_class[kKv] == std::uint64_t{config.workload.batch} *
                                                             config.workload.generated_tokens * m.layers * 2 *
                                                             m.kv_width() * residents);
}

TEST_CASE("The tiny example runs from its file, as it is and with overrides", "[laws]") {
    const std::string file = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/examples/tiny.json";
    for (const std::vector<std::string>& overrides :
         {std::vector<std::string>{}, {"cache.storage=compact", "cache.kv_bits=16"}}) {
        const RunConfig config = load_run_config(file, overrides);
        require_closed(config, simulate(config));
    }
}

TEST_CASE("Every shipped DRAM runs", "[laws]") {
    for (const char* name : {"ddr3-1600", "ddr4-2400", "ddr4-3200", "lpddr4-3200", "lpddr5-6400", "hbm2"}) {
        CAPTURE(name);
        RunConfig config = small_run();
        config.dram = load_dram(name);
        require_closed(config, simulate(config));
    }
}

}  // namespace
}  // namespace palimpsest
