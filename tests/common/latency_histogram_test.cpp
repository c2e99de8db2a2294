// The latency histogram against a sorted list.

#include <algorithm>
#include <cmath>
#include <random>

#include "common/latency_histogram.h"
#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("percentiles are those of a sorted list below 4096 clocks, and at most a 64th above it beyond", "[common]") {
    for (const std::uint64_t top : {10ULL, 4096ULL, 1ULL << 20, 1ULL << 62}) {
        std::mt19937_64 random(top);
        LatencyHistogram histogram;
        std::vector<std::uint64_t> list;
        double sum = 0;
        for (int i = 0; i < 3000; ++i) {
            const std::uint64_t latency = random() % (1 + random() % top);
            histogram.add(latency);
            list.push_back(latency);
            sum += static_cast<double>(latency);
        }
        std::sort(list.begin(), list.end());
        CHECK(histogram.count() == list.size());
        CHECK(histogram.min() == list.front());
        CHECK(histogram.max() == list.back());
        if (top < 1ULL << 50) {  // the sum of the others does not fit
            CHECK(histogram.mean() == Approx(sum / static_cast<double>(list.size())));
        }
        for (const double fraction : {0.0, 0.001, 0.5, 0.9, 0.99, 1.0}) {
            const double place = std::max(1.0, std::ceil(fraction * static_cast<double>(list.size())));
            const std::uint64_t exact = list[static_cast<std::size_t>(place) - 1];
            const std::uint64_t answer = histogram.percentile(fraction);
            CAPTURE(top, fraction, exact, answer);
            CHECK((exact < LatencyHistogram::kExact ? answer == exact : answer >= exact));
            CHECK(answer - exact <= exact / 64);
        }
    }
}

TEST_CASE("ranges hold each latency once", "[common]") {
    LatencyHistogram histogram;
    std::vector<std::uint64_t> list;
    std::mt19937_64 random(3);
    for (int i = 0; i < 3000; ++i) {
        list.push_back(random() >> (random() % 64));
        histogram.add(list.back());
    }
    const std::vector<LatencyHistogram::Range> ranges = histogram.ranges();
    CHECK(ranges.size() <= 61 * 8 + 16);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        CHECK(ranges[i].from <= ranges[i].to);
        CHECK((i == 0 || ranges[i - 1].to < ranges[i].from));
        CHECK(ranges[i].count == static_cast<std::uint64_t>(std::count_if(list.begin(), list.end(), [&](auto latency) {
                  return latency >= ranges[i].from && latency <= ranges[i].to;
              })));
    }
}

TEST_CASE("nothing has no latency", "[common]") {
    const LatencyHistogram histogram;
    CHECK(histogram.count() == 0);
    CHECK(histogram.mean() == 0);
    CHECK(histogram.min() == 0);
    CHECK(histogram.max() == 0);
    CHECK(histogram.percentile(0.5) == 0);
    CHECK(histogram.ranges().empty());
}
