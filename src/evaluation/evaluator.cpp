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
          length_(static_cast<std::uint32_t>(request.texts[0].size())) {
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
            result_.variants.emplace_back().cache = cache;
            (cache.scope == EvictionScope::model ? one_by_one_ : chunked_).push_back(i);
            if (cache.policy == "oracle") {
                futures_.try_emplace(cache.scope);
            }
        }
        expect_work();
    }

    EvaluationResult run() {
        record_futures();
        if (!chunked_.empty() || one_by_one_.empty()) {
            run_variants(chunked_, chunk_for(texts() * (chunked_.size() + 1)));
        }
        if (!one_by_one_.empty()) {
            run_variants(one_by_one_, 1);
        }
        result_.tokens_processed = work_.tokens();
        return std::move(result_);
    }

  private:
    std::size_t texts() const { return request_.texts.size(); }

    void expect_work() {
        const std::uint64_t tokens = std::uint64_t{texts()} * length_;
        work_.expect(tokens * futures_.size());
        for (const auto* group : {&chunked_, &one_by_one_}) {
            const bool runs = !group->empty() || (group == &chunked_ && one_by_one_.empty());
            work_.expect(runs ? tokens * (group->size() + 1) : 0);
        }
    }

    void record_futures() {
        for (auto& [scope, recorder] : futures_) {
            recorder =
                std::make_unique<FutureRecorder>(weights_.shape, scope, static_cast<std::uint32_t>(texts()), length_);
            DecoderEngine engine = make_engine({length_}, chunk_for(texts()));
            read_texts(engine, 1, *recorder, {});
        }
    }

    /// For every text as many streams as there are `cells`, which is what each of them has.
    DecoderEngine make_engine(const std::vector<std::uint32_t>& cells, std::uint32_t chunk) const {
        return DecoderEngine(weights_, {.texts = static_cast<std::uint32_t>(texts() * cells.size()),
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
            for (const auto& text : request_.texts) {
                for (std::size_t copy = 0; copy < copies; ++copy) {
                    tokens.insert(tokens.end(), text.begin() + first, text.begin() + first + count);
                }
            }
            engine.forward(tokens, hook, first >= first_scored ? on_logits : LogitsObserver{});
            first += count;
            work_.done(tokens.size());
        }
    }

    void run_variants(const std::vector<std::size_t>& variants, std::uint32_t chunk) {
        const std::size_t copies = variants.size() + 1;
        LockstepCaches caches(weights_.shape, {.texts = static_cast<std::uint32_t>(texts()),
                                               .length = length_,
                                               .chunk = chunk,
                                               .first_kept = request_.score_from - 1});
        std::vector<std::uint32_t> cells{length_};
        for (const std::size_t i : variants) {
            std::vector<ManagedCache> of_variant = make_caches(result_.variants[i].cache);
            result_.variants[i].slots = of_variant.front().slots();
            cells.push_back(result_.variants[i].slots);
            caches.add_variant(std::move(of_variant));
            result_.variants[i].by_text.assign(texts(), {});
        }
        DecoderEngine engine = make_engine(cells, chunk);
        result_.threads = engine.config().threads;
        std::vector<ReferencePrediction> references(texts());
        std::vector<PredictionMetrics> full(texts());
        read_texts(engine, copies, caches, [&](const LogitsBlock& block) {
            engine.pool().run(texts(), [&](std::size_t text, unsigned) {
                const std::uint32_t end = std::min(block.first_position + block.positions, length_ - 1);
                for (std::uint32_t position = block.first_position; position < end; ++position) {
                    const std::uint32_t next = request_.texts[text][position + 1];
                    if (next == request_.unscored) {
                        continue;
                    }
                    const auto stream = static_cast<std::uint32_t>(text * copies);
                    references[text].set(block.row(stream, position));
                    references[text].score_self(next, full[text]);
                    for (std::uint32_t v = 1; v < copies; ++v) {
                        references[text].score(block.row(stream + v, position), next,
                                               result_.variants[variants[v - 1]].by_text[text]);
                    }
                }
            });
        });
        result_.full.by_text = full;
        summarise(result_.full, full);
        for (std::uint32_t v = 1; v < copies; ++v) {
            VariantResult& variant = result_.variants[variants[v - 1]];
            summarise(variant, full);
            KeptMass kept;
            for (std::uint32_t text = 0; text < texts(); ++text) {
                kept.sum += caches.kept(text, v).sum;
                kept.rows += caches.kept(text, v).rows;
                variant.evictions += caches.evictions(text, v);
            }
            variant.mass_kept = kept.mean();
        }
    }

    std::vector<ManagedCache> make_caches(const CacheConfig& config) {
        std::vector<ManagedCache> caches;
        for (std::uint32_t text = 0; text < texts(); ++text) {
            std::vector<FutureAttention*> futures;
            if (config.policy == "oracle") {
                futures = futures_.at(config.scope)->futures(text);
            }
            caches.emplace_back(weights_.shape, config, length_, request_.seed + text, futures);
        }
        return caches;
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
