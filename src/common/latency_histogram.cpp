#include "common/latency_histogram.h"

#include <cmath>

namespace palimpsest {

std::uint64_t LatencyHistogram::first_of(std::size_t bucket) {
    if (bucket < kExact) {
        return bucket;
    }
    const std::size_t above = bucket - kExact;
    const std::uint32_t top = kExactBits + static_cast<std::uint32_t>(above >> kStepBits);
    const std::uint64_t step = above & ((std::size_t{1} << kStepBits) - 1);
    return ((std::uint64_t{1} << kStepBits) + step) << (top - kStepBits);
}

std::uint64_t LatencyHistogram::last_of(std::size_t bucket) {
    return bucket + 1 < kBuckets ? first_of(bucket + 1) - 1 : ~std::uint64_t{0};
}

std::uint64_t LatencyHistogram::percentile(double fraction) const {
    if (count_ == 0) {
        return 0;
    }
    const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        seen += counts_[bucket];
        if (seen > 0 && seen >= wanted) {
            return std::min(last_of(bucket), max_);
        }
    }
    return max_;
}

std::vector<LatencyHistogram::Range> LatencyHistogram::ranges() const {
    std::vector<Range> ranges;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        if (counts_[bucket] == 0) {
            continue;
        }
        const std::uint64_t value = first_of(bucket);
        const auto width_bits = static_cast<std::uint32_t>(std::max(0, static_cast<int>(std::bit_width(value)) - 4));
        const std::uint64_t from = value >> width_bits << width_bits;
        if (ranges.empty() || ranges.back().from != from) {
            ranges.push_back({from, from + ((std::uint64_t{1} << width_bits) - 1), 0});
        }
        ranges.back().count += counts_[bucket];
    }
    return ranges;
}

}  // namespace palimpsest
