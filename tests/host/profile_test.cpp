// A run's profile: every cycle booked where a clock-by-clock reading of the events puts it, sums that close on the
// run's totals in all storage modes, layouts and phases, series and residency.

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hardware/command_observer.h"
#include "host/cycle_series.h"
#include "host/simulate.h"
#include "host/small_run.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

struct Life {
    std::string label;
    std::uint16_t layer = 0;
    std::uint64_t macs = 0;
    Cycles queued = 0, issued = 0, completed = 0;
};

/// Writes down when every command was queued, issued and complete.
class Recorder final : public CommandObserver {
  public:
    void queued(const Command& command, Cycles cycle) override {
        places_[{command.unit, command.number}] = lives.size();
        const auto* gemm = std::get_if<GemmCommand>(&command.work);
        lives.push_back({command.label, command.layer,
                         gemm == nullptr ? 0 : gemm->stream_rows * gemm->reduction * gemm->outputs, cycle, 0, 0});
    }
    void issued(const Command& command, Cycles cycle) override { life(command).issued = cycle; }
    void completed(const Command& command, Cycles cycle) override { life(command).completed = cycle; }

    std::vector<Life> lives;  ///< in program order

  private:
    Life& life(const Command& command) { return lives[places_.at({command.unit, command.number})]; }

    std::map<std::pair<UnitId, std::uint64_t>, std::size_t> places_;
};

/// Which command each cycle belongs to: younger ones first, so that the oldest has the last word.
std::vector<std::size_t> owners(const std::vector<Life>& lives, Cycles cycles) {
    std::vector<std::size_t> owner(cycles, lives.size());
    for (std::size_t i = lives.size(); i-- > 0;) {
        for (Cycles c = lives[i].queued; c < lives[i].completed; ++c) {
            owner[c] = i;
        }
    }
    return owner;
}

const ProfileEntry& entry_of(const RunProfile& profile, const std::string& name) {
    for (const OperatorProfile& op : profile.operators) {
        if (op.name == name) {
            return op.booked;
        }
    }
    throw std::out_of_range(name);
}

void check_against_events(const RunConfig& config) {
    Recorder recorder;
    SimulateOptions options;
    options.observer = &recorder;
    const RunResult result = simulate(config, options);
    const RunProfile& profile = result.profile;
    const std::vector<Life>& lives = recorder.lives;

    std::map<std::string, ProfileEntry> by_name;
    std::map<std::uint16_t, ProfileEntry> by_layer;
    for (const Life& life : lives) {
        for (ProfileEntry* entry : {&by_name[life.label], &by_layer[life.layer]}) {
            ++entry->commands;
            entry->macs += life.macs;
        }
    }
    for (const std::size_t owner : owners(lives, result.total.cycles)) {
        const bool idle = owner == lives.size();
        ++by_name[idle ? "idle" : lives[owner].label].cycles;
        ++by_layer[idle ? kNoLayer : lives[owner].layer].cycles;
    }
    by_name.try_emplace("idle");
    REQUIRE(profile.operators.size() == by_name.size());
    REQUIRE(profile.operators.back().name == "idle");
    for (const auto& [name, expected] : by_name) {
        INFO(name);
        const ProfileEntry& entry = entry_of(profile, name);
        REQUIRE(entry.cycles == expected.cycles);
        REQUIRE(entry.commands == expected.commands);
        REQUIRE(entry.macs == expected.macs);
    }
    REQUIRE(profile.layers.size() == config.model.layers + std::size_t{1});
    for (const LayerProfile& layer : profile.layers) {
        const ProfileEntry& expected = by_layer[layer.layer ? static_cast<std::uint16_t>(*layer.layer) : kNoLayer];
        REQUIRE(layer.booked.cycles == expected.cycles);
        REQUIRE(layer.booked.commands == expected.commands);
        REQUIRE(layer.booked.macs == expected.macs);
    }

    const ProfileSeries& series = profile.series;
    std::vector<std::uint64_t> held(series.held_command_cycles.size());
    for (const Life& life : lives) {
        for (Cycles c = life.queued; c < life.issued; ++c) {
            ++held[c / series.bin_cycles];
        }
    }
    REQUIRE(series.held_command_cycles == held);
}

TEST_CASE("Each cycle is booked on the oldest command that is not complete", "[profile]") {
    RunConfig config = small_run();
    config.workload.batch = 1;
    config.workload.generated_tokens = 3;
    SECTION("decoupled") {}
    SECTION("serial") {
        config.pipeline = serial_pipeline();
    }
    SECTION("projections of one request at a time, grouped queries") {
        config.pipeline.batched_projections = false;
        config.workload.batch = 2;
        make_grouped(config.model);
    }
    check_against_events(config);
}

/// Bytes of all operators, by class, and their cycles by phase.
void check_sums(const RunConfig& config) {
    const RunResult result = simulate(config);  // throws where sums do not close
    const RunProfile& profile = result.profile;
    REQUIRE(profile.phases == std::vector<std::string>{"prefill", "generation"});
    std::array<Cycles, 2> phases{};
    for (const OperatorProfile& op : profile.operators) {
        REQUIRE(op.booked.phase_cycles.size() == 2);
        phases[0] += op.booked.phase_cycles[0];
        phases[1] += op.booked.phase_cycles[1];
    }
    REQUIRE(phases[0] == result.prefill.cycles);
    REQUIRE(phases[1] == result.generation.cycles);
    REQUIRE(entry_of(profile, "attention").macs > 0);
    constexpr auto kKv = static_cast<std::size_t>(Traffic::kv);
    REQUIRE(entry_of(profile, "kv_write").bytes_written[kKv] > 0);
}

TEST_CASE("The profile's sums close in every storage mode, layout and precision", "[profile]") {
    RunConfig config = small_run();
    config.cache.storage = GENERATE(StorageMode::in_place, StorageMode::append_gather, StorageMode::compact);
    config.cache.layout = GENERATE(CacheLayout::head_major, CacheLayout::token_major);
    config.cache.kv_bits = GENERATE(4U, 8U, 16U);
    config.cache.kv_group = 16;
    check_sums(config);
}

TEST_CASE("The profile's sums close whatever write combining keeps from DRAM", "[profile]") {
    RunConfig config = small_run();
    KvMmuConfig& kv_mmu = config.hardware.kv_mmu;
    kv_mmu.write_combine_flush = GENERATE(WriteCombineFlush::step, WriteCombineFlush::full);
    kv_mmu.write_combine_drain = GENERATE(WriteCombineDrain::entry, WriteCombineDrain::open_row);
    kv_mmu.write_combine_reads = GENERATE(WriteCombineReads::drain, WriteCombineReads::forward);
    kv_mmu.write_combine_entries = GENERATE(0U, 4U, 64U);
    config.cache.layout = CacheLayout::token_major;
    config.cache.storage = GENERATE(StorageMode::in_place, StorageMode::compact);
    config.workload.generated_tokens = 12;
    check_sums(config);
}

TEST_CASE("What is forwarded and overwritten in the write-combining buffer is told", "[profile]") {
    RunConfig config = small_run();
    config.hardware.kv_mmu.write_combine_flush = WriteCombineFlush::full;
    config.hardware.kv_mmu.write_combine_reads = WriteCombineReads::forward;
    config.hardware.kv_mmu.write_combine_entries = 64;
    const RunResult result = simulate(config);
    REQUIRE(result.profile.kv_bytes_forwarded > 0);
    config.hardware.kv_mmu.write_combine_entries = 0;
    const RunResult none = simulate(config);
    REQUIRE(none.profile.kv_bytes_forwarded == 0);
    REQUIRE(none.profile.kv_bytes_overwritten == 0);
}

TEST_CASE("Spilled scores are booked on evictions, in the layers whose scores they are", "[profile]") {
    RunConfig config = small_run();
    config.hardware.kv_mmu.score_store_bytes = 32;  // the first vector is on chip, all others are in DRAM
    config.hardware.kv_mmu.score_prefetch = GENERATE(false, true);
    config.cache.scope = GENERATE(EvictionScope::head, EvictionScope::layer, EvictionScope::model);
    check_sums(config);
    const RunProfile profile = simulate(config).profile;
    constexpr auto kScores = static_cast<std::size_t>(Traffic::scores);
    for (const OperatorProfile& op : profile.operators) {
        REQUIRE((op.booked.bytes_read[kScores] > 0) == (op.name == "eviction"));
    }
    REQUIRE(profile.layers.back().booked.bytes_read[kScores] == 0);
    // A model's vector may stay in its row accumulator from layer to layer.
    REQUIRE((config.cache.scope == EvictionScope::model || profile.layers[1].booked.bytes_read[kScores] > 0));
}

TEST_CASE("The profile's sums close however the prompt is processed", "[profile]") {
    RunConfig config = small_run();
    SECTION("one chunk") {
        config.cache.prefill = PrefillMode::one_shot;
    }
    SECTION("many chunks") {
        config.cache.prefill_chunk = 5;
    }
    SECTION("nothing generated") {
        config.workload.generated_tokens = 0;
        config.cache.budget = 24;
    }
    check_sums(config);
}

TEST_CASE("A prompt that is not simulated has no cycles and its residents are known", "[profile]") {
    RunConfig config = small_run();
    config.cache.prefill = PrefillMode::preset;
    const RunResult result = simulate(config);
    for (const OperatorProfile& op : result.profile.operators) {
        REQUIRE(op.booked.phase_cycles[0] == 0);
    }
    REQUIRE(result.profile.residency->steps == 2 + config.workload.generated_tokens);
    REQUIRE(result.profile.residency->changes.front().token == TokenPosition{0});
}

TEST_CASE("Single operators are booked by their names, over all machines", "[profile]") {
    RunConfig config = small_run();
    config.workload.operators = {{"product", GemmOperator{64, 96, 80}, false},
                                 {"heads", AttentionOperator{48, 16, 3}, false},
                                 {"rows", SoftmaxOperator{7, 50}, false},
                                 {"replace", KvReplaceOperator{32, 16, 9}, false},
                                 {"product again", GemmOperator{64, 96, 80}, true}};
    const RunResult result = simulate(config);
    const RunProfile& profile = result.profile;
    REQUIRE(profile.operators.size() == 6);
    REQUIRE(profile.phases.empty());
    REQUIRE(profile.layers.size() == 1);
    REQUIRE_FALSE(profile.layers[0].layer);
    REQUIRE_FALSE(profile.residency);
    for (std::size_t i = 0; i < 5; ++i) {
        REQUIRE(profile.operators[i].name == config.workload.operators[i].name);
        REQUIRE(profile.operators[i].booked.macs == result.operators[i].interval.macs);
        REQUIRE(profile.operators[i].booked.cycles <= result.operators[i].interval.cycles);
    }
    REQUIRE(profile.operators[4].booked.cycles > 0);
}

TEST_CASE("Bins hold what fell into them, at any length of the run", "[profile]") {
    std::mt19937 random(7);
    for (const std::size_t whole : {0U, 1U, 511U, 512U, 513U, 5000U}) {
        CycleSeries series;
        SeriesTotals totals;
        std::vector<Bytes> written;  // by CycleSeries::kFirstBinCycles
        for (std::size_t i = 0; i < whole; ++i) {
            written.push_back(random() % 1000);
            totals.bytes_written += written.back();
            totals.bytes_read += 1;
            if (series.next_end() == CycleSeries::kFirstBinCycles * (i + 1)) {
                series.sample(totals);
            }
        }
        written.push_back(5);
        totals.bytes_written += 5;
        series.finish(CycleSeries::kFirstBinCycles * whole + 17, totals);
        const ProfileSeries& result = series.series();
        REQUIRE(result.dram_bytes_written.size() <= CycleSeries::kMostBins);
        REQUIRE((whole < CycleSeries::kMostBins || result.dram_bytes_written.size() > CycleSeries::kMostBins / 2));
        const std::size_t merged = result.bin_cycles / CycleSeries::kFirstBinCycles;
        std::vector<Bytes> expected(ceil_div(written.size(), merged));
        for (std::size_t i = 0; i < written.size(); ++i) {
            expected[i / merged] += written[i];
        }
        REQUIRE(result.dram_bytes_written == expected);
    }
}

TEST_CASE("The residency track is a cache that never holds two tokens in a slot", "[profile]") {
    RunConfig config = small_run();
    config.cache.storage = GENERATE(StorageMode::in_place, StorageMode::append_gather, StorageMode::compact);
    config.simulation.residency = {1, 1, 2};
    const RunResult result = simulate(config);
    const ResidencyTrack& track = result.profile.residency.value();
    REQUIRE(track.request == RequestId{1});
    REQUIRE(track.head == KvHeadId{2});
    REQUIRE(track.steps == result.step_cycles.size());
    REQUIRE(track.slots == config.cache.budget);
    REQUIRE(track.complete);
    std::vector<std::optional<TokenPosition>> slots(track.slots);
    std::uint32_t step = 0;
    std::uint32_t newest = 0;
    for (const ResidencyChange& change : track.changes) {
        REQUIRE(change.step >= step);
        step = change.step;
        std::optional<TokenPosition>& slot = slots.at(change.slot.value);
        REQUIRE(slot.has_value() != change.token.has_value());
        slot = change.token;
        newest = std::max(newest, change.token ? change.token->value : 0);
    }
    REQUIRE(newest == config.workload.prompt_tokens + config.workload.generated_tokens - 1);
    for (std::uint32_t sink = 0; sink < config.cache.sinks; ++sink) {
        REQUIRE(std::count(slots.begin(), slots.end(), TokenPosition{sink}) == 1);
    }
}

}  // namespace
}  // namespace palimpsest
