#pragma once
// Feeds attention rows to eviction sets: reads each recorded row once a position and makes of it what every set that
// uses it observes.
//
// What a set observes (open loop). A row p of a source recorded with a full cache is renormalised over the tokens the
// set holds, and the rows of the set's query heads are averaged. In integers, with n rows and S the sum of p over the
// set's tokens:  weight = floor(65535 * 2^32 / (S * n)),  sample = (sum over rows of p * weight + 2^31) >> 32. A row
// with S = 0 adds nothing.
//
// Recorded rows hold probabilities only. A policy that uses logits sees logit = ln(max(sample, 1/2) / 65535): those of
// the renormalised row, up to a constant of the row.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "attention/mapped_rows.h"
#include "host/eviction_set.h"

namespace palimpsest {

/// A source row that a set observes, as often as model heads map onto it.
struct FeedRow {
    std::uint32_t layer = 0;
    std::uint32_t head = 0;
    std::uint32_t times = 1;
    auto operator<=>(const FeedRow&) const = default;
};
/// Everything that decides what a set observes.
struct SetFeed {
    std::uint32_t sequence = 0;
    std::vector<FeedRow> rows;  ///< sorted, each source row once
    auto operator<=>(const SetFeed&) const = default;
};

class RelevanceFeed {
  public:
    /// `feeds[i]` is what set i observes.
    RelevanceFeed(MappedRows& rows, const std::vector<SetFeed>& feeds);

    /// Every set observes the query at `position`; `sets[i]` has its tokens up to and including that position.
    void observe(TokenPosition position, std::span<EvictionSet> sets);

  private:
    /// One set's share in one source row.
    struct Use {
        std::uint32_t set = 0;
        std::uint32_t times = 1;
    };
    struct SourceRow {
        std::uint32_t layer = 0;
        std::uint32_t head = 0;
        std::vector<Use> uses;
    };
    /// Sets that share rows, and the rows they share: those of a source layer, or of a text where one set spans layers.
    struct Group {
        std::uint32_t sequence = 0;
        std::vector<std::uint32_t> sets;
        std::vector<SourceRow> rows;
    };

    void accumulate(std::span<const std::uint32_t> positions, std::uint64_t times, std::uint64_t divisor,
                    std::vector<std::uint64_t>& sums);

    MappedRows& rows_;
    std::vector<Group> groups_;
    std::vector<std::uint64_t> divisor_;            ///< by set: rows it averages
    std::vector<std::uint32_t> place_;              ///< by set: its place in its group
    std::vector<std::vector<std::uint64_t>> sums_;  ///< by place in the group at hand: samples, 32 more fraction bits
    std::vector<Probability> row_;                  ///< the row at hand and a zero behind it, for free slots
    std::vector<std::uint32_t> gathered_;           ///< the row's probabilities by slot
    std::vector<RelevanceSample> samples_;
    std::vector<float> logits_;
};

}  // namespace palimpsest
