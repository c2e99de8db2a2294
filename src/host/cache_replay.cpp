#include "host/cache_replay.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "common/checks.h"
#include "host/attention_feed.h"
#include "host/engine_feed.h"
#include "host/eviction_set.h"
#include "host/recorded_feed.h"
#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"

namespace palimpsest {

struct CacheReplay::Implementation {
    Implementation(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory);

    void assign_sets(const PolicyFactory& factory, const EvictionSetShape& shape, bool differs_by_set);
    void end_step(std::uint32_t tokens);
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
    std::uint32_t slots = 0;
    bool uses_scores = false;
    std::string policy_name;

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
      policy_name(config.cache.policy) {
    const std::uint32_t all_tokens = prompt_tokens + generated_tokens;
    EvictionSetShape shape;
    bool evicts = true;
    if (!factory) {
        const PolicyInfo& info = policy_info(config.cache.policy);
        evicts = info.evicts;
        shape.sinks = info.protects_sinks ? config.cache.sinks : 0;
        shape.recent = info.protects_recent ? config.cache.recent : 0;
        factory = [cache = config.cache](std::uint32_t n, const PolicyContext& context) {
            return make_policy(cache, n, context);
        };
    }
    slots = evicts ? std::min(config.cache.budget, all_tokens) : all_tokens;
    evicts = slots < all_tokens;
    if (evicts && std::uint64_t{slots} <= std::uint64_t{shape.sinks} + shape.recent) {
        throw InputError({}, "cache.budget", fmt::format("{}", slots),
                         fmt::format("more than the {} tokens that {} protects",
                                     std::uint64_t{shape.sinks} + shape.recent, policy_name));
    }
    shape.slots = slots;
    shape.temporaries = config.cache.prefill == PrefillMode::one_shot
                            ? prompt_tokens
                            : std::min(config.cache.prefill_chunk, prompt_tokens);

    NoAttention nothing(evicts
                            ? fmt::format("No attention rows are read: the policy {} does not use them.", policy_name)
                            : "No attention rows are read: every token has a slot, nothing is evicted.");
    const std::unique_ptr<EvictionPolicy> probe = factory(1, {.seed = seed, .future = &nothing.future(0)});
    uses_scores = probe->uses_scores();
    if (!uses_scores || !evicts) {
        feed = std::make_unique<NoAttention>(std::move(nothing));
    } else if (const auto* engine = std::get_if<AttentionEngineSource>(&config.attention)) {
        feed = std::make_unique<EngineFeed>(config, *engine, probe->uses_logits());
    } else if (source) {
        feed = std::make_unique<RecordedFeed>(config, std::move(source));
    } else {
        throw SimulationError(fmt::format("the policy {} reads attention rows and there is no source", policy_name));
    }
    assign_sets(factory, shape, evicts && probe->differs_by_set());
}

void CacheReplay::Implementation::assign_sets(const PolicyFactory& factory, const EvictionSetShape& shape,
                                              bool differs_by_set) {
    std::vector<std::uint32_t> views;
    const auto add_set = [&](std::uint32_t view, std::uint64_t number) {
        views.push_back(view);
        members.push_back(0);
        sets.emplace_back(shape, factory(shape.slots + shape.temporaries,
                                         {.seed = seed, .set = number, .future = &feed->future(view)}));
    };
    if (!differs_by_set) {
        for (std::uint32_t view = 0; view < feed->views(); ++view) {
            add_set(view, view);
        }
    }
    set_of.resize(index(batch, 0, 0));
    for (std::size_t i = 0; i < set_of.size(); ++i) {
        const auto head = static_cast<std::uint32_t>(i % model.kv_heads);
        const auto layer = static_cast<std::uint32_t>(i / model.kv_heads % model.layers);
        const RequestId request(static_cast<std::uint32_t>(i / model.kv_heads / model.layers));
        const std::uint32_t view = feed->view_of(request, LayerId(layer), KvHeadId(head));
        if (!differs_by_set) {
            set_of[i] = view;
        } else if (const std::size_t leader = leader_of(request.value, layer, head); leader != i) {
            set_of[i] = set_of[leader];
        } else {
            set_of[i] = static_cast<std::uint32_t>(sets.size());
            add_set(view, index(first_text, 0, 0) + i);
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
        if constexpr (kChecks) {
            if (sets[i].decision().residents_after != sets[0].decision().residents_after) {
                throw SimulationError(fmt::format("eviction sets differ in size after position {}: {} and {} tokens",
                                                  next_position - 1, sets[0].decision().residents_after,
                                                  sets[i].decision().residents_after));
            }
        }
    }
}

CacheReplay::CacheReplay(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory)
    : implementation_(std::make_unique<Implementation>(config, std::move(source), std::move(factory))) {}

CacheReplay::~CacheReplay() = default;

std::uint32_t CacheReplay::slots() const {
    return implementation_->slots;
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
