#include "host/recorded_feed.h"

#include <map>
#include <utility>

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

}  // namespace

RecordedFeed::RecordedFeed(const RunConfig& config, std::unique_ptr<AttentionSource> source)
    : model_(config.model),
      positions_(config.workload.prompt_tokens + config.workload.generated_tokens),
      rows_(std::move(source),
            RowDemand{model_.layers, model_.heads, config.workload.first_text + config.workload.batch, positions_,
                      config.workload.first_text}),
      view_of_(index(config.workload.batch, 0, 0)) {
    std::map<SetFeed, std::uint32_t> known;
    for (std::size_t i = 0; i < view_of_.size(); ++i) {
        const auto head = static_cast<std::uint32_t>(i % model_.kv_heads);
        const auto layer = static_cast<std::uint32_t>(i / model_.kv_heads % model_.layers);
        const RequestId request(static_cast<std::uint32_t>(i / model_.kv_heads / model_.layers));
        const ScopeRange range = scope_range(config.cache.scope, model_, layer, head);
        const std::size_t leader = index(request.value, range.first_layer, range.first_head);
        if (leader != i) {  // its scope's first (layer, head) has been looked at
            view_of_[i] = view_of_[leader];
            continue;
        }
        const auto [entry, is_new] =
            known.try_emplace(feed_of(rows_, model_, request, range), static_cast<std::uint32_t>(views_.size()));
        if (is_new) {
            views_.push_back(entry->first);
        }
        view_of_[i] = entry->second;
    }
    futures_.resize(views_.size());
}

FutureAttention& RecordedFeed::future(std::uint32_t view) {
    if (!futures_[view]) {
        futures_[view] = std::make_unique<FutureRows>(rows_, views_[view], positions_);
    }
    return *futures_[view];
}

void RecordedFeed::bind(std::vector<std::uint32_t> views) {
    std::vector<SetFeed> feeds;
    feeds.reserve(views.size());
    for (const std::uint32_t view : views) {
        feeds.push_back(views_[view]);
    }
    feed_.emplace(rows_, feeds);
}

void RecordedFeed::prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) {
    for (std::uint32_t position = first; position < first + count; ++position) {
        for (EvictionSet& set : sets) {
            set.add_prompt_token(TokenPosition(position));
        }
        feed_->observe(TokenPosition(position), sets);
    }
}

void RecordedFeed::generated_token(std::uint32_t position, std::span<EvictionSet> sets) {
    feed_->observe(TokenPosition(position), sets);
}

}  // namespace palimpsest
