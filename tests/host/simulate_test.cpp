// simulate(): stuck machines, interrupts, a caller's own policy, and single operators.

#include "host/simulate.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "host/small_run.h"
#include "palimpsest/error.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

using Catch::Matchers::Contains;

template <class Error>
std::string message_of(const RunConfig& config, const SimulateOptions& options = {}) {
    try {
        simulate(config, options);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST_CASE("A DRAM answer that never comes ends the run, and the message says who waits for whom", "[simulate]") {
    RunConfig config = small_run();
    config.simulation.drop_dram_response = 5;
    config.simulation.watchdog_cycles = 20'000;
    const std::string message = message_of<SimulationError>(config);
    REQUIRE_THAT(message, Contains("stuck at cycle") && Contains("dma_load") && Contains("waits for"));
    // The kernel of the failed run is gone; the next run is as if it had not been.
    config.simulation.drop_dram_response = 0;
    REQUIRE(simulate(config).total.cycles > 0);
}

TEST_CASE("An interrupt ends the run, at the start and between layers", "[simulate]") {
    RunConfig config = small_run();
    std::atomic<bool> stop = true;
    SimulateOptions options;
    options.interrupted = &stop;
    REQUIRE_THAT(message_of<SimulationError>(config, options), Contains("interrupted at cycle 0"));
    stop = false;
    unsigned calls = 0;
    options.on_progress = [&](const Progress&) { stop = ++calls == 3; };
    REQUIRE_THAT(message_of<SimulationError>(config, options), Contains("interrupted at cycle"));
    REQUIRE(calls == 3);
}

TEST_CASE("Progress grows to one", "[simulate]") {
    double last = 0;
    SimulateOptions options;
    options.on_progress = [&](const Progress& progress) {
        REQUIRE(progress.fraction >= last);
        last = progress.fraction;
    };
    simulate(small_run(), options);
    REQUIRE(last == Approx(1.0));
}

/// Evicts the newest token that is not the very latest.
class SecondNewest final : public EvictionPolicy {
  public:
    explicit SecondNewest(std::uint32_t slots) : positions_(slots, -1) {}
    void insert(SlotId slot, TokenPosition position) override { positions_[slot.value] = position.value; }
    void remove(SlotId slot) override { positions_[slot.value] = -1; }
    void move(SlotId from, SlotId to) override { std::swap(positions_[from.value], positions_[to.value]); }
    void observe(const RelevanceRow&) override {}
    std::optional<SlotId> victim(TokenPosition newest) const override {
        std::optional<SlotId> best;
        for (std::uint32_t i = 0; i < positions_.size(); ++i) {
            if (positions_[i] >= 0 && positions_[i] != newest.value &&
                (!best || positions_[i] > positions_[best->value])) {
                best = SlotId{i};
            }
        }
        return best;
    }
    bool uses_scores() const override { return false; }

  private:
    std::vector<std::int64_t> positions_;
};

TEST_CASE("A policy of the caller's own rules every set", "[simulate]") {
    RunConfig config = small_run();
    unsigned made = 0;
    SimulateOptions options;
    options.policy = [&](std::uint32_t slots, const PolicyContext&) {
        ++made;
        return std::make_unique<SecondNewest>(slots);
    };
    const RunResult own = simulate(config, options);
    REQUIRE(made >= 1);
    REQUIRE(own.kv_cache.policy == "custom");
    REQUIRE(own.kv_cache.evictions > 0);
    REQUIRE(own.kv_cache.resident_tokens_peak == config.cache.budget);
    REQUIRE(own.total.actions[Action::kv_score_add] == 0);
    const RunResult rce = simulate(config);
    REQUIRE(rce.kv_cache.policy == "rce");
    REQUIRE(rce.total.actions[Action::kv_score_add] > 0);
}

RunConfig operator_run(const OperatorSpec& spec) {
    RunConfig config = small_run();
    config.workload.operators = {spec};
    return config;
}

TEST_CASE("A GEMM with ready operands takes the cycles of its dataflow's formula", "[simulate]") {
    struct Shape {
        std::uint64_t m, k, n;
    };
    for (const std::uint32_t rows : {8U, 32U}) {
        for (const std::uint32_t columns : {16U, 32U}) {
            for (const Shape& s : {Shape{1, 64, 96}, Shape{37, 129, 65}, Shape{128, 128, 128}, Shape{5, 3, 2}}) {
                RunConfig config = operator_run({"gemm", GemmOperator{s.m, s.k, s.n}, true});
                config.hardware.pe_array.rows = rows;
                config.hardware.pe_array.columns = columns;
                config.hardware.pe_array.double_buffered_weights = false;
                const auto cycles = [&](Dataflow dataflow) {
                    config.hardware.pe_array.dataflow = dataflow;
                    return simulate(config).operators.at(0).array_cycles;
                };
                const std::uint64_t r = rows, c = columns;
                CAPTURE(rows, columns, s.m, s.k, s.n);
                REQUIRE(cycles(Dataflow::output_stationary) == (s.k + r + c - 2) * ceil_div(s.m, r) * ceil_div(s.n, c));
                REQUIRE(cycles(Dataflow::weight_stationary) ==
                        (s.m + 2 * r + c - 2) * ceil_div(s.k, r) * ceil_div(s.n, c));
                REQUIRE(cycles(Dataflow::input_stationary) ==
                        (s.n + 2 * r + c - 2) * ceil_div(s.k, r) * ceil_div(s.m, c));
                config.hardware.pe_array.double_buffered_weights = true;
                REQUIRE(cycles(Dataflow::weight_stationary) >= ceil_div(s.m * s.n * s.k, r * c));
            }
        }
    }
}

TEST_CASE("Operators run one after another, each with its own account", "[simulate]") {
    RunConfig config = small_run();
    config.workload.operators = {
        {"gemm", GemmOperator{40, 100, 70}, false},       {"ready", GemmOperator{40, 100, 70}, true},
        {"decode", AttentionOperator{300, 64, 1}, false}, {"chunk", AttentionOperator{128, 64, 33}, true},
        {"softmax", SoftmaxOperator{9, 513}, false},      {"softmax_ready", SoftmaxOperator{9, 513}, true},
        {"replace", KvReplaceOperator{64, 64, 20}, false}};
    for (const StorageMode storage : {StorageMode::in_place, StorageMode::append_gather, StorageMode::compact}) {
        for (const std::uint32_t kv_bits : {4U, 8U, 16U}) {
            config.cache.storage = storage;
            config.cache.kv_bits = kv_bits;
            const RunResult result = simulate(config);
            REQUIRE(result.operators.size() == config.workload.operators.size());
            Cycles cycles = 0;
            for (const OperatorResult& own : result.operators) {
                cycles += own.interval.cycles;
            }
            REQUIRE(cycles == result.total.cycles);
            REQUIRE(result.operators[0].interval.macs == 40ULL * 100 * 70);
            REQUIRE(result.operators[1].interval.cycles < result.operators[0].interval.cycles);
            REQUIRE(result.operators[2].interval.macs == 2ULL * 300 * 64 * (kv_bits == 16 ? 2 : 1));
            REQUIRE(result.operators[6].interval.macs == 0);
        }
    }
}

TEST_CASE("A head of 4096 keys, eight query heads, 128 elements", "[simulate]") {
    RunConfig config = operator_run({"long", AttentionOperator{4096, 128, 8}, false});
    const RunResult result = simulate(config);
    REQUIRE(result.total.macs == 2ULL * 4096 * 128 * 8);
    REQUIRE(result.total.dram.read_by_class[static_cast<std::size_t>(Traffic::kv)] == 2ULL * 4096 * 128);
}

TEST_CASE("What fits no buffer is an input error with the JSON path", "[simulate]") {
    RunConfig config = small_run();
    config.hardware.buffers.score.banks = 2;
    config.hardware.buffers.score.bank_bytes = 32;
    REQUIRE_THAT(message_of<InputError>(config), Contains("hardware.buffers.score.banks"));
    config = small_run();
    config.hardware.buffers.kv.banks = 2;
    config.hardware.buffers.kv.bank_bytes = 128;
    REQUIRE_THAT(message_of<InputError>(config), Contains("hardware.buffers.kv.banks"));
    config = small_run();
    config.dram.organisation.rows = 1;
    config.dram.organisation.columns = 64;
    REQUIRE_THAT(message_of<InputError>(config), Contains("dram.organisation") && Contains("missing"));
    config = operator_run({"softmax", SoftmaxOperator{1000, 1000}, true});
    REQUIRE_THAT(message_of<InputError>(config), Contains("hardware.buffers.score.banks"));
}

}  // namespace
}  // namespace palimpsest
