#pragma once
// Reference of the cache replay: one slot table and one reference policy for every (request, layer, KV head), nothing
// shared, rows stretched key by key, as docs/eviction.md words it. Slow on purpose.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "attention/attention_source.h"
#include "config/run_config.h"
#include "golden/policy_reference.h"

namespace palimpsest::golden {

struct ReferenceDecision {
    std::uint32_t before = 0, after = 0, searches = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> placed;  ///< slot, position
    std::vector<std::uint32_t> freed;
};

/// The cache of one (request, layer, KV head).
class ReferenceCache {
  public:
    ReferenceCache(const RunConfig& config, AttentionSource& source, std::uint32_t request, std::uint32_t layer,
                   std::uint32_t head)
        : config_(config),
          source_(source),
          request_(request),
          layer_(layer),
          head_(head),
          policy_(config.cache, config.workload.seed, config.cache.policy == "oracle" ? future() : ReferenceFuture{}) {
        const std::uint32_t all = config.workload.prompt_tokens + config.workload.generated_tokens;
        slots_ = config.cache.policy == "full" ? all : std::min(config.cache.budget, all);
        for (std::uint32_t slot = 0; slot < slots_; ++slot) {
            free_.insert(slot);
        }
    }

    ReferenceDecision prefill(std::uint32_t first, std::uint32_t count) {
        ReferenceDecision d;
        d.before = residents();
        constexpr std::uint32_t kOnChip = 10'000;  // slot numbers of tokens that are not in DRAM
        for (std::uint32_t t = first; t < first + count; ++t) {
            come(kOnChip + t, t);
            see(t);
        }
        while (slot_of_.size() > slots_) {
            evict(first + count - 1, d);
        }
        const bool last = first + count == config_.workload.prompt_tokens;
        if (last && config_.workload.generated_tokens > 0 && slot_of_.size() == slots_ && more_to_come(first + count)) {
            evict(first + count, d);
        }
        for (std::uint32_t t = first; t < first + count; ++t) {
            if (slot_of_.contains(t)) {
                const std::uint32_t slot = take();
                policy_.move(slot_of_[t], slot);
                slot_of_[t] = slot;
                d.placed.emplace_back(slot, t);
            }
        }
        d.after = residents();
        return d;
    }

    ReferenceDecision generate(std::uint32_t t) {
        ReferenceDecision d;
        d.before = residents();
        const std::uint32_t slot = take();
        come(slot, t);
        d.placed.emplace_back(slot, t);
        see(t);
        if (slot_of_.size() == slots_ && more_to_come(t + 1)) {
            evict(t + 1, d);
        }
        d.after = residents();
        return d;
    }

    /// What the query at t gives the keys 0 .. t, added up over the query heads of the set.
    std::vector<std::uint64_t> attention(std::uint32_t t) const {
        std::vector<std::uint64_t> sum(t + 1, 0);
        for (const auto& row : rows_of_set(t)) {
            for (std::uint32_t j = 0; j <= t; ++j) {
                sum[j] += row[j];
            }
        }
        return sum;
    }

  private:
    std::uint32_t residents() const { return static_cast<std::uint32_t>(slot_of_.size()); }
    bool more_to_come(std::uint32_t t) const {
        return t < config_.workload.prompt_tokens + config_.workload.generated_tokens;
    }
    std::uint32_t take() {
        const std::uint32_t slot = *free_.begin();
        free_.erase(free_.begin());
        return slot;
    }
    void come(std::uint32_t slot, std::uint32_t t) {
        slot_of_[t] = slot;
        policy_.insert(slot, t);
    }
    void evict(std::uint32_t newest, ReferenceDecision& d) {
        const std::uint32_t slot = policy_.victim(newest).value();
        ++d.searches;
        policy_.remove(slot);
        std::erase_if(slot_of_, [slot](const auto& entry) { return entry.second == slot; });
        if (slot < slots_) {
            free_.insert(slot);
            d.freed.push_back(slot);
        }
    }

    /// Probability of key j in the row of query t, possibly past the record.
    std::vector<std::uint64_t> row(std::uint32_t layer, std::uint32_t head, std::uint32_t t) const {
        const std::uint32_t length = source_.length(), half = length / 2, pins = std::min(4U, half);
        std::uint32_t star = t;
        if (t >= length) {
            star = half;
            for (std::uint32_t s = length; s < t; ++s) {
                star = star + 1 == length ? half : star + 1;
            }
        }
        std::vector<Probability> recorded(star + 1);
        source_.row(request_ % source_.sequences(), layer * source_.layers() / config_.model.layers,
                    head % source_.heads(), star, recorded);
        std::vector<std::uint64_t> out;
        for (std::uint32_t j = 0; j <= t; ++j) {
            const std::uint32_t distance = t - j;
            if (t < length || j < pins) {
                out.push_back(recorded[j]);
            } else {
                out.push_back(distance + pins <= star ? recorded[star - distance] : 0);
            }
        }
        return out;
    }

    /// The rows of all query heads that the set averages.
    std::vector<std::vector<std::uint64_t>> rows_of_set(std::uint32_t t) const {
        const ModelShape& model = config_.model;
        const std::uint32_t group = model.heads / model.kv_heads;
        const bool one_layer = config_.cache.scope != EvictionScope::model;
        const bool one_head = config_.cache.scope == EvictionScope::head;
        std::vector<std::vector<std::uint64_t>> rows;
        for (std::uint32_t l = 0; l < model.layers; ++l) {
            for (std::uint32_t h = 0; h < model.heads; ++h) {
                if ((!one_layer || l == layer_) && (!one_head || h / group == head_)) {
                    rows.push_back(row(l, h, t));
                }
            }
        }
        return rows;
    }

    ReferenceFuture future() const {
        ReferenceFuture future;
        const std::uint32_t all = config_.workload.prompt_tokens + config_.workload.generated_tokens;
        for (std::uint32_t t = 0; t < all; ++t) {
            std::vector<std::uint64_t> sum(t + 1, 0);
            const auto rows = rows_of_set(t);
            for (const auto& row : rows) {
                for (std::uint32_t j = 0; j <= t; ++j) {
                    sum[j] += row[j];
                }
            }
            future.emplace_back();
            for (const std::uint64_t s : sum) {
                future.back().push_back(static_cast<float>(s) / static_cast<float>(65535 * rows.size()));
            }
        }
        return future;
    }

    void see(std::uint32_t t) {
        const auto rows = rows_of_set(t);
        std::map<std::uint32_t, std::uint64_t> sum;  // by position
        for (const auto& r : rows) {
            std::uint64_t total = 0;
            for (const auto& [position, slot] : slot_of_) {
                total += r[position];
            }
            if (total > 0) {
                const std::uint64_t weight = 65535ULL * 4'294'967'296ULL / (total * rows.size());
                for (const auto& [position, slot] : slot_of_) {
                    sum[position] += r[position] * weight;
                }
            }
        }
        std::uint32_t top = 0;
        for (const auto& [position, slot] : slot_of_) {
            top = std::max(top, slot);
        }
        std::vector<std::uint32_t> samples(top + 1, 0);
        for (const auto& [position, slot] : slot_of_) {
            samples[slot] = static_cast<std::uint32_t>((sum[position] + 2'147'483'648ULL) / 4'294'967'296ULL);
        }
        std::vector<float> logits;
        for (const std::uint32_t sample : samples) {
            logits.push_back(std::log(std::max(static_cast<float>(sample), 0.5F) / 65535.0F));
        }
        policy_.observe(samples, t, logits);
    }

    const RunConfig& config_;
    AttentionSource& source_;
    std::uint32_t request_, layer_, head_, slots_ = 0;
    ReferencePolicy policy_;
    std::set<std::uint32_t> free_;
    std::map<std::uint32_t, std::uint32_t> slot_of_;  ///< by position
};

}  // namespace palimpsest::golden
