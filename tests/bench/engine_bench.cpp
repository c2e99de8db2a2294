// How fast models are computed on the host, on one thread: conversion of weights, forward passes, and what eviction
// adds to them. Weights are random, in the shapes of real models. Counters are ratios of processor time:
//
//   of_memcpy      time to copy as many floats / time to convert the weights into them
//   of_blas        time of the same multiply-adds in one square matrix product / time of the forward pass
//   times_forward  time of a pass under an eviction policy / of one whose cache slides over as many tokens
//
// The two sides of a ratio are measured in turn, so that a host that changes its speed changes both.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <cblas.h>

#include "bench/host_speed.h"
#include "config/policy_defaults.h"
#include "engine/decoder_engine.h"
#include "evaluation/evaluator.h"
#include "evaluation/managed_cache.h"

namespace palimpsest {
namespace {

/// Weights of any type, and what keeps them.
class RandomWeights {
  public:
    WeightMatrix matrix(WeightType type, std::uint32_t outputs, std::uint32_t inputs) {
        const std::size_t values = std::size_t{outputs} * inputs;
        auto& bytes = storage_.emplace_back(std::make_unique<std::vector<std::uint32_t>>());
        bytes->resize((weight_bytes(type, values) + 3) / 4);
        if (type == WeightType::f32) {
            std::ranges::generate(*bytes, [this] { return (next() & 0x807fffffU) | 0x3c800000U; });  // 1/64 .. 1/32
        } else if (type != WeightType::q8_0) {
            const std::uint32_t exponent = type == WeightType::f16 ? 0x24002400U : 0x3c803c80U;  // 1/64, twice
            const std::uint32_t rest = type == WeightType::f16 ? 0x83ff83ffU : 0x807f807fU;
            std::ranges::generate(*bytes, [&] { return (next() & rest) | exponent; });
        } else {
            std::ranges::generate(*bytes, [this] { return next() & 0x1fff1fffU; });  // scales below 1/128
        }
        return {.type = type,
                .data = reinterpret_cast<const std::byte*>(bytes->data()),
                .outputs = outputs,
                .inputs = inputs,
                .stride = inputs};
    }

    DecoderWeights decoder(const ModelShape& shape, WeightType type) {
        DecoderWeights weights;
        weights.shape = shape;
        const Norm norm{std::vector<float>(shape.hidden, 1.0F), {}};
        weights.token_embedding = matrix(type, shape.vocabulary, shape.hidden);
        weights.classifier = weights.token_embedding;
        weights.final_norm = norm;
        for (std::uint32_t i = 0; i < shape.layers; ++i) {
            DecoderLayerWeights& layer = weights.layers.emplace_back();
            layer.attention_norm = norm;
            layer.ffn_norm = norm;
            layer.query.weight = matrix(type, shape.q_width(), shape.hidden);
            layer.key.weight = matrix(type, shape.kv_width(), shape.hidden);
            layer.value.weight = matrix(type, shape.kv_width(), shape.hidden);
            layer.output.weight = matrix(type, shape.hidden, shape.q_width());
            layer.gate.weight = matrix(type, shape.ffn_hidden, shape.hidden);
            layer.up.weight = matrix(type, shape.ffn_hidden, shape.hidden);
            layer.down.weight = matrix(type, shape.hidden, shape.ffn_hidden);
        }
        return weights;
    }

  private:
    std::uint32_t next() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 17U;
        return state_ ^= state_ << 5U;
    }

    std::uint32_t state_ = 1;
    std::vector<std::unique_ptr<std::vector<std::uint32_t>>> storage_;
};

ModelShape llama_shape(std::uint32_t layers, std::uint32_t hidden, std::uint32_t heads, std::uint32_t kv_heads,
                       std::uint32_t ffn_hidden, std::uint32_t vocabulary) {
    ModelShape shape;
    shape.family = "llama";
    shape.layers = layers;
    shape.hidden = hidden;
    shape.heads = heads;
    shape.kv_heads = kv_heads;
    shape.head_dim = hidden / heads;
    shape.ffn_hidden = ffn_hidden;
    shape.vocabulary = vocabulary;
    shape.max_positions = 256;
    shape.normalisation = Normalisation::rms_norm;
    shape.activation = Activation::silu_gated;
    shape.positions = PositionEncoding::rope;
    return shape;
}

struct Model {
    RandomWeights storage;
    DecoderWeights weights;

    Model(const ModelShape& shape, WeightType type) : weights(storage.decoder(shape, type)) {}
};

const Model& stories15m() {
    static const Model model(llama_shape(6, 288, 6, 6, 768, 32000), WeightType::f32);
    return model;
}
/// One of its 22 layers, and no vocabulary to speak of.
const Model& tinyllama_layer() {
    static const Model model(llama_shape(1, 2048, 32, 4, 5632, 256), WeightType::f16);
    return model;
}

std::vector<std::uint32_t> any_tokens(const ModelShape& shape, std::size_t count) {
    std::vector<std::uint32_t> tokens(count);
    for (std::size_t i = 0; i < count; ++i) {
        tokens[i] = static_cast<std::uint32_t>(i * 7919 % shape.vocabulary);
    }
    return tokens;
}

/// Through a tile that stays in a core's cache, as the engine does.
void convert_weights(benchmark::State& state, WeightType type) {
    constexpr std::uint32_t kRows = 2048, kColumns = 2048, kTileRows = 128;
    RandomWeights storage;
    const WeightMatrix weights = storage.matrix(type, kRows, kColumns);
    const WeightMatrix floats = storage.matrix(WeightType::f32, kRows, kColumns);
    std::vector<float> tile(std::size_t{kTileRows} * kColumns);
    const auto seconds_of = [&](const WeightMatrix& matrix) {
        const CpuTimer timer;
        for (std::uint32_t row = 0; row < kRows; row += kTileRows) {
            convert_rows(matrix, row, kTileRows, tile);
            benchmark::ClobberMemory();
        }
        return timer.seconds();
    };
    double converting = 0, copying = 0;
    for (auto _ : state) {
        converting += seconds_of(weights);
        copying += seconds_of(floats);  // memcpy
    }
    state.counters["values/s"] =
        static_cast<double>(state.iterations()) * kRows * kColumns / std::max(converting, 1e-6);
    state.counters["of_memcpy"] = copying / std::max(converting, 1e-6);
}
BENCHMARK_CAPTURE(convert_weights, f16, WeightType::f16);
BENCHMARK_CAPTURE(convert_weights, bf16, WeightType::bf16);
BENCHMARK_CAPTURE(convert_weights, q8_0, WeightType::q8_0);

/// A square product, and its multiply-adds.
double blas_product() {
    constexpr int kSide = 384;
    static const std::vector<float> a(kSide * kSide, 0.5F), b(kSide * kSide, 0.25F);
    static std::vector<float> c(kSide * kSide);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, kSide, kSide, kSide, 1.0F, a.data(), kSide, b.data(), kSide,
                0.0F, c.data(), kSide);
    benchmark::ClobberMemory();
    return double{kSide} * kSide * kSide;
}

/// `texts` texts advance by `chunk` tokens.
void forward(benchmark::State& state, const Model& model, std::uint32_t texts, std::uint32_t chunk, bool with_logits) {
    const ModelShape& shape = model.weights.shape;
    DecoderEngine engine(model.weights, {.texts = texts, .chunk = chunk, .threads = 1});
    FullCache cache(shape.max_positions, shape.max_positions);
    const std::vector<std::uint32_t> tokens = any_tokens(shape, std::size_t{texts} * chunk);
    const LogitsObserver see = [](const LogitsBlock& block) { benchmark::DoNotOptimize(block.values.data()); };
    double seconds = 0, blas_seconds = 0, blas_macs = 0;
    for (auto _ : state) {
        if (engine.position() + chunk > shape.max_positions) {
            engine.reset();
        }
        const CpuTimer timer;
        engine.forward(tokens, cache, with_logits ? see : LogitsObserver{});
        seconds += timer.seconds();
        const CpuTimer blas_timer;
        blas_macs += blas_product();
        blas_seconds += blas_timer.seconds();
    }
    const double passed = static_cast<double>(state.iterations()) * texts * chunk;
    const auto macs_a_token =
        static_cast<double>(shape.layer_macs_per_token() + (with_logits ? shape.vocabulary_macs_per_token() : 0));
    state.counters["tokens/s"] = passed / seconds;
    state.counters["of_blas"] = passed * macs_a_token / blas_macs * blas_seconds / seconds;
}
BENCHMARK_CAPTURE(forward, stories15m_1x64, stories15m(), 1, 64, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, stories15m_8x1, stories15m(), 8, 1, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, stories15m_8x128, stories15m(), 8, 128, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, tinyllama_layer_1x64, tinyllama_layer(), 1, 64, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, tinyllama_layer_8x1, tinyllama_layer(), 8, 1, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, tinyllama_layer_8x128, tinyllama_layer(), 8, 128, false)->Unit(benchmark::kMillisecond);

CacheConfig cache_of(const std::string& policy, std::uint32_t budget) {
    CacheConfig config;
    config.policy = policy;
    config.budget = budget;
    apply_policy_defaults(config);
    return config;
}

/// One managed cache a text.
class ManagedCaches final : public CacheHook {
  public:
    ManagedCaches(const ModelShape& shape, const CacheConfig& config, std::uint32_t texts, std::uint32_t length)
        : cells_(length, length) {
        for (std::uint32_t text = 0; text < texts; ++text) {
            caches_.emplace_back(shape, config, length, text);
        }
    }
    std::uint32_t slots() const { return caches_.front().slots(); }
    void place(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
               std::span<std::uint32_t> cells) override {
        caches_[text].place(layer, position, cells);
    }
    std::span<const std::uint32_t> attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                            std::uint32_t kv_head) override {
        return cells_.attended(text, layer, position, kv_head).first(caches_[text].residents(layer, kv_head).size());
    }
    void observe(const AttentionRows& rows) override { caches_[rows.text].observe(rows); }

  private:
    FullCache cells_;  ///< 0, 1, 2, ...
    std::vector<ManagedCache> caches_;
};

/// Two texts of stories15M's context, without logits.
void managed_forward(benchmark::State& state, const std::string& policy) {
    constexpr std::uint32_t kTexts = 2, kLength = 256, kBudget = 64;
    const Model& model = stories15m();
    DecoderEngine engine(model.weights, {.texts = kTexts, .threads = 1});
    const std::vector<std::uint32_t> tokens = any_tokens(model.weights.shape, std::size_t{kTexts} * kLength);
    const auto seconds_of = [&](CacheHook& hook) {
        engine.reset();
        const CpuTimer timer;
        engine.forward(tokens, hook);
        return timer.seconds();
    };
    double managed = 0, alone = 0;
    for (auto _ : state) {
        ManagedCaches caches(model.weights.shape, cache_of(policy, kBudget), kTexts, kLength);
        managed += seconds_of(caches);
        FullCache sliding(kLength, caches.slots());
        alone += seconds_of(sliding);
    }
    state.counters["tokens/s"] = static_cast<double>(state.iterations()) * kTexts * kLength / managed;
    state.counters["times_forward"] = managed / alone;
}
BENCHMARK_CAPTURE(managed_forward, full, "full")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(managed_forward, rce, "rce")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(managed_forward, h2o, "h2o")->Unit(benchmark::kMillisecond);

/// A whole evaluation, predictions of the second half scored, a token of a text under one policy or the full cache.
void evaluation(benchmark::State& state, const std::string& policy) {
    constexpr std::uint32_t kTexts = 2, kLength = 256, kBudget = 64;
    const Model& model = stories15m();
    EvaluationRequest request;
    request.variants = {cache_of(policy, kBudget)};
    request.texts.assign(kTexts, any_tokens(model.weights.shape, kLength));
    request.score_from = kLength / 2;
    request.threads = 1;
    DecoderEngine engine(model.weights, {.texts = kTexts, .threads = 1});
    const std::vector<std::uint32_t> tokens = any_tokens(model.weights.shape, std::size_t{kTexts} * kLength / 2);
    const LogitsObserver see = [](const LogitsBlock& block) { benchmark::DoNotOptimize(block.values.data()); };
    double evaluating = 0, alone = 0;
    std::uint64_t processed = 0;
    for (auto _ : state) {
        const CpuTimer timer;
        processed += evaluate(model.weights, request).tokens_processed;
        evaluating += timer.seconds();
        const CpuTimer forward_timer;
        FullCache cache(kLength, kLength);
        engine.reset();
        engine.forward(tokens, cache);
        engine.forward(tokens, cache, see);
        alone += forward_timer.seconds();
    }
    const double forwarded = static_cast<double>(state.iterations()) * kTexts * kLength;
    state.counters["tokens/s"] = static_cast<double>(processed) / evaluating;
    state.counters["times_forward"] = evaluating / static_cast<double>(processed) / (alone / forwarded);
}
BENCHMARK_CAPTURE(evaluation, rce, "rce")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(evaluation, h2o, "h2o")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace palimpsest
