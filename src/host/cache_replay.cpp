#include "host/cache_replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "attention/mapped_rows.h"
#include "common/checks.h"
#include "host/eviction_set.h"
#include "host/future_rows.h"
#include "host/relevance_feed.h"
#include "palimpsest/error.h"
#include "policy/eviction_policy.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

/// The (layer, KV head) pairs one set of a request rules: one pair, a layer's, or all.
struct ScopeRange {
    std::uint32_t first_layer, layers, first_head, heads;
};

ScopeRange scope_range(EvictionScope scope, const ModelShape& model, std::uint32_t layer, std::uint32_t head) {
    switch (scope) {
        case EvictionScope::head:
            return {layer, 1, head, 1};
        case EvictionScope::layer:
            return {layer, 1, 0, model.kv_heads};
        case EvictionScope::model:
            break;
    }
    return {0, model.layers, 0, model.kv_heads};
}

/// The source rows of all query heads in the range, each with the number of heads that map onto it.
SetFeed feed_of(const MappedRows& rows, const ModelShape& model, RequestId request, const ScopeRange& range) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> times;
    for (std::uint32_t layer = range.first_layer; layer < range.first_layer + range.layers; ++layer) {
        const std::uint32_t source_layer = rows.source_layer(LayerId(layer));
        const std::uint32_t first = range.first_head * model.group();
        for (std::uint32_t head = first; head < first + range.heads * model.group(); ++head) {
            ++times[{source_layer, rows.source_head(HeadId(head))}];
        }
    }
    SetFeed feed{rows.source_sequence(request), {}};
    for (const auto& [source, n] : times) {
        feed.rows.push_back({source.first, source.second, n});
    }
    return feed;
}

/// Where nothing is ever evicted, or no rows are read.
class NoFuture final : public FutureAttention {
  public:
    std::uint32_t length() const override { return 0; }
    void row(TokenPosition, std::span<float>) override {}
};

}  // namespace

struct CacheReplay::Implementation {
    Implementation(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory);

    void assign_sets(const PolicyFactory& factory, const EvictionSetShape& shape, bool differs_by_set);
    void observe(TokenPosition position);
    void end_step(std::uint32_t tokens);
    std::size_t index(std::uint32_t request, std::uint32_t layer, std::uint32_t head) const {
        return (std::size_t{request} * model.layers + layer) * model.kv_heads + head;
    }

    ModelShape model;
    EvictionScope scope;
    std::uint32_t batch, prompt_tokens, generated_tokens;
    std::uint64_t seed;
    std::uint32_t slots = 0;
    bool uses_scores = false;
    std::string policy_name;

    std::optional<MappedRows> rows;  ///< only where some eviction depends on them
    std::optional<RelevanceFeed> feed;
    NoFuture no_future;
    std::vector<std::unique_ptr<FutureRows>> futures;  ///< by set, where there are rows
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

    const std::unique_ptr<EvictionPolicy> probe = factory(1, {.seed = seed, .future = &no_future});
    uses_scores = probe->uses_scores();
    if (uses_scores && evicts) {
        if (!source) {
            throw SimulationError(
                fmt::format("the policy {} reads attention rows and there is no source", policy_name));
        }
        rows.emplace(std::move(source), RowDemand{model.layers, model.heads, batch, all_tokens});
    }
    assign_sets(factory, shape, evicts && probe->differs_by_set());
}

void CacheReplay::Implementation::assign_sets(const PolicyFactory& factory, const EvictionSetShape& shape,
                                              bool differs_by_set) {
    set_of.resize(index(batch, 0, 0));
    std::vector<SetFeed> feeds;
    std::map<std::pair<SetFeed, std::uint64_t>, std::uint32_t> known;
    for (std::size_t i = 0; i < set_of.size(); ++i) {
        const auto head = static_cast<std::uint32_t>(i % model.kv_heads);
        const auto layer = static_cast<std::uint32_t>(i / model.kv_heads % model.layers);
        const RequestId request(static_cast<std::uint32_t>(i / model.kv_heads / model.layers));
        const ScopeRange range = scope_range(scope, model, layer, head);
        const std::size_t leader = index(request.value, range.first_layer, range.first_head);
        if (leader != i) {  // its scope's first (layer, head) has been assigned
            set_of[i] = set_of[leader];
            ++members[set_of[i]];
            continue;
        }
        SetFeed set_feed = rows ? feed_of(*rows, model, request, range) : SetFeed{};
        const auto [entry, is_new] =
            known.try_emplace({std::move(set_feed), differs_by_set ? i : 0}, static_cast<std::uint32_t>(sets.size()));
        if (is_new) {
            feeds.push_back(entry->first.first);
            PolicyContext context{.seed = seed, .set = i, .future = &no_future};
            if (rows) {
                futures.push_back(std::make_unique<FutureRows>(*rows, feeds.back(), prompt_tokens + generated_tokens));
                context.future = futures.back().get();
            }
            sets.emplace_back(shape, factory(shape.slots + shape.temporaries, context));
            members.push_back(0);
        }
        set_of[i] = entry->second;
        ++members[set_of[i]];
    }
    if (rows) {
        feed.emplace(*rows, feeds);
    }
}

void CacheReplay::Implementation::observe(TokenPosition position) {
    if (feed) {
        feed->observe(position, sets);
    }
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
    for (std::uint32_t position = first; position < first + count; ++position) {
        for (EvictionSet& set : self.sets) {
            set.add_prompt_token(TokenPosition(position));
        }
        self.observe(TokenPosition(position));
    }
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
    self.observe(TokenPosition(position));
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
    const Implementation& self = *implementation_;
    if (self.rows) {
        return self.rows->note();
    }
    return self.slots == self.prompt_tokens + self.generated_tokens
               ? "No attention rows are read: every token has a slot, nothing is evicted."
               : fmt::format("No attention rows are read: the policy {} does not use them.", self.policy_name);
}

}  // namespace palimpsest
