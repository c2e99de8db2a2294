// How fast the compute blocks answer on the host: products a second, SRAM streams a second, vector blocks a second.

#include <vector>

#include <benchmark/benchmark.h>

#include "hardware/array_timing.h"
#include "hardware/sram_arbiter.h"
#include "hardware/vector_unit.h"
#include "support/command_source.h"
#include "support/fresh_kernel.h"

namespace palimpsest {
namespace {

/// Weight tiles of 512 x 256 for a batch of 16, ping and pong.
void array_commands(benchmark::State& state) {
    ArrayTiming timing({}, {});
    Cycles now = 0;
    std::uint8_t half = 0;
    for (auto _ : state) {
        GemmCommand command = gemm_command(Dataflow::weight_stationary, 16, 512, 256);
        command.stationary.where = {BufferId::weight, half};
        command.streaming.where = {BufferId::activation, 0};
        half ^= 1U;
        now = timing.issue(command, now).first_stream;
        benchmark::DoNotOptimize(now);
    }
    state.counters["commands/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(array_commands);

/// DMA loads of 2 KiB into the half that the array does not read.
void sram_streams(benchmark::State& state) {
    SramArbiter arbiter({});
    Cycles now = 0;
    std::uint32_t word = 0;
    for (auto _ : state) {
        arbiter.start(SramClientId::dma_load, {{BufferId::weight, 0}, word, 64}, true, now);
        now = arbiter.finish(SramClientId::dma_load);
        arbiter.retire(SramClientId::dma_load, now);
        word = (word + 64) % 4096;
    }
    state.counters["streams/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(sram_streams);

/// The same into banks that the array reads half of the time, with a vector read above it.
void sram_streams_contended(benchmark::State& state) {
    SramArbiter arbiter({});
    Cycles now = 0;
    const BufferHalf half{BufferId::activation, 0};
    Cycles reserved_until = 0;
    for (auto _ : state) {
        if (now >= reserved_until) {
            AccessPattern pattern;
            pattern.start = now;
            pattern.words = 16;
            pattern.folds = 256;
            pattern.fold_period = 32;
            arbiter.reserve(half, 0, pattern, false, now);
            reserved_until = pattern.end();
        }
        arbiter.start(SramClientId::dma_load, {half, 0, 64}, true, now);
        arbiter.start(SramClientId::vector_read, {half, 0, 32}, false, now);
        now = arbiter.finish(SramClientId::vector_read);
        arbiter.retire(SramClientId::vector_read, now);
        now = arbiter.finish(SramClientId::dma_load);
        arbiter.retire(SramClientId::dma_load, now);
    }
    state.counters["streams/s"] =
        benchmark::Counter(2.0 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(sram_streams_contended);

/// Softmax of 16 rows of 256, command after command through the SystemC unit and buffers.
void vector_blocks(benchmark::State& state) {
    std::uint64_t blocks = 0;
    for (auto _ : state) {
        const FreshKernel kernel;
        const HardwareConfig config;
        const ClockDomain clock(1000);
        SramBuffers buffers("buffers", config.buffers, clock);
        VectorUnit unit("vector_unit", config, clock, buffers);
        VectorCommand softmax;
        softmax.kind = VectorKind::softmax;
        softmax.rows = 64;
        softmax.columns = 256;
        softmax.source = {{BufferId::score, 0}, 0, 512};
        softmax.destination = {{BufferId::score, 1}, 0, 512};
        CommandSource::Entry entry;
        entry.command.work = softmax;
        const CommandSource source("source", clock, unit, std::vector<CommandSource::Entry>(5000, entry));
        sc_core::sc_start(clock.until(100'000'000));
        blocks += unit.blocks();
    }
    state.counters["blocks/s"] = benchmark::Counter(static_cast<double>(blocks), benchmark::Counter::kIsRate);
}
BENCHMARK(vector_blocks)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace palimpsest
