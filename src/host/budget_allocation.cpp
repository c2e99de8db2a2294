#include "host/budget_allocation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <tuple>

#include "attention/attention_source.h"

namespace palimpsest {
namespace {

struct Entry {
    std::uint64_t attention = 0;
    std::uint32_t position = 0;
    std::uint32_t set = 0;

    /// Ties go to the earlier position, so that they spread over the sets.
    bool operator<(const Entry& other) const {
        return std::tie(other.attention, position, set) < std::tie(attention, other.position, other.set);
    }
};

/// Moves the `count` first of `entries` to its front, in no order.
void put_first(std::vector<Entry>& entries, std::size_t count) {
    std::ranges::nth_element(entries, entries.begin() + static_cast<std::ptrdiff_t>(count), std::less<>());
}

/// What the last queries of a prompt gave its tokens, added up over a set's `heads` query heads: whole numbers, as
/// recorded, so that ties are ties.
std::vector<std::uint64_t> profile(FutureAttention& text, std::uint32_t prompt, std::uint32_t heads) {
    const double one = double{kProbabilityOne} * heads;
    std::vector<std::uint64_t> sums(prompt, 0);
    std::vector<float> row(prompt);
    for (std::uint32_t query = prompt - std::min(prompt, kProfiledQueries); query < prompt; ++query) {
        const std::span<float> seen = std::span(row).first(query + 1);
        text.row(TokenPosition(query), seen);
        for (std::size_t key = 0; key < seen.size(); ++key) {
            sums[key] += static_cast<std::uint64_t>(std::llround(seen[key] * one));
        }
    }
    return sums;
}

}  // namespace

std::vector<std::uint32_t> allocate_budget(std::span<const std::span<const std::uint64_t>> attention,
                                           const AllocationRule& rule) {
    const auto prompt = static_cast<std::uint32_t>(attention.front().size());
    if (prompt <= rule.mean || rule.least >= rule.mean) {
        return std::vector<std::uint32_t>(attention.size(), rule.mean);
    }
    const std::uint32_t first = std::min(rule.sinks, prompt);
    const std::uint32_t end = prompt - std::min(prompt - first, rule.recent);
    const std::uint32_t own = rule.least - (first + prompt - end);  // of the entries that may go
    std::vector<Entry> rivals;
    std::vector<Entry> of_set;
    for (std::uint32_t set = 0; set < attention.size(); ++set) {
        of_set.clear();
        for (std::uint32_t position = first; position < end; ++position) {
            of_set.push_back({attention[set][position], position, set});
        }
        put_first(of_set, own);
        rivals.insert(rivals.end(), of_set.begin() + own, of_set.end());
    }
    const std::size_t places = attention.size() * (rule.mean - rule.least);
    put_first(rivals, places);
    std::vector<std::uint32_t> budgets(attention.size(), rule.least);
    for (std::size_t i = 0; i < places; ++i) {
        ++budgets[rivals[i].set];
    }
    return budgets;
}

std::vector<std::uint32_t> allocate_budgets(const RunConfig& config, AttentionFeed& feed, const AllocationRule& rule) {
    const ModelShape& model = config.model;
    std::vector<std::vector<std::uint64_t>> profiles;
    profiles.reserve(feed.views());
    for (std::uint32_t view = 0; view < feed.views(); ++view) {
        profiles.push_back(profile(feed.future(view), config.workload.prompt_tokens, model.group()));
    }
    const std::uint32_t layers = config.cache.allocation_scope == AllocationScope::model ? model.layers : 1;
    std::map<std::vector<std::uint32_t>, std::vector<std::uint32_t>> known;  // requests may read the same text
    std::vector<std::uint32_t> budgets;
    for (std::uint32_t request = 0; request < config.workload.batch; ++request) {
        for (std::uint32_t first = 0; first < model.layers; first += layers) {
            std::vector<std::uint32_t> views;
            for (std::uint32_t i = 0; i < layers * model.kv_heads; ++i) {
                views.push_back(feed.view_of(RequestId(request), LayerId(first + i / model.kv_heads),
                                             KvHeadId(i % model.kv_heads)));
            }
            const auto [entry, is_new] = known.try_emplace(views);
            if (is_new) {
                std::vector<std::span<const std::uint64_t>> attention;
                attention.reserve(views.size());
                for (const std::uint32_t view : views) {
                    attention.emplace_back(profiles[view]);
                }
                entry->second = allocate_budget(attention, rule);
            }
            budgets.insert(budgets.end(), entry->second.begin(), entry->second.end());
        }
    }
    return budgets;
}

}  // namespace palimpsest
