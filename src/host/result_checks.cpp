#include "host/result_checks.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

void require(bool holds, const std::string& what) {
    if (!holds) {
        throw SimulationError("the run's accounts do not close: " + what);
    }
}

/// Every request of the list is served or turned away, none before its time, with all its tokens.
void check_serving(const RunConfig& config, const RunResult& result) {
    const ServingResult& serving = *result.serving;
    const RequestList& list = config.workload.requests->list;
    require(serving.requests.size() + serving.turned_away.size() == list.requests.size() + list.rejected.size(),
            fmt::format("{} requests served and {} turned away of {}", serving.requests.size(),
                        serving.turned_away.size(), list.requests.size() + list.rejected.size()));
    std::uint64_t tokens = 0;
    for (const ServedRequest& request : serving.requests) {
        tokens += std::uint64_t{request.prompt_tokens} + request.output_tokens;
        require(
            request.arrival <= request.admitted && request.admitted < request.first_token &&
                request.first_token < request.finished && request.finished <= result.total.cycles,
            fmt::format("request {} arrives in cycle {}, is admitted in {}, has its first token in {} and its last in "
                        "{}",
                        request.id, request.arrival, request.admitted, request.first_token, request.finished));
    }
    const std::uint64_t passed = result.prefill.tokens + result.generation.tokens + serving.mixed.tokens;
    require(tokens == passed, fmt::format("{} tokens passed the model, the requests have {}", passed, tokens));
    Cycles end = 0;
    for (const ServingSample& sample : serving.samples) {
        require(sample.start == end && sample.used_bytes <= sample.reserved_bytes &&
                    sample.reserved_bytes + sample.free_bytes == serving.kv_capacity_bytes &&
                    sample.usable_bytes <= sample.free_bytes && sample.running <= serving.places,
                fmt::format("from cycle {} on {} requests use {} of {} reserved bytes of {}, {} free, {} in one piece",
                            sample.start, sample.running, sample.used_bytes, sample.reserved_bytes,
                            serving.kv_capacity_bytes, sample.free_bytes, sample.usable_bytes));
        end = sample.start + sample.cycles;
    }
    require(end == result.total.cycles,
            fmt::format("the samples of the queue end in cycle {}, the run in {}", end, result.total.cycles));
}

}  // namespace

void check_result(const RunConfig& config, const RunResult& result) {
    const Cycles cycles = result.total.cycles;
    for (const UnitResult& unit : result.units) {
        require(unit.cycles.total() == cycles,
                fmt::format("{} has {} cycles in its states, the run {}", unit.name, unit.cycles.total(), cycles));
    }

    const DramCounts& dram = result.total.dram;
    const std::uint64_t channel_clocks =
        dram.data_bus_clocks + dram.refresh_clocks + dram.waiting_clocks + dram.idle_clocks;
    const std::uint64_t dram_clocks = ceil_div(cycles * config.hardware.core_clock_ps, config.dram.timing.tCK_ps);
    const std::uint64_t machines = std::max<std::size_t>(1, result.operators.size());
    // Each machine's clocks are rounded up once.
    require(channel_clocks >= (dram_clocks - std::min(dram_clocks, machines)) * config.dram.organisation.channels &&
                channel_clocks <= (dram_clocks + machines) * config.dram.organisation.channels,
            fmt::format("DRAM channels have {} clocks in their states, the run {} clocks on {} channels",
                        channel_clocks, dram_clocks, config.dram.organisation.channels));
    require(dram.bytes_read == dram.reads * config.dram.burst_bytes() &&
                dram.bytes_written == dram.writes * config.dram.burst_bytes(),
            fmt::format("{} RD and {} WR bursts of {} B against {} and {} B moved", dram.reads, dram.writes,
                        config.dram.burst_bytes(), dram.bytes_read, dram.bytes_written));

    const auto sum = [](const auto& by_class) {
        return std::accumulate(by_class.begin(), by_class.end(), std::uint64_t{0});
    };
    require(sum(dram.read_row_hits_by_class) + sum(dram.write_row_hits_by_class) == dram.row_hits,
            fmt::format("row hits by class add up to {} and {}, in all there are {}", sum(dram.read_row_hits_by_class),
                        sum(dram.write_row_hits_by_class), dram.row_hits));

    const double seconds = static_cast<double>(cycles) * static_cast<double>(config.hardware.core_clock_ps) * 1e-12;
    const double least_memory_seconds =
        static_cast<double>(dram.bytes_read + dram.bytes_written) / config.dram.peak_bandwidth();
    require(seconds >= least_memory_seconds * (1 - 1e-12),
            fmt::format("{} s for bytes that take {} s at peak bandwidth", seconds, least_memory_seconds));
    const auto array = static_cast<std::uint64_t>(config.hardware.pe_array.rows) * config.hardware.pe_array.columns;
    require(cycles >= ceil_div(result.total.macs, array),
            fmt::format("{} cycles for {} multiply-accumulates on {} PEs", cycles, result.total.macs, array));

    if (result.operators.empty()) {
        const Cycles mixed = result.serving ? result.serving->mixed.cycles : 0;
        const Cycles idle = result.serving ? result.serving->idle.cycles : 0;
        require(result.prefill.cycles + result.generation.cycles + mixed + idle == cycles,
                fmt::format("prefill {}, generation {}, mixed {} and idle {} cycles against {}", result.prefill.cycles,
                            result.generation.cycles, mixed, idle, cycles));
        const Cycles steps = std::accumulate(result.step_cycles.begin(), result.step_cycles.end(), Cycles{0});
        require(steps + idle == cycles, fmt::format("the steps take {} cycles, the run {}", steps, cycles));
    }
    if (result.serving) {
        check_serving(config, result);
    }
}

}  // namespace palimpsest
