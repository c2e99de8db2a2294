// How fast the eviction side is: score updates and victim searches of every policy, and whole replays.
#include <algorithm>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "config/policy_defaults.h"
#include "host/cache_replay.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

class NoFuture final : public FutureAttention {
  public:
    std::uint32_t length() const override { return 0; }
    void row(TokenPosition, std::span<float>) override {}
};

/// A full set, and one row for it.
struct FullSet {
    FullSet(const std::string& name, std::uint32_t slots, bool by_age) : row(slots), logits(slots) {
        CacheConfig config;
        config.policy = name;
        config.budget = slots;
        apply_policy_defaults(config);
        config.normalise_by_age = by_age;
        policy = make_policy(config, slots, {.seed = 1, .future = &future});
        for (std::uint32_t i = 0; i < slots; ++i) {
            policy->insert(SlotId(i * 7919 % slots), TokenPosition(i));
            row[i] = 1 + i * 31 % 4096;
            logits[i] = static_cast<float>(i % 37) / 8;
        }
        observe(slots - 1);
    }
    void observe(std::uint32_t query) { policy->observe({row, logits, TokenPosition(query)}); }

    NoFuture future;
    std::unique_ptr<EvictionPolicy> policy;
    std::vector<RelevanceSample> row;
    std::vector<float> logits;
};

void observe(benchmark::State& state, const std::string& name) {
    const auto slots = static_cast<std::uint32_t>(state.range(0));
    FullSet set(name, slots, false);
    for (auto _ : state) {
        set.observe(slots);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * slots);
}

void victim(benchmark::State& state, const std::string& name, bool by_age) {
    const auto slots = static_cast<std::uint32_t>(state.range(0));
    const FullSet set(name, slots, by_age);
    for (auto _ : state) {
        benchmark::DoNotOptimize(set.policy->victim(TokenPosition(slots)));
    }
    state.SetItemsProcessed(state.iterations() * slots);
}

const bool registered = [] {
    for (const PolicyInfo& info : policies()) {
        const std::string name(info.name);
        if (info.uses_scores) {
            benchmark::RegisterBenchmark((name + "_observe").c_str(),
                                         [name](benchmark::State& state) { observe(state, name); })
                ->Arg(64)
                ->Arg(512)
                ->Arg(2048);
        }
        if (info.evicts) {
            benchmark::RegisterBenchmark((name + "_victim").c_str(),
                                         [name](benchmark::State& state) { victim(state, name, false); })
                ->Arg(64)
                ->Arg(512)
                ->Arg(2048);
        }
    }
    benchmark::RegisterBenchmark("rce_victim_by_age", [](benchmark::State& state) { victim(state, "rce", true); })
        ->Arg(64)
        ->Arg(512)
        ->Arg(2048);
    return true;
}();

/// Rows at no cost, so that the replay alone is measured: key j of stream s gets a fixed share.
class ConstantAttention final : public AttentionSource {
  public:
    std::uint32_t layers() const override { return 6; }
    std::uint32_t heads() const override { return 6; }
    std::uint32_t sequences() const override { return 4; }
    std::uint32_t length() const override { return 256; }
    std::string describe() const override { return "Constant rows"; }
    bool synthetic() const override { return true; }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t,
             std::span<Probability> row) override {
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = static_cast<Probability>((i * 2654435761U >> 20) % 251 + sequence + layer + head);
        }
    }
};

void replay(benchmark::State& state, const char* policy, std::uint32_t layers, std::uint32_t heads,
            std::uint32_t kv_heads, std::uint32_t batch, std::uint32_t prompt, std::uint32_t generated,
            std::uint32_t budget) {
    RunConfig config;
    config.model.layers = layers;
    config.model.heads = heads;
    config.model.kv_heads = kv_heads;
    config.workload.batch = batch;
    config.workload.prompt_tokens = prompt;
    config.workload.generated_tokens = generated;
    config.cache.policy = policy;
    config.cache.budget = budget;
    std::uint32_t sets = 0;
    for (auto _ : state) {
        CacheReplay run(config, std::make_unique<ConstantAttention>());
        for (std::uint32_t first = 0; first < prompt; first += config.cache.prefill_chunk) {
            run.prefill_chunk(first, std::min(config.cache.prefill_chunk, prompt - first));
        }
        for (std::uint32_t t = prompt; t < prompt + generated; ++t) {
            run.generation_step(t);
        }
        benchmark::DoNotOptimize(run.evictions());
        sets = run.distinct_sets();
    }
    state.counters["sets"] = sets;
    state.counters["tokens/s"] = benchmark::Counter(
        static_cast<double>(state.iterations()) * batch * (prompt + generated), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(replay, gpt2_quickstart, "rce", 12, 12, 12, 4, 256, 64, 64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, gpt2_random, "random", 12, 12, 12, 4, 256, 64, 64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, gpt2_keyformer, "keyformer", 12, 12, 12, 4, 256, 64, 64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, gpt2_oracle, "oracle", 12, 12, 12, 4, 256, 64, 64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, llama2_7b_batch16, "rce", 32, 32, 32, 16, 1024, 64, 512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, llama2_7b_batch16_random, "random", 32, 32, 32, 16, 1024, 64, 512)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay, llama3_8b_batch16, "rce", 32, 32, 8, 16, 1024, 64, 512)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace palimpsest
