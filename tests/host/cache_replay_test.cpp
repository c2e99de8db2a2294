// The replay against one that keeps every (request, layer, KV head) apart, and the cache invariants of every run.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "golden/replay_reference.h"
#include "host/cache_replay.h"
#include "palimpsest/error.h"
#include "policy/registry.h"
#include "support/catch.h"
#include "support/fake_attention.h"

namespace palimpsest {
namespace {

struct Dimensions {
    std::uint32_t layers = 2, heads = 4, kv_heads = 4, batch = 2, prompt = 24, generated = 12;
};

RunConfig run_config(const std::string& policy, std::uint32_t budget, const Dimensions& d = {}) {
    RunConfig config;
    config.model.layers = d.layers;
    config.model.heads = d.heads;
    config.model.kv_heads = d.kv_heads;
    config.workload.batch = d.batch;
    config.workload.prompt_tokens = d.prompt;
    config.workload.generated_tokens = d.generated;
    config.cache.policy = policy;
    config.cache.budget = budget;
    config.cache.sinks = 2;
    config.cache.recent = 3;
    config.cache.prefill_chunk = 7;
    return config;
}

std::unique_ptr<AttentionSource> fake(const FakeAttentionShape& shape = {}) {
    return std::make_unique<FakeAttention>(shape);
}

/// Runs prefill and generation; `after` is called after each step with (first position, count, is prefill).
template <class After>
void run(CacheReplay& replay, const RunConfig& config, After after) {
    const std::uint32_t prompt = config.workload.prompt_tokens;
    const std::uint32_t chunk = config.cache.prefill == PrefillMode::one_shot ? prompt : config.cache.prefill_chunk;
    for (std::uint32_t first = 0; first < prompt; first += chunk) {
        const std::uint32_t count = std::min(chunk, prompt - first);
        replay.prefill_chunk(first, count);
        after(first, count, true);
    }
    for (std::uint32_t t = prompt; t < prompt + config.workload.generated_tokens; ++t) {
        replay.generation_step(t);
        after(t, 1U, false);
    }
}

template <class Each>
void for_each_cache(const RunConfig& config, Each each) {
    for (std::uint32_t r = 0; r < config.workload.batch; ++r) {
        for (std::uint32_t l = 0; l < config.model.layers; ++l) {
            for (std::uint32_t h = 0; h < config.model.kv_heads; ++h) {
                each(r, l, h);
            }
        }
    }
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> plain(const KvPlacements& list) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
    for (const KvPlacement& placement : list ? *list : std::vector<KvPlacement>{}) {
        out.emplace_back(placement.slot.value, placement.position.value);
    }
    return out;
}
std::vector<std::uint32_t> plain(const KvSlots& list) {
    std::vector<std::uint32_t> out;
    for (const SlotId slot : list ? *list : std::vector<SlotId>{}) {
        out.push_back(slot.value);
    }
    return out;
}

/// A KV-MMU's view of one cache: applies decisions and checks them.
class Shadow {
  public:
    Shadow(std::uint32_t slots, std::uint32_t sinks, std::uint32_t recent)
        : sinks_(sinks), recent_(recent), slots_(slots) {}

    void apply(const CacheDecision& decision, std::uint32_t newest, bool prefill) {
        REQUIRE(decision.residents_before == residents());
        if (prefill) {
            free(decision);
            place(decision);
        } else {
            place(decision);
            free(decision);
        }
        REQUIRE(decision.residents_after == residents());
        std::vector<std::uint32_t> positions;
        for (const auto& slot : slots_) {
            if (slot) {
                positions.push_back(*slot);
            }
        }
        std::ranges::sort(positions);
        REQUIRE(std::ranges::adjacent_find(positions) == positions.end());
        for (std::uint32_t p = 0; p < std::min(sinks_, newest + 1); ++p) {
            REQUIRE(std::ranges::binary_search(positions, p));
        }
        // The token to come counts as recent, so at least the last recent - 1 are here.
        for (std::uint32_t back = 0; back + 1 < recent_ && back <= newest; ++back) {
            REQUIRE(std::ranges::binary_search(positions, newest - back));
        }
    }
    std::uint32_t residents() const {
        return static_cast<std::uint32_t>(std::ranges::count_if(slots_, [](const auto& s) { return s.has_value(); }));
    }

  private:
    void place(const CacheDecision& decision) {
        std::uint32_t last = 0;
        for (const auto& [slot, position] : plain(decision.placed)) {
            REQUIRE(slot < slots_.size());
            REQUIRE_FALSE(slots_[slot].has_value());
            REQUIRE(position >= last);
            last = position;
            // The lowest free one.
            REQUIRE(std::all_of(slots_.begin(), slots_.begin() + slot, [](const auto& s) { return s.has_value(); }));
            slots_[slot] = position;
        }
    }
    void free(const CacheDecision& decision) {
        for (const std::uint32_t slot : plain(decision.freed)) {
            REQUIRE(slots_[slot].has_value());
            if (decision.recent) {  // a window that the policy adapts
                REQUIRE(*decision.recent >= recent_);
                REQUIRE(*slots_[slot] + *decision.recent <= decision.newest.value().value);
            }
            slots_[slot].reset();
        }
    }

    std::uint32_t sinks_, recent_;
    std::vector<std::optional<std::uint32_t>> slots_;
};

RunConfig random_config(std::mt19937& random) {
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    Dimensions d;
    d.layers = 1 + below(4);
    d.kv_heads = 1 + below(3);
    d.heads = d.kv_heads * (1 + below(3));
    d.batch = 1 + below(4);
    d.prompt = 1 + below(40);
    d.generated = below(25);
    const std::vector<std::string> names{"rce",    "rce",           "accumulated", "h2o",      "tova", "voting",
                                         "kelle",  "snapkv",        "keyformer",   "observed", "roco", "oracle",
                                         "window", "streaming_llm", "full",        "random"};
    RunConfig config = run_config(names[below(16)], 0, d);
    config.cache.snapkv_window = 1 + below(12);
    config.cache.roco_share = 0.1 * below(9);
    config.workload.seed = below(1000);
    config.cache.sinks = below(4);
    config.cache.recent = below(6);
    config.cache.budget = config.cache.sinks + config.cache.recent + 1 + below(40);
    config.cache.score_bits = std::vector<std::uint32_t>{8, 16, 20, 24}[below(4)];
    config.cache.rce_half_life = 0.1 * below(12);
    config.cache.rce_most_recent = 0.2 * below(6);
    config.cache.decay_shift = below(2) * below(6);
    config.cache.normalise_by_age = below(3) == 0;
    config.cache.scope = static_cast<EvictionScope>(below(3));
    config.cache.prefill = below(3) == 0 ? PrefillMode::one_shot : PrefillMode::chunked;
    config.cache.prefill_chunk = 1 + below(20);
    return config;
}

FakeAttentionShape random_shape(std::mt19937& random) {
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    return {1 + below(4), 1 + below(4), 1 + below(3), 1 + below(80), below(4) == 0 ? 1 + below(9) : 0};
}

}  // namespace

TEST_CASE("replaying distinct sets once gives what replaying every cache gives", "[host][cache_replay][golden]") {
    std::mt19937 random(31);
    for (int round = 0; round < 150; ++round) {
        RunConfig config = random_config(random);
        if (config.cache.policy == "random") {
            continue;  // its draws are not part of the reference
        }
        const FakeAttentionShape shape = random_shape(random);
        INFO("round " << round << " " << config.cache.policy << " budget " << config.cache.budget);
        CacheReplay replay(config, fake(shape));
        FakeAttention source(shape);
        std::vector<golden::ReferenceCache> caches;
        for_each_cache(config, [&](auto r, auto l, auto h) { caches.emplace_back(config, source, r, l, h); });
        std::uint64_t evictions = 0;
        run(replay, config, [&](std::uint32_t first, std::uint32_t count, bool prefill) {
            std::size_t i = 0;
            for_each_cache(config, [&](auto r, auto l, auto h) {
                auto& cache = caches[i++];
                const auto expected = prefill ? cache.prefill(first, count) : cache.generate(first);
                const CacheDecision& got = replay.decision(RequestId(r), LayerId(l), KvHeadId(h));
                REQUIRE(got.residents_before == expected.before);
                REQUIRE(got.residents_after == expected.after);
                REQUIRE(got.searches == expected.searches);
                REQUIRE(plain(got.placed) == expected.placed);
                REQUIRE(plain(got.freed) == expected.freed);
                evictions += expected.searches;
            });
        });
        CHECK(replay.evictions() == evictions);
    }
}

TEST_CASE("every run keeps the cache invariants", "[host][cache_replay]") {
    std::mt19937 random(77);
    for (int round = 0; round < 80; ++round) {
        const RunConfig config = random_config(random);
        INFO("round " << round << " " << config.cache.policy << " budget " << config.cache.budget);
        const PolicyInfo& info = policy_info(config.cache.policy);
        CacheReplay replay(config, fake(random_shape(random)));
        std::vector<Shadow> shadows(config.workload.batch * config.model.layers * config.model.kv_heads,
                                    Shadow(replay.slots(), info.protects_sinks ? config.cache.sinks : 0,
                                           info.protects_recent ? config.cache.recent : 0));
        std::uint32_t peak = 0;
        run(replay, config, [&](std::uint32_t first, std::uint32_t count, bool prefill) {
            std::size_t i = 0;
            for_each_cache(config, [&](auto r, auto l, auto h) {
                const CacheDecision& decision = replay.decision(RequestId(r), LayerId(l), KvHeadId(h));
                shadows[i++].apply(decision, first + count - 1, prefill);
                REQUIRE(decision.recent.has_value() == (config.cache.policy == "rce" && decision.newest.has_value()));
                // The same number everywhere.
                REQUIRE(decision.residents_after == shadows[0].residents());
                peak = std::max(peak, decision.residents_after);
                if (!prefill) {
                    peak = std::max(peak, decision.residents_before + 1);
                }
            });
            REQUIRE(shadows[0].residents() <= replay.slots());
            const std::uint32_t end = config.workload.prompt_tokens + config.workload.generated_tokens;
            if (first + count >= config.workload.prompt_tokens && first + count < end) {
                REQUIRE(shadows[0].residents() < replay.slots());  // room for the token to come
            }
        });
        CHECK(replay.peak_residents() == peak);
        CHECK(shadows[0].residents() == replay.slots());
    }
}

TEST_CASE("a budget that holds everything places as full does", "[host][cache_replay]") {
    for (const char* policy : {"rce", "window", "streaming_llm", "random"}) {
        for (const std::uint32_t budget : {36U, 37U, 1000U}) {
            const RunConfig full = run_config("full", 8), large = run_config(policy, budget);
            CacheReplay a(full, nullptr), b(large, nullptr);
            CHECK(a.slots() == 36);
            CHECK(b.slots() == 36);
            std::uint32_t next = 0;
            CacheReplay* const other = &b;
            run(a, full, [&](std::uint32_t first, std::uint32_t count, bool prefill) {
                prefill ? other->prefill_chunk(first, count) : other->generation_step(first);
                for_each_cache(full, [&](auto r, auto l, auto h) {
                    const CacheDecision& x = a.decision(RequestId(r), LayerId(l), KvHeadId(h));
                    const CacheDecision& y = b.decision(RequestId(r), LayerId(l), KvHeadId(h));
                    REQUIRE(plain(x.placed) == plain(y.placed));
                    REQUIRE(plain(x.placed).front() == std::pair(next, next));
                    REQUIRE((!x.freed && !y.freed && x.searches == 0 && y.searches == 0));
                    REQUIRE(x.residents_after == y.residents_after);
                });
                next += count;
            });
            CHECK(b.evictions() == 0);
            CHECK(b.uses_scores() == (std::string(policy) == "rce"));
        }
    }
}

TEST_CASE("an accumulated score with nothing protected rewrites one slot in generation", "[host][cache_replay]") {
    // Published behaviour: the sum without a recent window freezes the cache on its first tokens.
    RunConfig config = run_config("accumulated", 12,
                                  {.layers = 1, .heads = 1, .kv_heads = 1, .batch = 1, .prompt = 24, .generated = 40});
    config.cache.sinks = 0;
    config.cache.recent = 0;
    CacheReplay replay(config, fake({.length = 64}));
    int newcomer = 0;
    run(replay, config, [&](std::uint32_t, std::uint32_t, bool prefill) {
        const CacheDecision& decision = replay.decision(RequestId(0), LayerId(0), KvHeadId(0));
        if (!prefill && decision.freed) {
            newcomer += decision.freed->front() == decision.placed->front().slot ? 1 : 0;
        }
    });
    CHECK(newcomer > 25);
}

TEST_CASE("a scope shares one victim among its heads", "[host][cache_replay]") {
    for (const char* policy : {"rce", "random"}) {
        for (const EvictionScope scope : {EvictionScope::layer, EvictionScope::model}) {
            RunConfig config = run_config(policy, 10);
            config.cache.scope = scope;
            CacheReplay replay(config, fake());
            bool differ_between_layers = false, differ_between_requests = false;
            run(replay, config, [&](auto...) {
                for_each_cache(config, [&](auto r, auto l, auto h) {
                    const auto freed = [&](auto rr, auto ll, auto hh) {
                        return plain(replay.decision(RequestId(rr), LayerId(ll), KvHeadId(hh)).freed);
                    };
                    REQUIRE(freed(r, l, h) == freed(r, l, 0U));
                    differ_between_layers |= freed(r, l, h) != freed(r, 0U, h);
                    differ_between_requests |= freed(r, l, h) != freed(0U, l, h);
                });
            });
            CHECK(differ_between_layers == (scope == EvictionScope::layer));
            CHECK(differ_between_requests);
        }
    }
}

TEST_CASE("sets that read the same rows are replayed once, rows are read once", "[host][cache_replay]") {
    const FakeAttentionShape shape{.layers = 2, .heads = 3, .sequences = 2, .length = 64};
    Dimensions d{.layers = 8, .heads = 12, .kv_heads = 12, .batch = 6};
    SECTION("one set for each recorded text, layer and head") {
        std::uint64_t reads = 0;
        const RunConfig config = run_config("rce", 10, d);
        CacheReplay replay(config, std::make_unique<FakeAttention>(shape, &reads));
        CHECK(replay.distinct_sets() == 2 * 2 * 3);
        run(replay, config, [](auto...) {});
        CHECK(reads == 12U * 36);
        // 576 caches, each of which saw 36 tokens and keeps 10.
        CHECK(replay.evictions() == 576U * 26);
    }
    SECTION("query groups of the same heads are alike in any order") {
        d.kv_heads = 4;
        CHECK(CacheReplay(run_config("rce", 10, d), fake(shape)).distinct_sets() == 2 * 2);
    }
    SECTION("a policy without rows needs one set, random one a cache") {
        CHECK(CacheReplay(run_config("window", 10, d), nullptr).distinct_sets() == 1);
        CHECK(CacheReplay(run_config("random", 10, d), nullptr).distinct_sets() == 576);
        RunConfig config = run_config("random", 10, d);
        config.cache.scope = EvictionScope::layer;
        CHECK(CacheReplay(config, nullptr).distinct_sets() == 48);
    }
}

TEST_CASE("a policy that adapts its window is held to it", "[host][cache_replay]") {
    // Frees the oldest of four tokens, and says that the last `window` are protected.
    class Oldest final : public EvictionPolicy {
      public:
        explicit Oldest(std::uint32_t window) : window_(window) {}
        void insert(SlotId, TokenPosition) override {}
        void remove(SlotId) override {}
        void move(SlotId, SlotId) override {}
        void observe(const RelevanceRow&) override {}
        std::optional<SlotId> victim(TokenPosition newest) const override { return SlotId(newest.value % 4); }
        std::optional<std::uint32_t> recent_window() const override { return window_; }
        bool uses_scores() const override { return false; }

      private:
        std::uint32_t window_;
    };
    for (const std::uint32_t window : {0U, 4U, 5U}) {
        const RunConfig config =
            run_config("window", 4, {.layers = 1, .heads = 1, .kv_heads = 1, .batch = 1, .prompt = 3});
        CacheReplay replay(config, nullptr, [&](auto...) { return std::make_unique<Oldest>(window); });
        replay.prefill_chunk(0, 3);
        if (window > 4) {  // the token to come and the four that are here
            CHECK_THROWS_AS(replay.generation_step(3), SimulationError);
            continue;
        }
        CHECK_NOTHROW(replay.generation_step(3));
        const CacheDecision& decision = replay.decision(RequestId(0), LayerId(0), KvHeadId(0));
        CHECK(decision.newest.has_value() == (window > 0));
        CHECK(decision.recent.value_or(0) == window);
    }
}

TEST_CASE("a policy of the caller's own takes the place of the configured one", "[host][cache_replay]") {
    class EvictSlotZero final : public EvictionPolicy {
      public:
        void insert(SlotId, TokenPosition) override {}
        void remove(SlotId) override {}
        void move(SlotId, SlotId) override {}
        void observe(const RelevanceRow&) override {}
        std::optional<SlotId> victim(TokenPosition) const override { return SlotId(0); }
        bool uses_scores() const override { return false; }
    };
    const RunConfig config = run_config("rce", 30);
    CacheReplay replay(config, nullptr, [](auto...) { return std::make_unique<EvictSlotZero>(); });
    run(replay, config, [&](std::uint32_t first, std::uint32_t, bool) {
        if (first > 30) {
            const CacheDecision& decision = replay.decision(RequestId(1), LayerId(1), KvHeadId(1));
            CHECK(plain(decision.placed) == std::vector{std::pair(0U, first)});
        }
    });
    SECTION("and is stopped when it frees what is not there") {
        const RunConfig small = run_config("rce", 10);
        CacheReplay wrong(small, nullptr, [](auto...) { return std::make_unique<EvictSlotZero>(); });
        wrong.prefill_chunk(0, 7);
        CHECK_THROWS_AS(wrong.prefill_chunk(7, 7), SimulationError);
    }
}

TEST_CASE("a set observes rows renormalised over its tokens and averaged over its heads", "[host][cache_replay]") {
    // The worked example of docs/eviction.md: tokens 0, 2 and 5 are held, two query heads share the KV head.
    class TwoHeads final : public AttentionSource {
      public:
        std::uint32_t layers() const override { return 1; }
        std::uint32_t heads() const override { return 2; }
        std::uint32_t sequences() const override { return 1; }
        std::uint32_t length() const override { return 6; }
        std::string describe() const override { return "Two heads"; }
        bool synthetic() const override { return true; }
        void row(std::uint32_t, std::uint32_t, std::uint32_t head, std::uint32_t position,
                 std::span<Probability> row) override {
            const std::vector<Probability> a{30000, 9000, 0, 9000, 7535, 10000}, b{0, 9000, 20000, 9000, 7535, 20000};
            std::copy_n((head == 0 ? a : b).begin(), position + 1, row.begin());
        }
    };
    class Recorder final : public EvictionPolicy {
      public:
        explicit Recorder(std::vector<RelevanceSample>& last) : last_(last) {}
        void insert(SlotId slot, TokenPosition position) override { slots_[position.value] = slot; }
        void remove(SlotId) override { ++evicted_; }
        void move(SlotId, SlotId) override {}
        void observe(const RelevanceRow& row) override {
            last_.assign(row.probabilities.begin(), row.probabilities.end());
        }
        std::optional<SlotId> victim(TokenPosition) const override {
            return slots_.at(std::vector<std::uint32_t>{1, 3, 4}.at(evicted_));
        }
        bool uses_scores() const override { return true; }

      private:
        std::vector<RelevanceSample>& last_;
        std::map<std::uint32_t, SlotId> slots_;
        std::size_t evicted_ = 0;
    };
    const RunConfig config =
        run_config("rce", 3, {.layers = 1, .heads = 2, .kv_heads = 1, .batch = 1, .prompt = 5, .generated = 1});
    std::vector<RelevanceSample> last;
    CacheReplay replay(config, std::make_unique<TwoHeads>(), [&](auto...) { return std::make_unique<Recorder>(last); });
    replay.prefill_chunk(0, 5);
    replay.generation_step(5);
    CHECK(last == std::vector<RelevanceSample>{24576, 16384, 24576});
}

TEST_CASE("the replay refuses what cannot be", "[host][cache_replay]") {
    CHECK_THROWS_AS(CacheReplay(run_config("rce", 5), fake()), InputError);  // 2 sinks and 3 recent
    CHECK_NOTHROW(CacheReplay(run_config("rce", 6), fake()));
    CHECK_THROWS_AS(CacheReplay(run_config("rce", 10), nullptr), SimulationError);
    CHECK_THROWS_AS(CacheReplay(run_config("lru", 10), nullptr), InputError);
    const RunConfig config = run_config("window", 10);
    CacheReplay replay(config, nullptr);
    CHECK_THROWS_AS(replay.prefill_chunk(7, 7), SimulationError);
    CHECK_THROWS_AS(replay.generation_step(0), SimulationError);
    CHECK_THROWS_AS(replay.prefill_chunk(0, 8), SimulationError);
}

TEST_CASE("the note says how the rows were mapped", "[host][cache_replay]") {
    const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != text.npos; };
    CHECK(has(CacheReplay(run_config("rce", 10), fake({.length = 30})).mapping_note(), "Extended"));
    CHECK(has(CacheReplay(run_config("window", 10), nullptr).mapping_note(), "No attention rows"));
    CHECK(has(CacheReplay(run_config("rce", 100), nullptr).mapping_note(), "nothing is evicted"));
}

}  // namespace palimpsest
