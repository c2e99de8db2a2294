#include "host/relevance_feed.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace palimpsest {
namespace {

constexpr unsigned kGuardBits = 32;

/// A row's logits up to a constant. A sample of 0 stands for less than half a step.
float logit_of(RelevanceSample sample) {
    return std::log(std::max(static_cast<float>(sample), 0.5F) / kProbabilityOne);
}

}  // namespace

RelevanceFeed::RelevanceFeed(MappedRows& rows, const std::vector<SetFeed>& feeds) : rows_(rows) {
    const bool spans_layers = std::ranges::any_of(
        feeds, [](const SetFeed& feed) { return feed.rows.front().layer != feed.rows.back().layer; });
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> group_of;
    std::vector<std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Use>>> uses;
    for (std::uint32_t set = 0; set < feeds.size(); ++set) {
        const SetFeed& feed = feeds[set];
        const std::pair key{feed.sequence, spans_layers ? 0 : feed.rows.front().layer};
        const auto [entry, is_new] = group_of.try_emplace(key, groups_.size());
        if (is_new) {
            groups_.push_back({.sequence = feed.sequence, .sets = {}, .rows = {}});
            uses.emplace_back();
        }
        Group& group = groups_[entry->second];
        place_.push_back(static_cast<std::uint32_t>(group.sets.size()));
        group.sets.push_back(set);
        std::uint64_t divisor = 0;
        for (const FeedRow& row : feed.rows) {
            uses[entry->second][{row.layer, row.head}].push_back({set, row.times});
            divisor += row.times;
        }
        divisor_.push_back(divisor);
        sums_.resize(std::max(sums_.size(), group.sets.size()));
    }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
        for (auto& [source, list] : uses[g]) {
            groups_[g].rows.push_back({source.first, source.second, std::move(list)});
        }
    }
}

void RelevanceFeed::observe(TokenPosition position, std::span<EvictionSet> sets) {
    const std::size_t keys = std::size_t{position.value} + 1;
    row_.resize(keys + 1);
    row_.back() = 0;
    for (const Group& group : groups_) {
        for (const std::uint32_t set : group.sets) {
            sums_[place_[set]].assign(sets[set].positions().size(), 0);
        }
        for (const SourceRow& source : group.rows) {
            rows_.read(group.sequence, source.layer, source.head, position.value, std::span(row_).first(keys));
            for (const Use& use : source.uses) {
                accumulate(sets[use.set].positions(), use.times, divisor_[use.set], sums_[place_[use.set]]);
            }
        }
        for (const std::uint32_t set : group.sets) {
            const std::vector<std::uint64_t>& sums = sums_[place_[set]];
            samples_.resize(sums.size());
            for (std::size_t i = 0; i < sums.size(); ++i) {
                samples_[i] = static_cast<RelevanceSample>((sums[i] + (1ULL << (kGuardBits - 1))) >> kGuardBits);
            }
            if (sets[set].uses_logits()) {
                logits_.resize(samples_.size());
                for (std::size_t i = 0; i < samples_.size(); ++i) {
                    logits_[i] = logit_of(samples_[i]);
                }
                sets[set].observe({samples_, logits_, position});
            } else {
                sets[set].observe({samples_, {}, position});
            }
        }
    }
}

void RelevanceFeed::accumulate(std::span<const std::uint32_t> positions, std::uint64_t times, std::uint64_t divisor,
                               std::vector<std::uint64_t>& sums) {
    // Free slots hold a position past every row: they read the zero behind it.
    const std::uint32_t zero = static_cast<std::uint32_t>(row_.size() - 1);
    gathered_.resize(positions.size());
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        gathered_[i] = row_[std::min(positions[i], zero)];
        total += gathered_[i];
    }
    if (total == 0) {
        return;
    }
    const std::uint64_t weight = times * ((std::uint64_t{kProbabilityOne} << kGuardBits) / (total * divisor));
    for (std::size_t i = 0; i < positions.size(); ++i) {
        sums[i] += gathered_[i] * weight;
    }
}

}  // namespace palimpsest
