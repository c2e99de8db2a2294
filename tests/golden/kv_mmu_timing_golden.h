#pragma once
// The KV-MMU clock by clock, from the per-cycle specification in docs/blocks/kv_mmu.md.

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "golden/kv_victim_golden.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// The address path: a request spends `lookup` cycles in the look-up pipeline, then the generator, which takes requests
/// in order, makes one of its addresses a cycle. Returns when each leaves.
struct GoldenRequest {
    Cycles arrival = 0;
    std::size_t segments = 1;
};
inline std::vector<Cycles> golden_out_cycles(const std::vector<GoldenRequest>& requests, Cycles lookup) {
    std::vector<Cycles> out(requests.size());
    std::size_t arrived = 0;
    std::size_t left = 0;  // requests that are through
    std::size_t made = 0;  // addresses of the request in the generator
    std::vector<Cycles> looked_up(requests.size(), 0);
    for (Cycles t = 0; left < requests.size(); ++t) {
        while (arrived < requests.size() && requests[arrived].arrival <= t) {
            ++arrived;
        }
        if (left < arrived && looked_up[left] == lookup) {
            if (++made == requests[left].segments) {
                made = 0;
                out[left++] = t + 1;
            }
        }
        for (std::size_t i = left; i < arrived; ++i) {
            if (looked_up[i] < lookup) {
                ++looked_up[i];
            }
        }
    }
    return out;
}

/// A spilled vector's way to or from DRAM.
struct GoldenScoreTransfer {
    Cycles cycle = 0;
    bool write = false;
    std::uint64_t vector = 0;
    std::uint32_t slots = 0;
    bool operator==(const GoldenScoreTransfer&) const = default;
};

struct GoldenCommandRun {
    std::vector<Cycles> complete;
    std::vector<GoldenScoreTransfer> transfers;
    Cycles busy = 0, dram = 0;
    GoldenCounts counts;
};

/// All commands through one engine with one row accumulator. `latency_ps(n)` is how long DRAM takes for transfer n.
inline GoldenCommandRun golden_commands(const std::vector<GoldenCommand>& commands, GoldenVictimUnit unit,
                                        Picoseconds period_ps,
                                        const std::function<Picoseconds(std::size_t)>& latency_ps) {
    GoldenCommandRun run;
    std::size_t arrived = 0;
    bool working = false;
    bool holds = false;  // the accumulator has a spilled vector in it that DRAM has not taken back
    std::uint64_t accumulator = 0;
    std::uint32_t accumulator_slots = 0;
    bool fetched = false;
    constexpr Picoseconds never = ~Picoseconds{0};
    Picoseconds read_due = never, write_due = never;
    const auto transfer = [&](Cycles t, bool write, std::uint64_t vector, std::uint32_t slots) {
        (write ? write_due : read_due) = t * period_ps + latency_ps(run.transfers.size());
        run.transfers.push_back({t, write, vector, slots});
    };
    for (Cycles t = 0; run.complete.size() < commands.size(); ++t) {
        while (arrived < commands.size() && commands[arrived].arrival <= t) {
            ++arrived;
        }
        if (write_due <= t * period_ps) {
            write_due = never;
        }
        if (read_due <= t * period_ps) {
            read_due = never;
            fetched = true;
        }
        if (working && unit.done()) {
            const GoldenCommand& c = commands[run.complete.size()];
            working = false;
            if (c.spilled && c.rows > 0) {
                accumulator_slots = holds && accumulator == c.vector ? std::max(accumulator_slots, c.slots) : c.slots;
                accumulator = c.vector;
                holds = true;
                if (c.returns) {
                    transfer(t, true, c.vector, accumulator_slots);
                    holds = false;
                }
            }
            run.complete.push_back(t);
        }
        const bool waiting = !working && run.complete.size() < arrived;
        if (waiting) {
            const GoldenCommand& c = commands[run.complete.size()];
            if (c.rows > 0 && holds && accumulator != c.vector && write_due == never) {
                transfer(t, true, accumulator, accumulator_slots);
                holds = false;
            }
            if (c.rows > 0 && write_due != never) {
                // the accumulator is not free yet
            } else if (c.rows > 0 && c.spilled && !holds && !fetched) {
                if (read_due == never) {
                    transfer(t, false, c.vector, c.slots);
                }
            } else {
                unit.start(c);
                working = true;
                fetched = false;
            }
        }
        if (working) {
            ++run.busy;
            unit.step();
        } else if (run.complete.size() < arrived) {
            ++run.dram;
        }
    }
    run.counts = unit.counts;
    return run;
}

}  // namespace palimpsest
