#pragma once
// What a run with requests that come one by one amounts to: latencies and their percentiles, goodput, how the KV region
// was used. Definitions: docs/serving.md.

#include <cstdint>
#include <span>
#include <vector>

#include "config/run_config.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// Of a set of values: the mean, and nearest-rank percentiles (the least value that so many per cent do not exceed).
struct Distribution {
    double mean = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;
};
Distribution distribution_of(std::vector<double> values);

/// Over time, while requests run.
struct MeanAndPeak {
    double mean = 0, peak = 0;
};

struct ServedLatency {
    double time_to_first_token = 0;    ///< seconds from arrival to the end of the step with the last prompt token
    double time_per_output_token = 0;  ///< seconds from there to the end, over the output tokens
    double latency = 0;                ///< seconds from arrival to the end
    double queued = 0;                 ///< seconds from arrival to admission
    bool within_slo = false;
};
ServedLatency latency_of(const ServedRequest& request, const SloConfig& slo, double seconds_per_cycle);

struct ServingSummary {
    std::vector<ServedLatency> requests;  ///< as ServingResult::requests
    Distribution time_to_first_token, time_per_output_token, latency, queued;
    double seconds = 0;       ///< from the first arrival to the end of the run
    double idle_seconds = 0;  ///< of those, in waits for arrivals
    double requests_per_second = 0, output_tokens_per_second = 0;
    std::uint64_t within_slo = 0;
    double goodput_requests_per_second = 0;
    double goodput_share = 0;  ///< of all requests, those turned away too
    std::uint64_t steps = 0;
    double mean_batch = 0;                                   ///< requests in a step, over time
    MeanAndPeak waiting;                                     ///< requests in the queue, over all time
    MeanAndPeak reserved_share, used_share;                  ///< of the KV region
    MeanAndPeak internal_fragmentation;                      ///< of the reserved bytes, those without a token
    MeanAndPeak external_fragmentation;                      ///< of the free bytes, those outside the largest piece
    std::array<double, kAdmissionLimits> blocked_seconds{};  ///< the first of the queue waited, by why
};
ServingSummary summary_of(const ServingResult& result, const SloConfig& slo, double seconds_per_cycle);

/// At most `most` of the samples: of each group of neighbours the one with the longest queue.
std::vector<ServingSample> thinned(std::span<const ServingSample> samples, std::size_t most);

}  // namespace palimpsest
