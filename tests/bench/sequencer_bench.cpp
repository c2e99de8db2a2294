// How fast the sequencer's decision is on the host: commands a second through IssueQueues, event-driven as the
// sequencer uses it, with no tokens (every unit always ready) and with tokens between units (tile pipelines).

#include <algorithm>
#include <queue>
#include <vector>

#include <benchmark/benchmark.h>

#include "hardware/issue_queues.h"

namespace palimpsest {
namespace {

struct End {
    Cycles cycle;
    UnitId unit;
    std::uint64_t number;
    bool operator>(const End& other) const { return cycle > other.cycle; }
};

/// Tiles of load, product, vector work and store; the product of tile n waits for its load, and so on down.
std::vector<Command> tile_program(std::uint64_t tiles, bool tokens) {
    static constexpr UnitId stages[] = {UnitId::dma_load, UnitId::pe_array, UnitId::vector_unit, UnitId::dma_store};
    std::vector<Command> program;
    for (std::uint64_t tile = 1; tile <= tiles; ++tile) {
        for (std::size_t s = 0; s < std::size(stages); ++s) {
            Command command;
            command.unit = stages[s];
            command.number = tile;
            if (tokens && s > 0) {
                command.wait_for[static_cast<std::size_t>(stages[s - 1])] = tile;
            }
            if (tokens && s == 0 && tile > 2) {  // two halves of the buffer
                command.wait_for[static_cast<std::size_t>(UnitId::pe_array)] = tile - 2;
            }
            program.push_back(command);
        }
    }
    return program;
}

void issue(benchmark::State& state, bool tokens) {
    const std::vector<Command> program = tile_program(10'000, tokens);
    std::uint64_t cycles_looked_at = 0;
    for (auto _ : state) {
        IssueQueues queues(1, {8, 8, 4, 4, 8}, 64);
        std::priority_queue<End, std::vector<End>, std::greater<>> ends;
        std::array<Cycles, kUnitCount> busy_until{};
        std::size_t pushed = 0;
        Cycles now = 0;
        while (true) {
            ++cycles_looked_at;
            for (; !ends.empty() && ends.top().cycle <= now; ends.pop()) {
                queues.completed(ends.top().unit, ends.top().number, now);
            }
            for (std::size_t u = 0; u < kUnitCount; ++u) {
                if (const auto command = queues.issue(static_cast<UnitId>(u), now)) {
                    busy_until[u] = std::max(busy_until[u], now) + 20 + command->number % 7;
                    ends.push({busy_until[u], command->unit, command->number});
                }
            }
            while (pushed < program.size() && queues.has_room(program[pushed].unit)) {
                queues.push(program[pushed++], now);
            }
            auto next = queues.next_chance(now);
            if (!ends.empty()) {
                next = std::min(next.value_or(ends.top().cycle), ends.top().cycle);
            }
            if (!next) {
                break;
            }
            now = *next;
        }
        if (!queues.all_complete()) {
            state.SkipWithError("the program is stuck");
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(program.size()));
    state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles_looked_at), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(issue, free_running, false);
BENCHMARK_CAPTURE(issue, tile_pipeline, true);

}  // namespace
}  // namespace palimpsest
