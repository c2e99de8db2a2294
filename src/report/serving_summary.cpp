#include "report/serving_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace palimpsest {
namespace {

constexpr double kMillisecond = 1e-3;

double part(double a, double b) {
    return b == 0 ? 0 : a / b;
}

/// Weighs values with how long they hold.
class OverTime {
  public:
    void add(double value, Cycles cycles) {
        weighted_ += value * static_cast<double>(cycles);
        cycles_ += cycles;
        peak_ = std::max(peak_, value);
    }
    MeanAndPeak result() const { return {part(weighted_, static_cast<double>(cycles_)), peak_}; }

  private:
    double weighted_ = 0;
    double peak_ = 0;
    Cycles cycles_ = 0;
};

void sum_up_samples(const ServingResult& result, ServingSummary& summary) {
    OverTime waiting, running, reserved, used, internal, external;
    const auto capacity = static_cast<double>(result.kv_capacity_bytes);
    for (const ServingSample& sample : result.samples) {
        waiting.add(sample.waiting, sample.cycles);
        if (sample.running == 0) {
            continue;
        }
        const auto reserved_bytes = static_cast<double>(sample.reserved_bytes);
        const auto used_bytes = static_cast<double>(sample.used_bytes);
        running.add(sample.running, sample.cycles);
        reserved.add(part(reserved_bytes, capacity), sample.cycles);
        used.add(part(used_bytes, capacity), sample.cycles);
        internal.add(1 - part(used_bytes, reserved_bytes), sample.cycles);
        const auto free_bytes = static_cast<double>(sample.free_bytes);
        external.add(sample.free_bytes == 0 ? 0 : 1 - static_cast<double>(sample.usable_bytes) / free_bytes,
                     sample.cycles);
    }
    summary.waiting = waiting.result();
    summary.mean_batch = running.result().mean;
    summary.reserved_share = reserved.result();
    summary.used_share = used.result();
    summary.internal_fragmentation = internal.result();
    summary.external_fragmentation = external.result();
}

}  // namespace

Distribution distribution_of(std::vector<double> values) {
    if (values.empty()) {
        return {};
    }
    std::ranges::sort(values);
    const auto count = static_cast<double>(values.size());
    const auto percentile = [&](unsigned percent) {
        const std::size_t rank = (values.size() * percent + 99) / 100;
        return values[rank - 1];
    };
    return {std::accumulate(values.begin(), values.end(), 0.0) / count, percentile(50), percentile(90), percentile(99),
            values.back()};
}

ServedLatency latency_of(const ServedRequest& request, const SloConfig& slo, double seconds_per_cycle) {
    const auto seconds = [&](Cycles from, Cycles to) { return static_cast<double>(to - from) * seconds_per_cycle; };
    ServedLatency latency;
    latency.time_to_first_token = seconds(request.arrival, request.first_token);
    latency.time_per_output_token = seconds(request.first_token, request.finished) / request.output_tokens;
    latency.latency = seconds(request.arrival, request.finished);
    latency.queued = seconds(request.arrival, request.admitted);
    const auto within = [](double value, double bound_ms) { return bound_ms == 0 || value <= bound_ms * kMillisecond; };
    latency.within_slo = within(latency.time_to_first_token, slo.time_to_first_token_ms) &&
                         within(latency.time_per_output_token, slo.time_per_output_token_ms);
    return latency;
}

ServingSummary summary_of(const ServingResult& result, const SloConfig& slo, double seconds_per_cycle) {
    ServingSummary summary;
    std::vector<double> first, per_token, whole, queued;
    std::uint64_t output_tokens = 0;
    for (const ServedRequest& request : result.requests) {
        const ServedLatency& latency = summary.requests.emplace_back(latency_of(request, slo, seconds_per_cycle));
        first.push_back(latency.time_to_first_token);
        per_token.push_back(latency.time_per_output_token);
        whole.push_back(latency.latency);
        queued.push_back(latency.queued);
        output_tokens += request.output_tokens;
        summary.within_slo += latency.within_slo ? 1 : 0;
    }
    summary.time_to_first_token = distribution_of(std::move(first));
    summary.time_per_output_token = distribution_of(std::move(per_token));
    summary.latency = distribution_of(std::move(whole));
    summary.queued = distribution_of(std::move(queued));

    Cycles cycles = 0;
    for (const ServingSample& sample : result.samples) {
        cycles += sample.cycles;
    }
    summary.seconds = static_cast<double>(cycles) * seconds_per_cycle;
    summary.idle_seconds = static_cast<double>(result.idle.cycles) * seconds_per_cycle;
    summary.requests_per_second = part(static_cast<double>(result.requests.size()), summary.seconds);
    summary.output_tokens_per_second = part(static_cast<double>(output_tokens), summary.seconds);
    summary.goodput_requests_per_second = part(static_cast<double>(summary.within_slo), summary.seconds);
    summary.goodput_share = part(static_cast<double>(summary.within_slo),
                                 static_cast<double>(result.requests.size() + result.turned_away.size()));
    summary.steps = result.prefill_steps + result.generation_steps + result.mixed_steps;
    for (std::size_t i = 0; i < kAdmissionLimits; ++i) {
        summary.blocked_seconds[i] = static_cast<double>(result.blocked[i]) * seconds_per_cycle;
    }
    sum_up_samples(result, summary);
    return summary;
}

std::vector<ServingSample> thinned(std::span<const ServingSample> samples, std::size_t most) {
    std::vector<ServingSample> kept;
    const std::size_t group = (samples.size() + most - 1) / std::max<std::size_t>(1, most);
    for (std::size_t first = 0; first < samples.size(); first += group) {
        const auto neighbours = samples.subspan(first, std::min(group, samples.size() - first));
        kept.push_back(*std::ranges::max_element(neighbours, {}, &ServingSample::waiting));
    }
    return kept;
}

}  // namespace palimpsest
