#include "host/cache_replay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "common/checks.h"
#include "host/attention_feed.h"
#include "host/budget_allocation.h"
#include "host/engine_feed.h"
#include "host/eviction_set.h"
#include "host/recorded_feed.h"
#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"

namespace palimpsest {

struct CacheReplay::Implementation {
    Implementation(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory);

    /// Of a set that holds `budget` tokens in `slots`, temporaries included.
    std::unique_ptr<EvictionPolicy> policy_of(std::uint32_t budget, std::uint32_t slots,
                                              const PolicyContext& context) const;
    void allocate(const RunConfig& config, const EvictionSetShape& shape);
    void assign_sets(EvictionSetShape shape, bool differs_by_set);
    void end_step(std::uint32_t tokens);
    void check_sizes() const;
    std::size_t index(std::uint32_t request, std::uint32_t layer, std::uint32_t head) const {
        return (std::size_t{request} * model.layers + layer) * model.kv_heads + head;
    }

    /// The first (request, layer, KV head) of those that share a victim with this one.
    std::size_t leader_of(std::uint32_t request, std::uint32_t layer, std::uint32_t head) const {
        return index(request, scope == EvictionScope::model ? 0 : layer, scope == EvictionScope::head ? head : 0);
    }

    ModelShape model;
    EvictionScope scope;
    std::uint32_t batch, prompt_tokens, generated_tokens;
    std::uint32_t first_text;
    std::uint64_t seed;
    CacheConfig cache;
    PolicyFactory own_policy;
    std::uint32_t slots = 0;             ///< of the largest set
    std::vector<std::uint32_t> budgets;  ///< by index(), where sets are not equally large
    bool uses_scores = false;

    std::unique_ptr<AttentionFeed> feed;
    std::vector<EvictionSet> sets;
    std::vector<std::uint64_t> members;  ///< by set: (request, layer, KV head) it stands for
    std::vector<std::uint32_t> set_of;   ///< by index()
    std::uint32_t next_position = 0;
    std::uint64_t evictions = 0;
    std::uint32_t peak_residents = 0;
};

CacheReplay::Implementation::Implementation(const RunConfig& config, std::unique_ptr<AttentionSource> source,
                                            PolicyFactory factory)
    : model(config.model),
      scope(config.cache.scope),
      batch(config.workload.batch),
      prompt_tokens(config.workload.prompt_tokens),
      generated_tokens(config.workload.generated_tokens),
      first_text(config.workload.first_text),
      seed(config.workload.seed),
      cache(config.cache),
      own_policy(std::move(factory)) {
    const std::uint32_t all_tokens = prompt_tokens + generated_tokens;
    EvictionSetShape shape;
    bool evicts = true;
    if (!own_policy) {
        const PolicyInfo& info = policy_info(cache.policy);
        evicts = info.evicts;
        shape.sinks = info.protects_sinks ? cache.sinks : 0;
        shape.recent = info.protects_recent ? cache.recent : 0;
    }
    slots = evicts ? std::min(cache.budget, all_tokens) : all_tokens;
    evicts = slots < all_tokens;
    if (evicts && std::uint64_t{slots} <= std::uint64_t{shape.sinks} + shape.recent) {
        throw InputError({}, "cache.budget", fmt::format("{}", slots),
                         fmt::format("more than the {} tokens that {} protects",
                                     std::uint64_t{shape.sinks} + shape.recent, cache.policy));
    }
    shape.slots = slots;
    shape.temporaries =
        cache.prefill == PrefillMode::one_shot ? prompt_tokens : std::min(cache.prefill_chunk, prompt_tokens);

    NoAttention nothing(evicts
                            ? fmt::format("No attention rows are read: the policy {} does not use them.", cache.policy)
                            : "No attention rows are read: every token has a slot, nothing is evicted.");
    const std::unique_ptr<EvictionPolicy> probe =
        policy_of(cache.budget, 1, {.seed = seed, .future = &nothing.future(0)});
    const bool allocates = evicts && cache.allocation == BudgetAllocation::by_attention;
    uses_scores = probe->uses_scores();
    if (!evicts || (!uses_scores && !allocates)) {
        feed = std::make_unique<NoAttention>(std::move(nothing));
    } else if (const auto* engine = std::get_if<AttentionEngineSource>(&config.attention)) {
        feed = std::make_unique<EngineFeed>(config, *engine, probe->uses_logits());
    } else if (source) {
        feed = std::make_unique<RecordedFeed>(config, std::move(source));
    } else {
        throw SimulationError(fmt::format("the policy {} reads attention rows and there is no source", cache.policy));
    }
    if (allocates) {
        allocate(config, shape);
    }
    assign_sets(shape, evicts && probe->differs_by_set());
}

std::unique_ptr<EvictionPolicy> CacheReplay::Implementation::policy_of(std::uint32_t budget, std::uint32_t table_slots,
                                                                       const PolicyContext& context) const {
    if (own_policy) {
        return own_policy(table_slots, context);
    }
    CacheConfig of_set = cache;
    of_set.budget = budget;
    return make_policy(of_set, table_slots, context);
}

void CacheReplay::Implementation::allocate(const RunConfig& config, const EvictionSetShape& shape) {
    const auto floor = static_cast<std::uint32_t>(std::lround(cache.allocation_floor * slots));
    budgets = allocate_budgets(config, *feed,
                               {.mean = slots,
                                .least = std::max(floor, shape.sinks + shape.recent + 1),
                                .sinks = shape.sinks,
                                .recent = shape.recent});
    slots = *std::ranges::max_element(budgets);
}

void CacheReplay::Implementation::assign_sets(EvictionSetShape shape, bool differs_by_set) {
    std::vector<std::uint32_t> views;
    const auto add_set = [&](std::uint32_t view, std::uint32_t budget, std::uint64_t number) {
        views.push_back(view);
        members.push_back(0);
        sets.emplace_back(shape, policy_of(budget, shape.slots + shape.temporaries,
                                           {.seed = seed, .set = number, .future = &feed->future(view)}));
        return static_cast<std::uint32_t>(sets.size() - 1);
    };
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known;  // by view and slots
    set_of.resize(index(batch, 0, 0));
    for (std::size_t i = 0; i < set_of.size(); ++i) {
        const auto head = static_cast<std::uint32_t>(i % model.kv_heads);
        const auto layer = static_cast<std::uint32_t>(i / model.kv_heads % model.layers);
        const RequestId request(static_cast<std::uint32_t>(i / model.kv_heads / model.layers));
        const std::uint32_t view = feed->view_of(request, LayerId(layer), KvHeadId(head));
        shape.slots = budgets.empty() ? slots : budgets[i];
        const std::uint32_t budget = budgets.empty() ? cache.budget : budgets[i];
        if (differs_by_set) {
            const std::size_t leader = leader_of(request.value, layer, head);
            set_of[i] = leader != i ? set_of[leader] : add_set(view, budget, index(first_text, 0, 0) + i);
        } else {
            const auto [entry, is_new] = known.try_emplace({view, shape.slots}, 0);
            if (is_new) {
                entry->second = add_set(view, budget, sets.size());
            }
            set_of[i] = entry->second;
        }
        ++members[set_of[i]];
    }
    feed->bind(std::move(views));
}

void CacheReplay::Implementation::end_step(std::uint32_t tokens) {
    next_position += tokens;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        evictions += sets[i].decision().searches * members[i];
        peak_residents = std::max(peak_residents, sets[i].peak_residents());
    }
    if constexpr (kChecks) {
        check_sizes();
    }
}

/// A set holds every token so far, or as many as it has slots, one less where generation is to put one in.
void CacheReplay::Implementation::check_sizes() const {
    const bool one_comes = next_position >= prompt_tokens && next_position < prompt_tokens + generated_tokens;
    for (const EvictionSet& set : sets) {
        const std::uint32_t expected = std::min(next_position, set.slots() - (one_comes ? 1 : 0));
        if (set.decision().residents_after != expected) {
            throw SimulationError(fmt::format("an eviction set of {} slots holds {} tokens after position {}, not {}",
                                              set.slots(), set.decision().residents_after, next_position - 1,
                                              expected));
        }
    }
}

CacheReplay::CacheReplay(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory)
    : implementation_(std::make_unique<Implementation>(config, std::move(source), std::move(factory))) {}

CacheReplay::~CacheReplay() = default;

std::uint32_t CacheReplay::slots() const {
    return implementation_->slots;
}

std::uint32_t CacheReplay::slots(RequestId request, LayerId layer, KvHeadId head) const {
    const Implementation& self = *implementation_;
    return self.sets[self.set_of[self.index(request.value, layer.value, head.value)]].slots();
}

std::optional<KvBudgets> CacheReplay::budgets() const {
    const std::vector<std::uint32_t>& all = implementation_->budgets;
    if (all.empty()) {
        return std::nullopt;
    }
    const auto [least, most] = std::ranges::minmax(all);
    return KvBudgets{least, implementation_->cache.budget, most};
}

void CacheReplay::prefill_chunk(std::uint32_t first, std::uint32_t count) {
    Implementation& self = *implementation_;
    if (first != self.next_position || count == 0 || count > self.prompt_tokens - first) {
        throw SimulationError(fmt::format("prompt chunk [{}, {}) where {} of {} tokens have come", first,
                                          std::uint64_t{first} + count, self.next_position, self.prompt_tokens));
    }
    for (EvictionSet& set : self.sets) {
        set.begin_chunk();
    }
    self.feed->prompt_chunk(first, count, self.sets);
    const bool generation_follows = first + count == self.prompt_tokens && self.generated_tokens > 0;
    for (EvictionSet& set : self.sets) {
        set.end_chunk(TokenPosition(first + count - 1), generation_follows);
    }
    self.end_step(count);
}

void CacheReplay::generation_step(std::uint32_t position) {
    Implementation& self = *implementation_;
    const std::uint32_t end = self.prompt_tokens + self.generated_tokens;
    if (position != self.next_position || position < self.prompt_tokens || position >= end) {
        throw SimulationError(
            fmt::format("generation step at position {} where {} tokens have come, of {} prompt and {} generated",
                        position, self.next_position, self.prompt_tokens, self.generated_tokens));
    }
    for (EvictionSet& set : self.sets) {
        set.begin_generation(TokenPosition(position));
    }
    self.feed->generated_token(position, self.sets);
    for (EvictionSet& set : self.sets) {
        set.end_generation(TokenPosition(position), position + 1 < end);
    }
    self.end_step(1);
}

const CacheDecision& CacheReplay::decision(RequestId request, LayerId layer, KvHeadId head) const {
    const Implementation& self = *implementation_;
    return self.sets[self.set_of[self.index(request.value, layer.value, head.value)]].decision();
}

bool CacheReplay::uses_scores() const {
    return implementation_->uses_scores;
}

std::uint64_t CacheReplay::evictions() const {
    return implementation_->evictions;
}

std::uint32_t CacheReplay::peak_residents() const {
    return implementation_->peak_residents;
}

std::uint32_t CacheReplay::distinct_sets() const {
    return static_cast<std::uint32_t>(implementation_->sets.size());
}

std::string CacheReplay::mapping_note() const {
    return implementation_->feed->note();
}

bool CacheReplay::synthetic() const {
    return implementation_->feed->synthetic();
}

}  // namespace palimpsest
