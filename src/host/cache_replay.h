#pragma once
// The eviction side of the host driver: replays attention rows through the policy, step by step, and says for every
// (request, layer, KV head) which tokens are placed where and which slots are freed.
//
// Open loop: rows come from a source recorded with a full cache and are renormalised over the residents. What is alike
// is replayed once: all (request, layer, KV head) whose decisions the same source rows determine share one slot table.
// Rules, arithmetic and a worked example: docs/eviction.md.
//
//   CacheReplay replay(config, std::move(source));
//   for (each prompt chunk) replay.prefill_chunk(first, count);
//   for (each generated token) replay.generation_step(position);
//   after each: replay.decision(request, layer, head)

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "attention/attention_source.h"
#include "config/run_config.h"
#include "hardware/command.h"
#include "palimpsest/policy.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// What one step does to one (request, layer, KV head). In generation the new token is placed first and then a slot
/// freed; after a prompt chunk slots are freed first, and its survivors may be placed in them.
struct CacheDecision {
    std::uint32_t residents_before = 0;   ///< tokens in DRAM that this step's attention reads (new ones not counted)
    std::uint32_t residents_after = 0;    ///< tokens in DRAM when the step is over, its victims gone
    KvPlacements placed;                  ///< new tokens that are written to DRAM, in position order; may be null
    KvSlots freed;                        ///< residents whose slots are freed after the step's attention; may be null
    std::uint32_t first_freed_rank = 0;   ///< rank, by position among the residents, of the oldest of `freed`
    std::uint32_t searches = 0;           ///< victims searched (freed residents and new tokens that were never written)
    std::optional<TokenPosition> newest;  ///< `newest` of the last search, where positions are protected
    std::optional<std::uint32_t> recent;  ///< how many up to `newest`, where the policy adapts it; else cache.recent
};

class CacheReplay {
  public:
    /// `source` may be null when the policy uses no scores or nothing is ever evicted. A `factory` makes a policy of
    /// the caller's own in place of `config.cache.policy`. Throws InputError when the budget does not exceed what is
    /// protected.
    CacheReplay(const RunConfig& config, std::unique_ptr<AttentionSource> source, PolicyFactory factory = {});
    ~CacheReplay();

    /// Slots a (request, layer, KV head) has in DRAM: the budget, or P + G where nothing is ever evicted. Where they
    /// are not equally many (cache.allocation), the most.
    std::uint32_t slots() const;
    std::uint32_t slots(RequestId request, LayerId layer, KvHeadId head) const;
    /// Least, mean and most of them, where they are not equally many.
    std::optional<KvBudgets> budgets() const;
    /// Processes prompt tokens [first, first + count) of every request: rows observed over residents and chunk, then
    /// the set cut back to the budget; after the last chunk one more slot is freed where generation needs it.
    void prefill_chunk(std::uint32_t first, std::uint32_t count);
    /// The token at `position` enters the free slot, its row is observed, and where a further token follows and no slot
    /// is free, a victim is freed.
    void generation_step(std::uint32_t position);
    /// Of the latest step.
    const CacheDecision& decision(RequestId request, LayerId layer, KvHeadId head) const;
    /// Whether the policy reads attention rows (then the KV-MMU's score hardware works).
    bool uses_scores() const;
    std::uint64_t evictions() const;  ///< so far, over all (request, layer, KV head), counting tokens never written
    std::uint32_t peak_residents() const;  ///< most tokens in DRAM of any one (request, layer, KV head), so far
    std::uint32_t distinct_sets() const;   ///< slot tables replayed for all (request, layer, KV head)
    /// How the source's layers, heads, texts and length were mapped onto the model: sentences for the report.
    std::string mapping_note() const;
    /// Whether evictions follow from synthetic rows.
    bool synthetic() const;

  private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace palimpsest
