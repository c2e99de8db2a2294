// Percentiles, goodput and fragmentation over time, on numbers small enough to check by hand.

#include "report/serving_summary.h"

#include "support/catch.h"

using namespace palimpsest;

TEST_CASE("percentiles are nearest ranks", "[serving]") {
    std::vector<double> values;
    for (int i = 200; i >= 1; --i) {
        values.push_back(i);
    }
    const Distribution d = distribution_of(values);
    CHECK(d.p50 == 100);
    CHECK(d.p90 == 180);
    CHECK(d.p99 == 198);
    CHECK(d.max == 200);
    CHECK(d.mean == Approx(100.5));
    CHECK(distribution_of({7}).p99 == 7);
    CHECK(distribution_of({1, 2}).p50 == 1);
    CHECK(distribution_of({}).max == 0);
}

TEST_CASE("goodput counts requests within both bounds, and those turned away as lost", "[serving]") {
    ServingResult result;
    //                        id arrival admitted first finished prompt output
    result.requests.push_back({0, 0, 0, 1000, 2000, 10, 10});      // 1 ms, 0.1 ms a token
    result.requests.push_back({1, 500, 600, 3500, 4500, 10, 10});  // 3 ms
    result.requests.push_back({2, 500, 600, 1500, 9500, 10, 4});   // 2 ms a token
    result.turned_away.push_back({3, 10, 10, "length"});
    result.kv_capacity_bytes = 100;
    result.samples.push_back({0, 6000, 2, 1, 40, 10, 60, 60});
    result.samples.push_back({6000, 2000, 0, 2, 80, 60, 20, 5});
    result.samples.push_back({8000, 2000, 1, 0, 0, 0, 100, 100});
    result.idle.cycles = 2000;
    result.blocked[static_cast<std::size_t>(AdmissionLimit::capacity)] = 6000;
    const ServingSummary s = summary_of(result, {2.0, 1.0}, 1e-6);
    CHECK(s.within_slo == 1);
    CHECK(s.goodput_share == Approx(0.25));
    CHECK(s.seconds == Approx(0.01));
    CHECK(s.requests_per_second == Approx(300));
    CHECK(s.goodput_requests_per_second == Approx(100));
    CHECK(s.time_to_first_token.max == Approx(3e-3));
    CHECK(s.time_per_output_token.max == Approx(2e-3));
    CHECK(s.queued.p50 == Approx(1e-4));
    CHECK(s.waiting.mean == Approx((2 * 6 + 0 * 2 + 1 * 2) / 10.0));
    CHECK(s.mean_batch == Approx((1 * 6 + 2 * 2) / 8.0));
    CHECK(s.internal_fragmentation.mean == Approx((0.75 * 6 + 0.25 * 2) / 8));
    CHECK(s.external_fragmentation.mean == Approx(0.75 * 2 / 8));
    CHECK(s.external_fragmentation.peak == Approx(0.75));
    CHECK(s.blocked_seconds[static_cast<std::size_t>(AdmissionLimit::capacity)] == Approx(0.006));
    const ServingSummary all = summary_of(result, {0, 0}, 1e-6);
    CHECK(all.within_slo == 3);
}

TEST_CASE("a long series is thinned to the longest queues", "[serving]") {
    std::vector<ServingSample> samples(1000);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].start = i;
        samples[i].waiting = static_cast<std::uint32_t>(i == 777 ? 9 : i % 2);
    }
    const auto kept = thinned(samples, 100);
    CHECK(kept.size() == 100);
    CHECK(kept[77].start == 777);
    CHECK(thinned(std::vector<ServingSample>(7), 100).size() == 7);
    CHECK(thinned({}, 100).empty());
}
