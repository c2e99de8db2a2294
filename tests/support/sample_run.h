#pragma once
// A small run filled in by hand or at random: what energy and report tests measure without a simulation.

#include <cstdint>
#include <random>

#include "config/run_config.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// A GPT-2-like toy on the default machine, with round costs: every action 1 to 30 pJ, each block 10 mW.
inline RunConfig sample_config() {
    RunConfig config;
    config.name = "sample";
    config.model.name = "toy";
    config.model.family = "gpt2";
    config.model.layers = 2;
    config.model.hidden = 64;
    config.model.heads = 2;
    config.model.kv_heads = 2;
    config.model.head_dim = 32;
    config.model.ffn_hidden = 256;
    config.model.vocabulary = 1000;
    config.model.max_positions = 512;
    config.workload.batch = 2;
    config.workload.prompt_tokens = 32;
    config.workload.generated_tokens = 4;
    config.dram.energy.read_burst_pj = 5000;
    config.dram.energy.write_burst_pj = 5200;
    config.dram.energy.refresh_pj = 364000;
    config.dram.energy.io_pj_per_bit = 4.5;
    config.cost.name = "round";
    config.cost.node = "65 nm";
    for (std::size_t i = 0; i < static_cast<std::size_t>(Action::dram_activate); ++i) {
        const auto value = static_cast<double>(i + 1);
        config.cost.actions[i] = {value, value / 2, value * 2, "a round number", "assumed"};
    }
    config.cost.static_power = {
        {"weight_buffer", {10, 5, 20, "a round number", "assumed"}, StaticUnit::bank},
        {"pe_array", {0.01, 0.005, 0.02, "a round number", "assumed"}, StaticUnit::pe},
        {"kv_mmu_score_store", {0.5, 0.25, 1, "a round number", "assumed"}, StaticUnit::kib},
        {"sequencer", {30, 10, 60, "a round number", "assumed"}, StaticUnit::machine},
    };
    config.resolved = {{"name", "sample"}, {"cache", {{"policy", "rce"}, {"budget", 16}}}};
    config.hash = "0123456789abcdef";
    config.cache.budget = 16;
    return config;
}

/// An interval whose counts are drawn between 0 and `most`, consistent by traffic class.
inline Interval random_interval(std::mt19937_64& random, std::uint64_t most) {
    const auto draw = [&] { return std::uniform_int_distribution<std::uint64_t>(0, most)(random); };
    Interval interval;
    interval.cycles = draw();
    for (auto& n : interval.actions.n) {
        n = draw();
    }
    DramCounts& dram = interval.dram;
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        dram.read_bursts_by_class[t] = draw();
        dram.write_bursts_by_class[t] = draw();
        dram.activates_by_class[t] = draw();
        dram.read_by_class[t] = 100 * dram.read_bursts_by_class[t];
        dram.written_by_class[t] = 100 * dram.write_bursts_by_class[t];
        dram.reads += dram.read_bursts_by_class[t];
        dram.writes += dram.write_bursts_by_class[t];
        dram.activates += dram.activates_by_class[t];
    }
    dram.bytes_read = 128 * dram.reads;
    dram.bytes_written = 128 * dram.writes;
    dram.precharges = dram.activates;
    dram.refreshes = draw();
    dram.bank_refreshes = draw();
    dram.power_downs = draw();
    dram.self_refreshes = draw();
    dram.row_misses = dram.activates;
    dram.row_hits = dram.reads + dram.writes;
    dram.active_clocks = draw();
    dram.precharged_clocks = draw();
    dram.active_power_down_clocks = draw();
    dram.precharged_power_down_clocks = draw();
    dram.self_refresh_clocks = draw();
    dram.data_bus_clocks = draw();
    dram.refresh_clocks = draw();
    dram.waiting_clocks = draw();
    dram.idle_clocks = draw();
    return interval;
}

/// The sum of two intervals, field by field.
inline Interval sum_of(const Interval& a, const Interval& b) {
    // a - (0 - b) in unsigned arithmetic: the one operation that the counters have is enough.
    Interval sum;
    sum.cycles = a.cycles + b.cycles;
    sum.actions = a.actions;
    sum.actions += b.actions;
    sum.dram = a.dram - (DramCounts{} - b.dram);
    sum.macs = a.macs + b.macs;
    sum.tokens = a.tokens + b.tokens;
    return sum;
}

/// A run of 1,000 + 500 cycles with round counts.
inline RunResult sample_result() {
    RunResult result;
    Interval& prefill = result.prefill;
    prefill.cycles = 1000;
    prefill.tokens = 64;
    prefill.macs = 400'000;
    prefill.actions[Action::pe_mac] = 400'000;
    prefill.actions[Action::weight_buffer_read] = 3'000;
    prefill.dram.read_bursts_by_class = {40, 8, 10, 2};
    prefill.dram.write_bursts_by_class = {0, 4, 20, 1};
    prefill.dram.activates_by_class = {3, 2, 4, 1};
    prefill.dram.read_by_class = {5120, 1000, 1280, 256};
    prefill.dram.written_by_class = {0, 512, 2560, 128};
    prefill.dram.reads = 60;
    prefill.dram.writes = 25;
    prefill.dram.activates = 10;
    prefill.dram.precharges = 9;
    prefill.dram.bytes_read = 60 * 128;
    prefill.dram.bytes_written = 25 * 128;
    prefill.dram.row_hits = 75;
    prefill.dram.row_misses = 6;
    prefill.dram.row_conflicts = 4;
    prefill.dram.active_clocks = 1200;
    prefill.dram.precharged_clocks = 400;
    prefill.dram.data_bus_clocks = 680;
    prefill.dram.waiting_clocks = 500;
    prefill.dram.idle_clocks = 420;
    Interval& generation = result.generation;
    generation.cycles = 500;
    generation.tokens = 8;
    generation.macs = 50'000;
    generation.actions[Action::pe_mac] = 50'000;
    generation.actions[Action::kv_score_add] = 512;
    generation.actions[Action::kv_victim_compare] = 256;
    generation.dram.read_bursts_by_class = {40, 0, 16, 0};
    generation.dram.write_bursts_by_class = {0, 0, 8, 0};
    generation.dram.activates_by_class = {2, 0, 6, 0};
    generation.dram.read_by_class = {5120, 0, 2048, 0};
    generation.dram.written_by_class = {0, 0, 1024, 0};
    generation.dram.reads = 56;
    generation.dram.writes = 8;
    generation.dram.activates = 8;
    generation.dram.precharges = 8;
    generation.dram.refreshes = 1;
    generation.dram.bytes_read = 56 * 128;
    generation.dram.bytes_written = 8 * 128;
    generation.dram.row_hits = 56;
    generation.dram.row_misses = 8;
    generation.dram.active_clocks = 600;
    generation.dram.precharged_clocks = 200;
    generation.dram.data_bus_clocks = 512;
    generation.dram.refresh_clocks = 100;
    generation.dram.waiting_clocks = 88;
    generation.dram.idle_clocks = 100;
    result.total = sum_of(prefill, generation);
    result.step_cycles = {600, 400, 125, 125, 125, 125};
    result.prefill_steps = 2;
    const auto unit = [&](const char* name, Cycles busy, Cycles dram, Cycles drained) {
        UnitResult u{name, {}};
        u.cycles[UnitState::busy] = busy;
        u.cycles[UnitState::dram] = dram;
        u.cycles[UnitState::drained] = drained;
        result.units.push_back(u);
    };
    unit("pe_array", 600, 700, 200);
    unit("vector_unit", 300, 0, 1200);
    unit("kv_mmu", 150, 50, 1300);
    result.kv_cache = {"rce", 16, 16'384, 36'864, 160, 16};
    result.kv_mmu_needs.of = {272, 256, 192, 16, 256, 0, 0};
    result.notes = {{"attention", "synthetic rows, seed 1"}};
    result.systemc_events = 4321;
    result.host_seconds = 0.25;
    result.peak_rss_bytes = 50'000'000;
    return result;
}

}  // namespace palimpsest
