#include "evaluation/evaluator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "evaluation/lockstep_caches.h"
#include "evaluation/recorded_future.h"
#include "palimpsest/error.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

constexpr std::size_t kRowsTogether = 2048;  ///< rows of a matrix product: more gains little and takes memory
constexpr std::uint32_t kLongestChunk = 128;

std::uint32_t chunk_for(std::size_t streams) {
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(kRowsTogether / streams, 1, kLongestChunk));
}

/// The work of one evaluation: what has been done of it, and whether it shall go on.
class Work {
  public:
    Work(const std::function<void(double)>& on_progress, const std::atomic<bool>* interrupted)
        : on_progress_(on_progress), interrupted_(interrupted) {}

    void expect(std::uint64_t tokens) { expected_ += tokens; }
    void done(std::uint64_t tokens) {
        done_ += tokens;
        if (interrupted_ != nullptr && interrupted_->load()) {
            throw SimulationError("interrupted: nothing was evaluated");
        }
        if (on_progress_) {
            on_progress_(static_cast<double>(done_) / static_cast<double>(expected_));
        }
    }
    std::uint64_t tokens() const { return done_; }

  private:
    const std::function<void(double)>& on_progress_;
    const std::atomic<bool>* interrupted_;
    std::uint64_t expected_ = 0, done_ = 0;
};

class Evaluation {
  public:
    Evaluation(const DecoderWeights& weights, const EvaluationRequest& request, Work& work)
        : weights_(weights),
          request_(request),
          work_(work),
          length_(static_cast<std::uint32_t>(request.texts[0].size())),
          kept_(request.variants.size()) {
        expect_scored_tokens();
        result_.full.cache.policy = "full";
        result_.full.slots = length_;
        result_.full.by_text.resize(request.texts.size());
        for (std::size_t i = 0; i < request.variants.size(); ++i) {
            const CacheConfig& cache = request.variants[i];
            const bool evicts = policy_info(cache.policy).evicts && cache.budget < length_;
            if (evicts && cache.budget <= protected_tokens(cache)) {
                throw InputError(
                    {}, "cache.budget", fmt::format("{}", cache.budget),
                    fmt::format("more than the {} tokens that {} protects", protected_tokens(cache), cache.policy));
            }
            if (cache.allocation != BudgetAllocation::equal) {
                throw InputError({}, "cache.allocation", "value \"by_attention\"",
                                 "\"equal\": evaluation gives every KV head the same budget");
            }
            VariantResult& variant = result_.variants.emplace_back();
            variant.cache = cache;
            variant.slots = policy_info(cache.policy).evicts ? std::min(cache.budget, length_) : length_;
            variant.by_text.resize(request.texts.size());
            (cache.scope == EvictionScope::model ? one_by_one_ : chunked_).push_back(i);
            if (cache.policy == "oracle") {
                futures_.try_emplace(cache.scope);
            }
        }
        expect_work();
    }

    EvaluationResult run() {
        const std::size_t together = std::clamp<std::size_t>(request_.cache_bytes / bytes_a_text(), 1, all_texts());
        for (first_text_ = 0; first_text_ < all_texts(); first_text_ += together) {
            texts_ = std::min(together, all_texts() - first_text_);
            record_futures();
            if (!chunked_.empty() || one_by_one_.empty()) {
                run_variants(chunked_, chunk_for(texts_ * (chunked_.size() + 1)));
            }
            if (!one_by_one_.empty()) {
                run_variants(one_by_one_, 1);
            }
        }
        summarise_all();
        result_.tokens_processed = work_.tokens();
        return std::move(result_);
    }

  private:
    std::size_t all_texts() const { return request_.texts.size(); }
    const std::vector<std::uint32_t>& text(std::size_t i) const { return request_.texts[first_text_ + i]; }

    /// Keys and values of one text under the full cache and all variants, and what the oracle looks at.
    std::uint64_t bytes_a_text() const {
        const ModelShape& shape = weights_.shape;
        std::uint64_t tokens = 2ULL * length_;
        for (const VariantResult& variant : result_.variants) {
            tokens += variant.slots;
        }
        const std::uint64_t rows = std::uint64_t{length_} * (length_ + 1) / 2 * sizeof(std::uint16_t);
        return tokens * shape.layers * 2 * shape.kv_width() * sizeof(float) +
               futures_.size() * rows * shape.layers * shape.kv_heads;
    }

    void expect_work() {
        const std::uint64_t tokens = std::uint64_t{all_texts()} * length_;
        work_.expect(tokens * futures_.size());
        for (const auto* group : {&chunked_, &one_by_one_}) {
            const bool runs = !group->empty() || (group == &chunked_ && one_by_one_.empty());
            work_.expect(runs ? tokens * (group->size() + 1) : 0);
        }
    }

    void record_futures() {
        for (auto& [scope, recorder] : futures_) {
            recorder =
                std::make_unique<FutureRecorder>(weights_.shape, scope, static_cast<std::uint32_t>(texts_), length_);
            DecoderEngine engine = make_engine({length_}, chunk_for(texts_));
            read_texts(engine, 1, *recorder, {});
        }
    }

    /// For every text as many streams as there are `cells`, which is what each of them has.
    DecoderEngine make_engine(const std::vector<std::uint32_t>& cells, std::uint32_t chunk) const {
        return DecoderEngine(weights_, {.texts = static_cast<std::uint32_t>(texts_ * cells.size()),
                                        .positions = length_,
                                        .chunk = chunk,
                                        .group = static_cast<std::uint32_t>(cells.size()),
                                        .threads = request_.threads,
                                        .group_cells = cells});
    }

    /// Every text goes to `copies` neighbouring streams.
    void read_texts(DecoderEngine& engine, std::size_t copies, CacheHook& hook, const LogitsObserver& on_logits) {
        std::vector<std::uint32_t> tokens;
        // The token at score_from is predicted behind the one before it, and the last token's successor is not known.
        const std::uint32_t first_scored = request_.score_from - 1;
        for (std::uint32_t first = 0; first < length_;) {
            const std::uint32_t boundary = first < first_scored ? first_scored : length_;
            const std::uint32_t count = std::min(boundary - first, engine.config().chunk);
            tokens.clear();
            for (std::size_t i = 0; i < texts_; ++i) {
                for (std::size_t copy = 0; copy < copies; ++copy) {
                    tokens.insert(tokens.end(), text(i).begin() + first, text(i).begin() + first + count);
                }
            }
            engine.forward(tokens, hook, first >= first_scored ? on_logits : LogitsObserver{});
            first += count;
            work_.done(tokens.size());
        }
    }

    void run_variants(const std::vector<std::size_t>& variants, std::uint32_t chunk) {
        const std::size_t copies = variants.size() + 1;
        LockstepCaches caches(weights_.shape, {.texts = static_cast<std::uint32_t>(texts_),
                                               .length = length_,
                                               .chunk = chunk,
                                               .first_kept = request_.score_from - 1});
        std::vector<std::uint32_t> cells{length_};
        for (const std::size_t i : variants) {
            std::vector<ManagedCache> of_variant = make_caches(result_.variants[i].cache);
            cells.push_back(of_variant.front().slots());
            caches.add_variant(std::move(of_variant));
        }
        DecoderEngine engine = make_engine(cells, chunk);
        result_.threads = engine.config().threads;
        std::vector<ReferencePrediction> references(texts_);
        for (std::size_t i = 0; i < texts_; ++i) {
            result_.full.by_text[first_text_ + i] = {};
        }
        read_texts(engine, copies, caches, [&](const LogitsBlock& block) {
            engine.pool().run(texts_, [&](std::size_t i, unsigned) {
                const std::uint32_t end = std::min(block.first_position + block.positions, length_ - 1);
                for (std::uint32_t position = block.first_position; position < end; ++position) {
                    const std::uint32_t next = text(i)[position + 1];
                    if (next == request_.unscored) {
                        continue;
                    }
                    const auto stream = static_cast<std::uint32_t>(i * copies);
                    references[i].set(block.row(stream, position));
                    references[i].score_self(next, result_.full.by_text[first_text_ + i]);
                    for (std::uint32_t v = 1; v < copies; ++v) {
                        references[i].score(block.row(stream + v, position), next,
                                            result_.variants[variants[v - 1]].by_text[first_text_ + i]);
                    }
                }
            });
        });
        for (std::uint32_t v = 1; v < copies; ++v) {
            const std::size_t variant = variants[v - 1];
            for (std::uint32_t i = 0; i < texts_; ++i) {
                kept_[variant].sum += caches.kept(i, v).sum;
                kept_[variant].rows += caches.kept(i, v).rows;
                result_.variants[variant].evictions += caches.evictions(i, v);
            }
        }
    }

    std::vector<ManagedCache> make_caches(const CacheConfig& config) {
        std::vector<ManagedCache> caches;
        for (std::uint32_t i = 0; i < texts_; ++i) {
            std::vector<FutureAttention*> futures;
            if (config.policy == "oracle") {
                futures = futures_.at(config.scope)->futures(i);
            }
            caches.emplace_back(weights_.shape, config, length_, request_.seed + first_text_ + i, futures);
        }
        return caches;
    }

    void summarise_all() {
        const std::vector<PredictionMetrics> full = result_.full.by_text;
        summarise(result_.full, full);
        for (std::size_t i = 0; i < result_.variants.size(); ++i) {
            summarise(result_.variants[i], full);
            result_.variants[i].mass_kept = kept_[i].mean();
        }
    }

    /// Texts without a scored token say nothing of how perplexities compare.
    static void summarise(VariantResult& variant, const std::vector<PredictionMetrics>& full) {
        variant.metrics = {};
        std::vector<double> log_ratios;
        for (std::size_t text = 0; text < full.size(); ++text) {
            variant.metrics += variant.by_text[text];
            if (full[text].tokens > 0) {
                log_ratios.push_back(variant.by_text[text].mean_loss() - full[text].mean_loss());
            }
        }
        const auto n = static_cast<double>(log_ratios.size());
        const double mean = std::accumulate(log_ratios.begin(), log_ratios.end(), 0.0) / n;
        variant.relative_perplexity = std::exp(mean);
        if (log_ratios.size() > 1) {
            double squares = 0;
            for (const double ratio : log_ratios) {
                squares += (ratio - mean) * (ratio - mean);
            }
            variant.relative_error = variant.relative_perplexity * std::sqrt(squares / (n - 1) / n);
        }
    }

    /// Before the work is done: perplexity is a mean over them.
    void expect_scored_tokens() const {
        for (const auto& text : request_.texts) {
            if (std::any_of(text.begin() + std::min(request_.score_from, length_), text.end(),
                            [&](std::uint32_t token) { return token != request_.unscored; })) {
                return;
            }
        }
        throw InputError({}, "texts", fmt::format("only begin marks from position {} on", request_.score_from),
                         "a token whose prediction can be scored");
    }

    const DecoderWeights& weights_;
    const EvaluationRequest& request_;
    Work& work_;
    std::uint32_t length_;
    std::vector<std::size_t> chunked_, one_by_one_;  ///< variants
    std::map<EvictionScope, std::unique_ptr<FutureRecorder>> futures_;
    std::size_t first_text_ = 0, texts_ = 0;  ///< those that advance in lockstep now
    std::vector<KeptMass> kept_;              ///< by variant
    EvaluationResult result_;
};

}  // namespace

EvaluationResult evaluate(const DecoderWeights& weights, const EvaluationRequest& request,
                          const std::function<void(double)>& on_progress, const std::atomic<bool>* interrupted) {
    const auto start = std::chrono::steady_clock::now();
    Work work(on_progress, interrupted);
    EvaluationResult result = Evaluation(weights, request, work).run();
    result.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

}  // namespace palimpsest
