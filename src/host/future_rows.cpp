#include "host/future_rows.h"

#include <algorithm>
#include <utility>

namespace palimpsest {

FutureRows::FutureRows(MappedRows& rows, SetFeed feed, std::uint32_t positions)
    : rows_(rows), feed_(std::move(feed)), positions_(positions) {}

void FutureRows::row(TokenPosition query, std::span<float> row) {
    recorded_.resize(row.size());
    sums_.assign(row.size(), 0);
    std::uint64_t one = 0;
    for (const FeedRow& source : feed_.rows) {
        rows_.read(feed_.sequence, source.layer, source.head, query.value, recorded_);
        for (std::size_t key = 0; key < row.size(); ++key) {
            sums_[key] += std::uint64_t{source.times} * recorded_[key];
        }
        one += std::uint64_t{source.times} * kProbabilityOne;
    }
    std::ranges::transform(sums_, row.begin(),
                           [one](std::uint64_t sum) { return static_cast<float>(sum) / static_cast<float>(one); });
}

}  // namespace palimpsest
