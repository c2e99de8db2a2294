// The sequencer among a host and five units of known speed: against the golden model in every cycle, and stuck.

#include <algorithm>
#include <memory>
#include <queue>

#include "golden/sequencer_golden.h"
#include "hardware/sequencer.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"
#include "support/random_program.h"
#include "support/signal_recorder.h"

namespace palimpsest {
namespace {

/// Takes each command as long as the plan says, one at a time; ends in a random delta cycle of the right cycle.
class TimedUnit : public Unit {
  public:
    TimedUnit(const sc_core::sc_module_name& name, UnitId id, const ClockDomain& clock, unsigned places,
              const std::vector<PlannedCommand>& program, std::uint32_t seed)
        : Unit(name, id, clock, places), random_(seed) {
        for (const PlannedCommand& planned : program) {
            if (planned.command.unit == id) {
                durations_.push_back(planned.duration);
            }
        }
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.dont_initialize();
        options.set_sensitivity(&end_);
        sc_core::sc_spawn([this] { end(); }, "end", &options);
    }

    std::vector<Cycles> issued, complete_at;

  private:
    void accept(tlm::tlm_generic_payload& payload, const Command& command) override {
        REQUIRE(command.number == issued.size() + 1);
        REQUIRE(waiting_.size() < queue_capacity());
        issued.push_back(clock().now());
        waiting_.push(&payload);
        if (waiting_.size() == 1) {
            set_state(UnitState::busy);
            begin();
        }
    }
    void begin() {
        end_.notify(clock().until(clock().now() + durations_[complete_at.size()]));
        deltas_ = random_() % 4;
    }
    void end() {
        if (deltas_ > 0) {
            --deltas_;
            end_.notify(sc_core::SC_ZERO_TIME);
            return;
        }
        tlm::tlm_generic_payload* payload = waiting_.front();
        waiting_.pop();
        complete_at.push_back(clock().now());
        if (!waiting_.empty()) {
            begin();
        }
        complete(*payload);
    }

    std::mt19937 random_;
    unsigned deltas_ = 0;
    std::vector<Cycles> durations_;
    std::queue<tlm::tlm_generic_payload*> waiting_;
    sc_core::sc_event end_;
};

/// Software that sends a program as it is planned.
class PlannedHost : public sc_core::sc_module {
  public:
    tlm_utils::simple_initiator_socket<PlannedHost> socket;

    PlannedHost(const sc_core::sc_module_name& name, const ClockDomain& clock, Sequencer& sequencer,
                const std::vector<PlannedCommand>& program)
        : sc_module(name), socket("socket"), clock_(clock), sequencer_(sequencer), program_(program) {
        SC_HAS_PROCESS(PlannedHost);
        payload_.set_extension(extension_);
        socket.bind(sequencer.command_socket);
        SC_THREAD(run);
    }

    std::vector<Cycles> pushed;

  private:
    void run() {
        for (const PlannedCommand& planned : program_) {
            while (planned.barrier && !sequencer_.all_complete()) {
                wait(sequencer_.all_complete_event());
            }
            if (planned.gap > 0) {
                wait(clock_.until(clock_.now() + planned.gap));
            }
            extension_->command = planned.command;
            sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
            socket->b_transport(payload_, delay);
            pushed.push_back(clock_.now());
        }
    }

    const ClockDomain& clock_;
    Sequencer& sequencer_;
    const std::vector<PlannedCommand>& program_;
    tlm::tlm_generic_payload payload_;
    CommandExtension* extension_ = new CommandExtension;  // the payload's from the constructor on
};

/// A sequencer with units that take the planned times.
struct Bench {
    Bench(unsigned latency, const std::array<unsigned, kUnitCount>& places, const std::vector<PlannedCommand>& program,
          std::uint32_t seed)
        : clock(1000) {
        std::array<Unit*, kUnitCount> pointers{};
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            const auto id = static_cast<UnitId>(u);
            units.push_back(std::make_unique<TimedUnit>(std::string(name_of(id)).c_str(), id, clock, places[u], program,
                                                        seed + static_cast<std::uint32_t>(u)));
            pointers[u] = units.back().get();
        }
        sequencer = std::make_unique<Sequencer>("sequencer", SequencerConfig{latency}, clock, pointers);
        host = std::make_unique<PlannedHost>("host", clock, *sequencer, program);
    }
    void trace(SignalSink& sink) {
        sequencer->trace(sink, "sequencer");
        for (const auto& unit : units) {
            unit->trace(sink, std::string(name_of(unit->id())));
        }
    }

    const ClockDomain clock;
    std::vector<std::unique_ptr<TimedUnit>> units;
    std::unique_ptr<Sequencer> sequencer;
    std::unique_ptr<PlannedHost> host;
};

void compare(std::mt19937& random, const ProgramShape& shape) {
    const auto program = random_program(random, shape);
    const unsigned latency = 1 + random() % 3;
    std::array<unsigned, kUnitCount> places;
    for (unsigned& p : places) {
        p = 1 + random() % 4;
    }
    GoldenSequencer golden(latency, Sequencer::kQueueCapacity, places, program);
    golden.run(random() % 10);
    const Cycles cycles = golden.states.size();

    FreshKernel kernel;
    Bench bench(latency, places, program, random());
    SignalRecorder signals;
    bench.trace(signals);
    // Accounts are looked at in the middle of the run too, as a snapshot does.
    const Cycles middle = random() % cycles;
    sc_core::sc_start(bench.clock.until(middle));
    CHECK(bench.sequencer->close_accounts(middle).total() == middle);
    sc_core::sc_start(bench.clock.until(cycles));

    ActivityCounts own;
    for (const UnitState state : golden.own) {
        ++own[state];
    }
    CHECK(bench.sequencer->close_accounts(cycles).cycles == own.cycles);
    CHECK(bench.sequencer->actions()[Action::sequencer_command] == program.size());
    CHECK(bench.sequencer->commands_completed() == program.size());
    CHECK(bench.sequencer->all_complete());
    REQUIRE(bench.host->pushed.size() == program.size());
    for (std::size_t i = 0; i < program.size(); ++i) {
        const TimedUnit& unit = *bench.units[static_cast<std::size_t>(program[i].command.unit)];
        const std::size_t n = program[i].command.number - 1;
        REQUIRE(n < unit.complete_at.size());
        REQUIRE(GoldenSequencer::Times{bench.host->pushed[i], unit.issued[n], unit.complete_at[n]} == golden.times[i]);
    }
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        const std::string name(name_of(static_cast<UnitId>(u)));
        const auto states = signals.by_cycle(name + ".state", cycles, 1000);
        const auto queue = signals.by_cycle("sequencer.queue_" + name, cycles, 1000);
        ActivityCounts counts;
        Cycles wrong = 0;
        for (Cycles cycle = 0; cycle < cycles; ++cycle) {
            ++counts[golden.states[cycle][u]];
            wrong += states[cycle] != static_cast<std::uint64_t>(golden.states[cycle][u]) ? 1 : 0;
            wrong += queue[cycle] != golden.queue_lengths[cycle][u] ? 1 : 0;
        }
        CHECK(wrong == 0);
        CHECK(bench.units[u]->close_accounts(cycles).cycles == counts.cycles);
    }
}

}  // namespace

TEST_CASE("random programs: issue, completion and every idle cause are the golden model's in every cycle",
          "[sequencer]") {
    std::mt19937 random(21);
    for (int i = 0; i < 300; ++i) {
        ProgramShape shape;
        shape.commands = 5 + random() % 80;
        shape.longest = 1 + random() % 40;
        shape.token_share = random() % 5;
        shape.pause_share = random() % 10;
        CAPTURE(i);
        compare(random, shape);
    }
}

TEST_CASE("a full queue holds the host back, in program order", "[sequencer]") {
    std::mt19937 random(22);
    for (int i = 0; i < 10; ++i) {
        ProgramShape shape;
        shape.commands = 700;
        shape.longest = 12;
        shape.token_share = 6;
        shape.pause_share = i % 2 == 0 ? 0 : 100;
        CAPTURE(i);
        compare(random, shape);
    }
}

TEST_CASE("a token that never comes leaves a sequencer that says who waits for whom", "[sequencer]") {
    std::vector<PlannedCommand> program(2);
    program[0].command.unit = UnitId::dma_load;
    program[0].command.number = 1;
    program[0].duration = 7;
    program[1].command.unit = UnitId::pe_array;
    program[1].command.number = 1;
    program[1].command.label = "qkv";
    program[1].command.layer = 2;
    program[1].command.wait_for[0] = 2;
    program[1].command.wait_cause[0] = UnitState::operand;
    FreshKernel kernel;
    Bench bench(1, {1, 1, 1, 1, 1}, program, 1);
    sc_core::sc_start(bench.clock.until(1000));
    CHECK_FALSE(bench.sequencer->all_complete());
    CHECK_FALSE(sc_core::sc_pending_activity());
    CHECK(bench.sequencer->diagnose() ==
          std::vector<std::string>{
              "pe_array: 'qkv' (number 1, layer 2, request 0) waits for dma_load to complete 2 commands (1 done)"});
    CHECK(bench.units[2]->close_accounts(1000)[UnitState::operand] == 1000);
    CHECK(bench.sequencer->close_accounts(1000)[UnitState::dependency] == 999);
}

TEST_CASE("waveforms show each queue and each unit's state at its changes", "[sequencer]") {
    // The array waits for a load of 5 cycles; issue latency 2.
    std::vector<PlannedCommand> program(2);
    program[0].command.unit = UnitId::dma_load;
    program[0].command.number = 1;
    program[0].duration = 5;
    program[0].gap = 10;
    program[1].command.unit = UnitId::pe_array;
    program[1].command.number = 1;
    program[1].command.wait_for[0] = 1;
    program[1].command.wait_cause[0] = UnitState::operand;
    program[1].duration = 3;
    FreshKernel kernel;
    Bench bench(2, {1, 1, 1, 1, 1}, program, 1);
    SignalRecorder signals;
    bench.trace(signals);
    sc_core::sc_start(bench.clock.until(100));
    using Changes = SignalRecorder::Changes;
    const auto value = [](UnitState state) { return static_cast<std::uint64_t>(state); };
    CHECK(signals.visible("sequencer.queue_dma_load") == Changes{{0, 0}, {10'000, 1}, {12'000, 0}});
    CHECK(signals.visible("sequencer.queue_pe_array") == Changes{{0, 0}, {10'000, 1}, {19'000, 0}});
    CHECK(signals.visible("dma_load.state") == Changes{{0, value(UnitState::drained)},
                                                       {10'000, value(UnitState::dependency)},
                                                       {12'000, value(UnitState::busy)},
                                                       {17'000, value(UnitState::drained)}});
    CHECK(signals.visible("pe_array.state") == Changes{{0, value(UnitState::drained)},
                                                       {10'000, value(UnitState::operand)},
                                                       {19'000, value(UnitState::busy)},
                                                       {22'000, value(UnitState::drained)}});
    CHECK(signals.visible("pe_array.commands") == Changes{{0, 0}, {19'000, 1}, {22'000, 0}});
}

}  // namespace palimpsest
