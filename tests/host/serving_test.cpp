// Serving on the whole machine: an equal batch is one case of it, the scheduler's rules hold at the boundaries that the
// machine sets, and what is reserved, used and reported adds up.

#include <random>

#include "golden/serving_golden.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "host/simulate.h"
#include "host/small_run.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/input_errors.h"

using namespace palimpsest;

namespace {

/// `config` with requests in place of its batch; lengths of the longest as the loader sets them.
RunConfig served(RunConfig config, std::vector<RequestSpec> requests) {
    RequestsConfig list;
    std::uint32_t prompt = 0, tokens = 0;
    for (RequestSpec& request : requests) {
        request.id = static_cast<std::uint64_t>(&request - requests.data());
        prompt = std::max(prompt, request.prompt_tokens);
        tokens = std::max(tokens, request.prompt_tokens + request.output_tokens);
    }
    list.list.requests = std::move(requests);
    list.file = "requests.csv";
    config.workload.requests = std::move(list);
    config.workload.prompt_tokens = prompt;
    config.workload.generated_tokens = tokens - prompt;
    return config;
}

RequestSpec request(std::uint64_t arrival_ns, std::uint32_t prompt, std::uint32_t output) {
    RequestSpec spec;
    spec.arrival_ns = arrival_ns;
    spec.prompt_tokens = prompt;
    spec.output_tokens = output;
    return spec;
}

std::vector<RequestSpec> random_requests(unsigned seed, std::size_t count, std::uint32_t most_prompt) {
    std::mt19937 random(seed);
    std::vector<RequestSpec> requests;
    std::uint64_t now = 0;
    for (std::size_t i = 0; i < count; ++i) {
        requests.push_back(request(now, 1 + random() % most_prompt, 1 + random() % 6));
        now += random() % 4 == 0 ? random() % 400'000 : random() % 20'000;
    }
    return requests;
}

/// Two of the longest requests, and parts of others; four of the longest that the model could have.
constexpr Bytes kOwnRegions = 24 * 1024;
constexpr Bytes kEqualRegions = 64 * 1024;

}  // namespace

TEST_CASE(
    "an equal batch that arrives at once takes the cycles of the equal batch, and at most those of its "
    "release",
    "[serving]") {
    const bool evicts = GENERATE(true, false);
    const bool batched = GENERATE(true, false);
    RunConfig config = small_run();
    config.cache.policy = evicts ? "rce" : "full";
    config.pipeline.batched_projections = batched;
    const RunResult batch = simulate(config);
    RunConfig same = served(config, {request(0, 24, 6), request(0, 24, 6)});
    same.workload.requests->step_tokens = config.workload.batch * config.cache.prefill_chunk;
    const RunResult result = simulate(same);
    const Cycles release = evicts ? Cycles{2} * config.model.layers * config.model.kv_heads : 2;
    // The release goes on beside what DRAM still has to write.
    CHECK(result.total.cycles >= batch.total.cycles);
    CHECK(result.total.cycles <= batch.total.cycles + release);
    CHECK(result.step_cycles.size() == batch.step_cycles.size());
    for (std::size_t i = 0; i + 1 < batch.step_cycles.size(); ++i) {
        CHECK(result.step_cycles[i] == batch.step_cycles[i]);
    }
    CHECK(result.prefill.cycles == batch.prefill.cycles);
    CHECK(result.prefill.tokens == batch.prefill.tokens);
    CHECK(result.generation.tokens == batch.generation.tokens);
    CHECK(result.total.dram.read_by_class == batch.total.dram.read_by_class);
    CHECK(result.total.dram.written_by_class == batch.total.dram.written_by_class);
    CHECK(result.total.macs == batch.total.macs);
    CHECK(result.kv_cache.evictions == batch.kv_cache.evictions);
    CHECK(result.kv_cache.peak_bytes == batch.kv_cache.peak_bytes);
    CHECK(result.kv_cache.full_bytes == batch.kv_cache.full_bytes);
    CHECK(result.serving->mixed_steps == 0);
}

TEST_CASE("who runs when follows from the rules and the ends of steps", "[serving]") {
    const auto [policy, reserve] = GENERATE(std::pair{"rce", KvReserve::request}, std::pair{"full", KvReserve::request},
                                            std::pair{"full", KvReserve::maximum});
    RunConfig config = small_run();
    config.cache.policy = policy;
    config.workload.batch = 5;
    config.model.max_positions = 64;
    RunConfig run = served(config, random_requests(11, 24, 40));
    RequestsConfig& requests = *run.workload.requests;
    requests.step_tokens = 20;
    requests.reserve = reserve;
    if (std::string(policy) == "full") {
        requests.kv_capacity_bytes = reserve == KvReserve::request ? kOwnRegions : kEqualRegions;
    }
    const RunResult result = simulate(run);
    const ServingResult& serving = *result.serving;
    REQUIRE(serving.turned_away.empty());
    REQUIRE(serving.requests.size() == 24);
    CHECK(serving.mixed_steps > 0);

    // The written rules, at the machine's step boundaries.
    const KvGeometry geometry{.layers = 2, .kv_heads = 4, .head_dim = 16, .burst_bytes = run.dram.burst_bytes()};
    const bool own = std::string(policy) == "full" && reserve == KvReserve::request;
    const auto cells = [&](const RequestSpec& r) {
        return own ? static_cast<std::uint32_t>(
                         kv_request_bytes(run.cache, geometry, r.prompt_tokens + r.output_tokens) / 128)
                   : 1;
    };
    std::vector<GoldenArrival> arrivals;
    for (std::size_t i = 0; i < 24; ++i) {
        const RequestSpec& r = requests.list.requests[i];
        arrivals.push_back({serving.requests[i].arrival, r.prompt_tokens, r.output_tokens, cells(r)});
    }
    GoldenServing golden(arrivals, own ? static_cast<std::uint32_t>(serving.kv_capacity_bytes / 128) : serving.places,
                         serving.places, 20, run.cache.prefill_chunk);
    for (const ServingSample& sample : serving.samples) {
        for (const std::uint32_t admitted : golden.boundary(sample.start)) {
            CHECK(serving.requests[admitted].admitted == sample.start);
        }
        CHECK(golden.by_ticket().size() == sample.running);
        const auto& work = golden.next_step();
        CHECK(work.empty() == (sample.running == 0));
        const Cycles end = sample.start + sample.cycles;
        golden.step_over(end);
    }
    for (std::size_t i = 0; i < 24; ++i) {
        // Golden steps end with the releases that follow them.
        CHECK(serving.requests[i].first_token <= golden.requests[i].first_token);
        CHECK(serving.requests[i].first_token + 200 > golden.requests[i].first_token);
        CHECK(serving.requests[i].finished <= golden.requests[i].finished);
        CHECK(serving.requests[i].finished + 200 > golden.requests[i].finished);
    }
}

TEST_CASE("every storage mode and layout serves requests that come and go", "[serving]") {
    RunConfig config = small_run();
    config.workload.batch = 3;
    config.cache.storage = GENERATE(StorageMode::in_place, StorageMode::append_gather, StorageMode::compact);
    config.cache.layout = GENERATE(CacheLayout::head_major, CacheLayout::token_major);
    config.cache.placement = GENERATE(CachePlacement::packed, CachePlacement::bank_interleaved);
    config.hardware.kv_mmu.write_combine_flush = WriteCombineFlush::full;
    const RunResult result = simulate(served(config, random_requests(5, 8, 40)));
    CHECK(result.serving->requests.size() == 8);
    CHECK(result.kv_cache.peak_bytes <= result.serving->kv_capacity_bytes);
}

TEST_CASE("the machine sleeps until the next arrival; that is not being stuck", "[serving]") {
    RunConfig config = small_run();
    config.simulation.watchdog_cycles = 300'000;
    constexpr std::uint64_t pause_ns = 20'000'000;
    const RunResult result = simulate(served(config, {request(0, 20, 4), request(pause_ns, 20, 4)}));
    CHECK(result.serving->idle.cycles > pause_ns * 1000 / config.hardware.core_clock_ps / 2);
    CHECK(result.serving->requests[1].admitted == pause_ns * 1000 / config.hardware.core_clock_ps);
    for (const UnitResult& unit : result.units) {
        CHECK(unit.cycles[UnitState::drained] >= result.serving->idle.cycles);
    }
}

TEST_CASE("a request that the KV region could never hold is turned away; if none fits the run is refused",
          "[serving]") {
    RunConfig config = small_run();
    config.cache.policy = "full";
    RunConfig run = served(config, {request(0, 8, 4), request(10, 100, 20), request(20, 8, 4)});
    const KvGeometry geometry{.layers = 2, .kv_heads = 4, .head_dim = 16, .burst_bytes = run.dram.burst_bytes()};
    run.workload.requests->kv_capacity_bytes = kv_request_bytes(run.cache, geometry, 40);
    const RunResult result = simulate(run);
    REQUIRE(result.serving->turned_away.size() == 1);
    CHECK(result.serving->turned_away[0].id == 1);
    CHECK(result.serving->turned_away[0].reason == "kv_capacity");
    CHECK(result.serving->requests.size() == 2);
    run.workload.requests->kv_capacity_bytes = 512;
    check_contains(input_error([&] { simulate(run); }), {"workload.requests.kv_capacity_bytes", "or more"});
    run.cache.policy = "rce";
    check_contains(input_error([&] { simulate(run); }), {"workload.requests.kv_capacity_bytes", "or more"});
}

TEST_CASE("serving repeats itself to the cycle", "[serving]") {
    RunConfig config = small_run();
    config.workload.batch = 4;
    const RunConfig run = served(config, random_requests(3, 10, 30));
    const RunResult first = simulate(run);
    const RunResult second = simulate(run);
    CHECK(first.total.cycles == second.total.cycles);
    CHECK(first.total.dram == second.total.dram);
    CHECK(first.step_cycles == second.step_cycles);
}
