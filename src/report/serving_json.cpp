#include "report/serving_json.h"

#include "report/serving_summary.h"

namespace palimpsest {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostSamples = 1024;

Json distribution_json(const Distribution& d) {
    return {{"mean_seconds", d.mean},
            {"p50_seconds", d.p50},
            {"p90_seconds", d.p90},
            {"p99_seconds", d.p99},
            {"max_seconds", d.max}};
}

Json over_time(const MeanAndPeak& value) {
    return {{"mean", value.mean}, {"peak", value.peak}};
}

Json requests_json(const RunReport& report, const ServingSummary& summary) {
    Json requests = Json::array();
    const ServingResult& serving = *report.result.serving;
    for (std::size_t i = 0; i < serving.requests.size(); ++i) {
        const ServedRequest& request = serving.requests[i];
        const ServedLatency& latency = summary.requests[i];
        requests.push_back({{"id", request.id},
                            {"arrival_seconds", seconds_of(report, request.arrival)},
                            {"admitted_seconds", seconds_of(report, request.admitted)},
                            {"first_token_seconds", seconds_of(report, request.first_token)},
                            {"finished_seconds", seconds_of(report, request.finished)},
                            {"prompt_tokens", request.prompt_tokens},
                            {"output_tokens", request.output_tokens},
                            {"time_to_first_token_seconds", latency.time_to_first_token},
                            {"time_per_output_token_seconds", latency.time_per_output_token},
                            {"latency_seconds", latency.latency},
                            {"within_slo", latency.within_slo}});
    }
    return requests;
}

Json turned_away_json(const ServingResult& serving) {
    Json rejected = Json::array();
    for (const TurnedAway& request : serving.turned_away) {
        rejected.push_back({{"id", request.id},
                            {"prompt_tokens", request.prompt_tokens},
                            {"output_tokens", request.output_tokens},
                            {"reason", request.reason}});
    }
    return rejected;
}

}  // namespace

Json serving_json(const RunReport& report) {
    const ServingResult& serving = *report.result.serving;
    const SloConfig& slo = report.config.workload.requests->slo;
    const ServingSummary summary = summary_of(serving, slo, seconds_of(report, 1));
    Json queue = Json::array();
    Json kv = Json::array();
    for (const ServingSample& sample : thinned(serving.samples, kMostSamples)) {
        const double seconds = seconds_of(report, sample.start);
        queue.push_back({seconds, sample.waiting, sample.running});
        kv.push_back({seconds, sample.reserved_bytes, sample.used_bytes, sample.free_bytes, sample.usable_bytes});
    }
    const auto blocked = [&](AdmissionLimit limit) { return summary.blocked_seconds[static_cast<std::size_t>(limit)]; };
    return {{"served", serving.requests.size()},
            {"clamped", serving.clamped},
            {"rejected", turned_away_json(serving)},
            {"seconds", summary.seconds},
            {"idle_seconds", summary.idle_seconds},
            {"time_to_first_token", distribution_json(summary.time_to_first_token)},
            {"time_per_output_token", distribution_json(summary.time_per_output_token)},
            {"latency", distribution_json(summary.latency)},
            {"queued", distribution_json(summary.queued)},
            {"throughput",
             {{"requests_per_second", summary.requests_per_second},
              {"output_tokens_per_second", summary.output_tokens_per_second}}},
            {"goodput",
             {{"slo",
               {{"time_to_first_token_ms", slo.time_to_first_token_ms},
                {"time_per_output_token_ms", slo.time_per_output_token_ms}}},
              {"requests", summary.within_slo},
              {"requests_per_second", summary.goodput_requests_per_second},
              {"share", summary.goodput_share}}},
            {"steps",
             {{"all", summary.steps},
              {"prefill", serving.prefill_steps},
              {"generation", serving.generation_steps},
              {"mixed", serving.mixed_steps},
              {"most_tokens", serving.step_tokens},
              {"mean_batch", summary.mean_batch}}},
            {"queue",
             {{"mean", summary.waiting.mean},
              {"peak", summary.waiting.peak},
              {"blocked_seconds",
               {{"batch", blocked(AdmissionLimit::batch)},
                {"capacity", blocked(AdmissionLimit::capacity)},
                {"fragmentation", blocked(AdmissionLimit::fragmentation)}}},
              {"columns", {"seconds", "waiting", "running"}},
              {"series", queue}}},
            {"kv",
             {{"capacity_bytes", serving.kv_capacity_bytes},
              {"partitions", serving.partitions ? Json(serving.places) : Json(nullptr)},
              {"reserved_share", over_time(summary.reserved_share)},
              {"used_share", over_time(summary.used_share)},
              {"internal_fragmentation", over_time(summary.internal_fragmentation)},
              {"external_fragmentation", over_time(summary.external_fragmentation)},
              {"columns", {"seconds", "reserved_bytes", "used_bytes", "free_bytes", "largest_free_bytes"}},
              {"series", kv}}},
            {"requests", requests_json(report, summary)}};
}

}  // namespace palimpsest
