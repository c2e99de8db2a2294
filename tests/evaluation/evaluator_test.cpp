// A model under eviction against the plain reference model that sees just the tokens the cache holds; and the figures
// that are reported of it, worked out anew.

#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "engine/llama2c_checkpoint.h"
#include "evaluation/evaluator.h"
#include "evaluation/lockstep_caches.h"
#include "evaluation/recorded_future.h"
#include "golden/llama_reference.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/input_errors.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kLength = 24;
constexpr unsigned kVocabulary = 300;

std::vector<std::uint32_t> random_tokens(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint32_t> tokens(kLength);
    for (auto& token : tokens) {
        token = random() % kVocabulary;
    }
    return tokens;
}

CacheConfig cache_of(const std::string& policy, std::uint32_t budget, EvictionScope scope) {
    CacheConfig cache;
    cache.policy = policy;
    cache.budget = budget;
    cache.scope = scope;
    cache.sinks = 1;
    cache.recent = 2;
    return cache;
}

/// One text under one policy; notes which positions each query attends to.
class WatchedCache : public CacheHook {
  public:
    WatchedCache(const ModelShape& shape, const CacheConfig& config)
        : cache(shape, config, kLength, 7), heads_(shape.kv_heads), cells_(kLength) {
        std::iota(cells_.begin(), cells_.end(), 0U);
    }
    void place(std::uint32_t, std::uint32_t layer, std::uint32_t position, std::span<std::uint32_t> cells) override {
        cache.place(layer, position, cells);
        for (std::uint32_t head = 0; head < heads_; ++head) {
            const auto residents = cache.residents(layer, head);
            REQUIRE(residents.size() == std::min(position + 1, cache.slots()));  // constant size, the same everywhere
            REQUIRE(residents[cells[head]] == position);
            seen[{layer, head, position}].assign(residents.begin(), residents.end());
        }
    }
    std::span<const std::uint32_t> attended(std::uint32_t, std::uint32_t layer, std::uint32_t,
                                            std::uint32_t head) override {
        return std::span(cells_).first(cache.residents(layer, head).size());
    }
    void observe(const AttentionRows& rows) override { cache.observe(rows); }

    ManagedCache cache;
    std::map<std::array<std::uint32_t, 3>, std::vector<std::uint32_t>> seen;

  private:
    std::uint32_t heads_;
    std::vector<std::uint32_t> cells_;
};

struct TinyModel {
    explicit TinyModel(int kv_heads = 2) : reference(ReferenceShape{.kv_heads = kv_heads}, 11) {
        reference.write(scratch / "tiny.bin");
        weights = read_llama2c_model(scratch / "tiny.bin");
    }
    ScratchDirectory scratch;
    LlamaReference reference;
    DecoderWeights weights;
};

/// -ln p of the tokens from `from` on, by the reference.
double reference_loss(const std::vector<std::vector<double>>& logits, const std::vector<std::uint32_t>& tokens,
                      std::uint32_t from) {
    double loss = 0;
    for (std::uint32_t position = from; position < tokens.size(); ++position) {
        const auto& row = logits[position - 1];
        double sum = 0;
        for (const double logit : row) {
            sum += std::exp(logit);
        }
        loss += std::log(sum) - row[tokens[position]];
    }
    return loss;
}

}  // namespace

TEST_CASE("under eviction a model is what it is when it sees the residents alone", "[evaluation]") {
    const auto scope = GENERATE(EvictionScope::head, EvictionScope::layer, EvictionScope::model);
    const std::string policy = GENERATE("rce", "streaming_llm", "random");
    const std::uint32_t chunk = scope == EvictionScope::model ? 1 : GENERATE(1U, 5U, 24U);
    const TinyModel model;
    WatchedCache watched(model.weights.shape, cache_of(policy, 8, scope));
    DecoderEngine engine(model.weights, {.cells = 8, .chunk = chunk});
    std::vector<std::vector<float>> logits;
    const auto tokens = random_tokens(3);
    engine.forward(tokens, watched, [&](const LogitsBlock& block) {
        for (std::uint32_t i = 0; i < block.positions; ++i) {
            const auto row = block.row(0, block.first_position + i);
            logits.emplace_back(row.begin(), row.end());
        }
    });
    const auto expected = model.reference.run(tokens, [&](int layer, int head, int t, int j) {
        const auto& residents = watched.seen.at(
            {static_cast<std::uint32_t>(layer), static_cast<std::uint32_t>(head), static_cast<std::uint32_t>(t)});
        return std::ranges::find(residents, static_cast<std::uint32_t>(j)) != residents.end();
    });
    REQUIRE(logits.size() == kLength);
    for (std::size_t t = 0; t < kLength; ++t) {
        for (std::size_t i = 0; i < kVocabulary; ++i) {
            REQUIRE(logits[t][i] == Approx(expected.logits[t][i]).margin(2e-4));
        }
    }
    const std::uint64_t sets = scope == EvictionScope::head ? 6 : scope == EvictionScope::layer ? 3 : 1;
    CHECK(watched.cache.evictions() == sets * (kLength - 8));
}

TEST_CASE("scope says who shares a victim", "[evaluation]") {
    const TinyModel model;
    const auto run = [&](EvictionScope scope) {
        auto watched = std::make_unique<WatchedCache>(model.weights.shape, cache_of("rce", 8, scope));
        DecoderEngine engine(model.weights, {.cells = 8, .chunk = 1});
        engine.forward(random_tokens(3), *watched);
        return watched;
    };
    const auto by_head = run(EvictionScope::head), by_layer = run(EvictionScope::layer),
               whole = run(EvictionScope::model);
    bool heads_differ = false, layers_differ = false;
    for (std::uint32_t position = 0; position < kLength; ++position) {
        for (std::uint32_t layer = 0; layer < 3; ++layer) {
            heads_differ |= by_head->seen[{layer, 0, position}] != by_head->seen[{layer, 1, position}];
            layers_differ |= by_layer->seen[{layer, 0, position}] != by_layer->seen[{0, 0, position}];
            CHECK(by_layer->seen[{layer, 0, position}] == by_layer->seen[{layer, 1, position}]);
            CHECK(whole->seen[{layer, 1, position}] == whole->seen[{0, 0, position}]);
        }
    }
    CHECK(heads_differ);
    CHECK(layers_differ);
}

TEST_CASE("a budget that holds the whole text changes nothing", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1), random_tokens(2)};
    request.score_from = 12;
    const std::string policy = GENERATE("rce", "window", "random");
    request.variants = {cache_of(policy, kLength, EvictionScope::head)};
    const EvaluationResult result = evaluate(model.weights, request);
    const VariantResult& variant = result.variants.front();
    CHECK(variant.evictions == 0);
    // Rows of one matrix product are rounded alike but at its edges.
    CHECK(variant.relative_perplexity == Approx(1.0).epsilon(1e-5));
    CHECK(variant.metrics.perplexity() == Approx(result.full.metrics.perplexity()).epsilon(1e-5));
    CHECK(variant.metrics.mean_divergence() == Approx(0.0).margin(1e-6));
    CHECK(variant.metrics.agreement() == 1.0);
    CHECK(variant.mass_kept == Approx(1.0).epsilon(1e-6));
}

TEST_CASE("the figures are those of the definitions", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1), random_tokens(2), random_tokens(4)};
    request.score_from = 10;
    request.threads = GENERATE(1U, 2U);
    request.variants = {cache_of("window", 6, EvictionScope::head), cache_of("streaming_llm", 9, EvictionScope::model)};
    const EvaluationResult result = evaluate(model.weights, request);
    REQUIRE(result.variants.size() == 2);
    CHECK(result.full.metrics.tokens == 3 * (kLength - 10));

    for (std::size_t v = 0; v < 2; ++v) {
        const int budget = v == 0 ? 6 : 9;
        const auto visible = [&](int, int, int t, int j) {
            return j > t - budget + (v == 1 && t >= budget ? 1 : 0) || (v == 1 && j == 0);
        };
        double full_loss = 0, loss = 0, divergence = 0, kept = 0, log_ratio = 0;
        double agreements = 0, rows = 0, squares = 0;
        std::vector<double> ratios;
        for (const auto& tokens : request.texts) {
            const auto full = model.reference.run(tokens, static_cast<int>(kLength));
            const auto evicted = model.reference.run(tokens, visible);
            const double f = reference_loss(full.logits, tokens, 10), e = reference_loss(evicted.logits, tokens, 10);
            full_loss += f;
            loss += e;
            ratios.push_back((e - f) / (kLength - 10));
            log_ratio += ratios.back() / 3;
            for (std::size_t t = 9; t < kLength; ++t) {
                double kl = 0, sum_f = 0, sum_e = 0;
                for (unsigned i = 0; i < kVocabulary; ++i) {
                    sum_f += std::exp(full.logits[t][i]);
                    sum_e += std::exp(evicted.logits[t][i]);
                }
                for (unsigned i = 0; i < kVocabulary; ++i) {
                    const double p = std::exp(full.logits[t][i]) / sum_f;
                    kl += p * (full.logits[t][i] - std::log(sum_f) - evicted.logits[t][i] + std::log(sum_e));
                }
                if (t + 1 < kLength) {
                    divergence += kl;
                    agreements += std::ranges::max_element(full.logits[t]) - full.logits[t].begin() ==
                                          std::ranges::max_element(evicted.logits[t]) - evicted.logits[t].begin()
                                      ? 1
                                      : 0;
                }
                for (int layer = 0; layer < 3; ++layer) {
                    for (int head = 0; head < 4; ++head) {
                        ++rows;
                        for (int j = 0; j <= static_cast<int>(t); ++j) {
                            kept += visible(layer, head / 2, static_cast<int>(t), j)
                                        ? full.attention[static_cast<std::size_t>(layer)]
                                                        [static_cast<std::size_t>(head)][t][static_cast<std::size_t>(j)]
                                        : 0;
                        }
                    }
                }
            }
        }
        for (const double ratio : ratios) {
            squares += (ratio - log_ratio) * (ratio - log_ratio);
        }
        const VariantResult& have = result.variants[v];
        const double n = 3.0 * (kLength - 10);
        INFO("variant " << v);
        CHECK(result.full.metrics.loss == Approx(full_loss).epsilon(1e-5));
        CHECK(have.metrics.loss == Approx(loss).epsilon(1e-5));
        CHECK(have.metrics.mean_divergence() == Approx(divergence / n).epsilon(1e-3));
        CHECK(have.metrics.agreement() == Approx(agreements / n));
        CHECK(have.mass_kept == Approx(kept / rows).epsilon(1e-5));
        CHECK(have.relative_perplexity == Approx(std::exp(log_ratio)).epsilon(1e-4));
        CHECK(have.relative_error == Approx(std::exp(log_ratio) * std::sqrt(squares / 2 / 3)).epsilon(1e-3));
        CHECK(have.slots == static_cast<std::uint32_t>(budget));
        CHECK(have.evictions == 3 * (kLength - have.slots) * (v == 0 ? 6 : 1));
    }
}

TEST_CASE("predictions of the begin mark do not count", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1)};
    request.texts[0][20] = 1;
    request.texts[0][21] = 1;
    request.score_from = 12;
    request.variants = {cache_of("window", 8, EvictionScope::head)};
    const auto all = evaluate(model.weights, request);
    request.unscored = 1;
    CHECK(evaluate(model.weights, request).full.metrics.tokens == all.full.metrics.tokens - 2);
}

TEST_CASE("a text without a scored token does not count among the texts, and one is needed", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1), random_tokens(2)};
    request.unscored = 1;
    request.score_from = 20;
    request.variants = {cache_of("window", 8, EvictionScope::head)};
    std::fill(request.texts[1].begin() + 20, request.texts[1].end(), 1U);
    const VariantResult two = evaluate(model.weights, request).variants[0];
    CHECK(two.relative_error == 0);
    request.texts.pop_back();
    const VariantResult one = evaluate(model.weights, request).variants[0];
    CHECK(two.relative_perplexity == Approx(one.relative_perplexity).epsilon(1e-4));
    CHECK(std::abs(std::log(one.relative_perplexity)) > 1e-2);
    std::fill(request.texts[0].begin() + 20, request.texts[0].end(), 1U);
    check_contains(input_error([&] { evaluate(model.weights, request); }), {"texts", "position 20"});
}

TEST_CASE("the future that is recorded is the attention of the full cache", "[evaluation]") {
    const auto scope = GENERATE(EvictionScope::head, EvictionScope::layer, EvictionScope::model);
    const TinyModel model;
    FutureRecorder recorder(model.weights.shape, scope, 2, kLength);
    DecoderEngine engine(model.weights, {.texts = 2, .chunk = 7});
    std::vector<std::uint32_t> tokens = random_tokens(1);
    const auto second = random_tokens(2);
    tokens.insert(tokens.end(), second.begin(), second.end());
    engine.forward(tokens, recorder);
    const auto expected = model.reference.run(second, static_cast<int>(kLength));
    const SetIndex index(model.weights.shape, scope);
    const auto futures = recorder.futures(1);
    REQUIRE(futures.size() == index.sets());
    for (std::uint32_t set = 0; set < index.sets(); ++set) {
        for (std::uint32_t t = 0; t < kLength; ++t) {
            std::vector<float> row(t + 1);
            futures[set]->row(TokenPosition(t), row);
            for (std::uint32_t j = 0; j <= t; ++j) {
                double sum = 0, heads = 0;
                for (std::uint32_t layer = 0; layer < 3; ++layer) {
                    for (std::uint32_t head = 0; head < 4; ++head) {
                        if (index.of(layer, head / 2) == set) {
                            sum += expected.attention[layer][head][t][j];
                            ++heads;
                        }
                    }
                }
                REQUIRE(row[j] == Approx(sum / heads).margin(5e-5));
            }
        }
    }
}

TEST_CASE("an evaluation refuses a budget below what is protected, and can be interrupted", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1)};
    request.variants = {cache_of("rce", 3, EvictionScope::head)};
    CHECK_THROWS_AS(evaluate(model.weights, request), InputError);
    request.variants = {cache_of("rce", 4, EvictionScope::head)};
    CHECK_NOTHROW(evaluate(model.weights, request));
    const std::atomic<bool> interrupted = true;
    CHECK_THROWS_AS(evaluate(model.weights, request, {}, &interrupted), SimulationError);
}

TEST_CASE("texts that do not fit into memory together give the figures of those that do", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.variants = {cache_of("rce", 8, EvictionScope::head), cache_of("oracle", 8, EvictionScope::model),
                        cache_of("random", 6, EvictionScope::head)};
    request.texts = {random_tokens(1), random_tokens(2), random_tokens(3), random_tokens(4), random_tokens(5)};
    const EvaluationResult together = evaluate(model.weights, request);
    request.cache_bytes = 1;
    double last = 0;
    const EvaluationResult apart = evaluate(model.weights, request, [&](double fraction) { last = fraction; });
    CHECK(last == 1.0);
    CHECK(apart.tokens_processed == together.tokens_processed);
    REQUIRE(apart.variants.size() == together.variants.size());
    for (std::size_t v = 0; v < apart.variants.size(); ++v) {
        const VariantResult& a = apart.variants[v];
        const VariantResult& b = together.variants[v];
        CHECK(a.slots == b.slots);
        CHECK(a.evictions == b.evictions);
        CHECK(a.mass_kept == Approx(b.mass_kept).epsilon(1e-5));
        CHECK(a.relative_perplexity == Approx(b.relative_perplexity).epsilon(1e-5));
        CHECK(a.relative_error == Approx(b.relative_error).epsilon(1e-3));
        REQUIRE(a.by_text.size() == request.texts.size());
        for (std::size_t text = 0; text < a.by_text.size(); ++text) {
            CHECK(a.by_text[text].tokens == b.by_text[text].tokens);
            CHECK(a.by_text[text].loss == Approx(b.by_text[text].loss).epsilon(1e-5));
        }
    }
}

TEST_CASE("progress grows to the whole", "[evaluation]") {
    const TinyModel model;
    EvaluationRequest request;
    request.texts = {random_tokens(1)};
    request.variants = {cache_of("rce", 8, EvictionScope::head), cache_of("rce", 8, EvictionScope::model)};
    double latest = 0;
    evaluate(model.weights, request, [&](double fraction) {
        CHECK(fraction > latest);
        latest = fraction;
    });
    CHECK(latest == 1.0);
}

}  // namespace palimpsest
