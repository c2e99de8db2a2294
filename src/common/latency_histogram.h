#pragma once
// How often each latency was seen: below 4096 clocks each by itself, above in 64 equal buckets between a power of two
// and the next. Percentiles below 4096 are exact, above at most 1/64 too large.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace palimpsest {

class LatencyHistogram {
  public:
    static constexpr std::uint64_t kExact = 4096;

    void add(std::uint64_t latency) {
        ++counts_[latency < kExact ? latency : bucket_above(latency)];
        ++count_;
        sum_ += latency;
        min_ = std::min(min_, latency);
        max_ = std::max(max_, latency);
    }

    std::uint64_t count() const { return count_; }
    double mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }
    std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
    std::uint64_t max() const { return max_; }
    /// The smallest latency that at least this fraction (0 to 1) of all do not exceed; 0 of nothing.
    std::uint64_t percentile(double fraction) const;

    struct Range {
        std::uint64_t from, to;  ///< both included
        std::uint64_t count;
        bool operator==(const Range&) const = default;
    };
    /// All that were seen, in at most eight ranges between a power of two and the next; empty ranges left out.
    std::vector<Range> ranges() const;

  private:
    static constexpr std::uint32_t kExactBits = 12, kStepBits = 6;
    static constexpr std::size_t kBuckets = kExact + ((64 - kExactBits) << kStepBits);

    static std::size_t bucket_above(std::uint64_t latency) {
        const auto top = static_cast<std::uint32_t>(std::bit_width(latency)) - 1;
        const std::uint64_t step = (latency >> (top - kStepBits)) - (std::uint64_t{1} << kStepBits);
        return kExact + (std::size_t{top - kExactBits} << kStepBits) + static_cast<std::size_t>(step);
    }
    /// First and last latency of a bucket.
    static std::uint64_t first_of(std::size_t bucket);
    static std::uint64_t last_of(std::size_t bucket);

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kBuckets);
    std::uint64_t count_ = 0, sum_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0}, max_ = 0;
};

}  // namespace palimpsest
