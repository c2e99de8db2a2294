#pragma once
// The future of one eviction set in open loop: the rows of its source under a full cache, averaged over the set's query
// heads and mapped as the run's rows are (stretched past the record's end). Nothing is kept: a row is read when asked
// for.

#include <cstdint>
#include <span>
#include <vector>

#include "attention/mapped_rows.h"
#include "host/relevance_feed.h"
#include "palimpsest/policy.h"

namespace palimpsest {

class FutureRows final : public FutureAttention {
  public:
    /// `positions`: of the run, prompt and generated. `rows` outlives this.
    FutureRows(MappedRows& rows, SetFeed feed, std::uint32_t positions);

    std::uint32_t length() const override { return positions_; }
    void row(TokenPosition query, std::span<float> row) override;

  private:
    MappedRows& rows_;
    SetFeed feed_;
    std::uint32_t positions_;
    std::vector<Probability> recorded_;
    std::vector<std::uint64_t> sums_;
};

}  // namespace palimpsest
