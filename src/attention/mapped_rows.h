#pragma once
// Attention rows for a model of any shape from a source of another: which recorded layer, head and text stands for
// which of the model's, and what rows follow where the record ends. The rules and their reasons: docs/eviction.md.
//
//   layer l of L         source layer floor(l * Ls / L)       proportional by depth
//   query head h         source head h mod Hs
//   request r            source sequence r mod S
//   position t < T       the recorded row
//   position t >= T      the recorded row t* = T/2 + (t - T) mod (T - T/2), stretched
//
// Stretched: the first keys (4, or T/2 if that is less) keep their place, every other key keeps its distance to the
// query, and the keys in between get nothing. While t* runs through the later half once, each key keeps its recorded
// role.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "attention/attention_source.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// What rows are wanted for.
struct RowDemand {
    std::uint32_t layers = 1;
    std::uint32_t heads = 1;  ///< query heads a layer
    std::uint32_t requests = 1;
    std::uint32_t positions = 1;      ///< prompt and generated tokens
    std::uint32_t first_request = 0;  ///< request 0 here is this one of the run, which has `requests` in all
};

class MappedRows {
  public:
    /// Throws InputError when the source has no rows at all.
    MappedRows(std::unique_ptr<AttentionSource> source, const RowDemand& demand);

    std::uint32_t source_layer(LayerId layer) const;
    std::uint32_t source_head(HeadId head) const;
    std::uint32_t source_sequence(RequestId request) const;

    /// The row of the query at `position` over keys 0 .. position of a source sequence, layer and head; `position` may
    /// lie past the source's length. `row.size() == position + 1`.
    void read(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
              std::span<Probability> row);

    /// Whether some positions lie past the source's length.
    bool extended() const { return demand_.positions > length_; }
    /// Whether the rows are a generator's.
    bool synthetic() const { return source_->synthetic(); }
    /// Sentences for the report: what the rows are and how they were mapped.
    std::string note() const;

  private:
    std::unique_ptr<AttentionSource> source_;
    RowDemand demand_;
    std::uint32_t length_;
    std::vector<Probability> recorded_;
};

/// The recorded row that stands for position `position` in a record of `length` positions.
std::uint32_t recorded_position(std::uint32_t position, std::uint32_t length);
/// Keys at the start of a sequence that keep their place when a row is stretched.
std::uint32_t pinned_keys(std::uint32_t length);

}  // namespace palimpsest
