// VectorUnit on real buffers against the golden vector unit and the golden SRAM, stepped together.

#include <algorithm>
#include <random>

#include "golden/sram_golden.h"
#include "golden/vector_golden.h"
#include "hardware/vector_unit.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/command_source.h"
#include "support/fresh_kernel.h"
#include "support/sram_load.h"

namespace palimpsest {
namespace {

struct Outcome {
    std::vector<Cycles> complete;  ///< of each command
    std::vector<SramLoad::Ended> streams;
    GoldenVectorUnit::Counts counts;
    bool operator==(const Outcome&) const = default;
};

struct Scene {
    HardwareConfig config;
    std::vector<CommandSource::Entry> commands;
    std::vector<ScriptedStream> streams;
    std::vector<ScriptedReservation> reservations;
};

constexpr Cycles kEnd = 1'000'000;

/// The real unit. Fills in when the commands were sent, which the golden model then repeats.
Outcome run_fast(Scene& scene, ActivityCounts& activity) {
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", scene.config.buffers, clock);
    VectorUnit unit("vector_unit", scene.config, clock, buffers);
    CommandSource source("source", clock, unit, scene.commands);
    SramLoad load("load", clock, buffers, scene.streams, scene.reservations);
    sc_core::sc_start(clock.until(kEnd));
    Outcome outcome;
    for (const CommandSource::Entry& entry : source.entries()) {
        REQUIRE(entry.is_complete);
        outcome.complete.push_back(entry.complete);
    }
    scene.commands = source.entries();
    outcome.streams = load.ended();
    const ActionCounts& n = unit.actions();
    outcome.counts = {n[Action::vector_lane_add], n[Action::vector_lane_multiply], n[Action::vector_lane_special],
                      n[Action::accumulator_access]};
    activity = unit.close_accounts(kEnd);
    REQUIRE(activity.total() == kEnd);
    return outcome;
}

Outcome run_golden(const Scene& scene) {
    GoldenSram sram(scene.config.buffers);
    GoldenVectorUnit unit(scene.config.vector_unit, sram);
    Outcome outcome;
    std::array<std::deque<ScriptedStream>, kSramClients> waiting;
    for (const ScriptedStream& s : scene.streams) {
        waiting[static_cast<std::size_t>(s.client)].push_back(s);
    }
    std::size_t accepted = 0;
    std::size_t reserved = 0;
    const auto streams_left = [&] {
        return std::any_of(waiting.begin(), waiting.end(), [](const auto& w) { return !w.empty(); }) ||
               sram.streaming(SramClientId::dma_load) || sram.streaming(SramClientId::dma_store);
    };
    for (Cycles cycle = 0; accepted < scene.commands.size() || !unit.idle() || streams_left(); ++cycle) {
        for (const GoldenSram::Finished& f : sram.collect()) {
            if (f.client == SramClientId::vector_read || f.client == SramClientId::vector_write) {
                unit.stream_finished(f.client);
            } else {
                outcome.streams.push_back({f.client, f.cycle, f.waited});
            }
        }
        while (accepted < scene.commands.size() && scene.commands[accepted].sent == cycle) {
            unit.accept(std::get<VectorCommand>(scene.commands[accepted++].command.work));
        }
        for (; reserved < scene.reservations.size() && scene.reservations[reserved].at == cycle; ++reserved) {
            const ScriptedReservation& r = scene.reservations[reserved];
            sram.reserve(r.half, r.bank, r.pattern);
        }
        for (auto& queue : waiting) {
            if (!queue.empty() && queue.front().earliest <= cycle && !sram.streaming(queue.front().client)) {
                sram.start(queue.front().client, queue.front().region, queue.front().write);
                queue.pop_front();
            }
        }
        unit.begin_cycle(cycle);
        unit.step();
        sram.step();
    }
    for (std::size_t i = 0; i < scene.commands.size(); ++i) {
        outcome.complete.push_back(unit.done(i));
    }
    outcome.counts = unit.counts;
    return outcome;
}

class RandomScene {
  public:
    explicit RandomScene(std::uint32_t seed) : random_(seed) {}

    Scene make(bool contended) {
        Scene scene;
        HardwareConfig& config = scene.config;
        config.vector_unit.lanes = one_of<std::uint32_t>({1, 3, 8, 32});
        config.vector_unit.register_file_bytes = one_of<std::uint32_t>({16, 64, 200, 1024});
        config.vector_unit.add_latency_cycles = one_of<std::uint32_t>({1, 2, 5});
        for (BufferConfig* b :
             {&config.buffers.weight, &config.buffers.activation, &config.buffers.kv, &config.buffers.score}) {
            *b = {4, 32 * 48, 32};  // two banks of 48 words a half
        }
        Cycles at = 0;
        for (std::uint64_t i = 0, n = pick(1, 6); i < n; ++i) {
            CommandSource::Entry entry;
            entry.earliest = at;
            entry.command.work = command();
            scene.commands.push_back(entry);
            at += one_of<Cycles>({0, 0, 3, pick(0, 200)});
        }
        if (contended) {
            add_load(scene);
        }
        return scene;
    }

  private:
    std::uint64_t pick(std::uint64_t low, std::uint64_t high) { return low + random_() % (high - low + 1); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return *(choices.begin() + static_cast<std::ptrdiff_t>(random_() % choices.size()));
    }
    /// Few places, so that streams meet.
    BufferRegion region(std::uint32_t most) {
        BufferRegion r;
        r.where = {one_of<BufferId>({BufferId::activation, BufferId::score}), 0};
        r.first_word = static_cast<std::uint32_t>(pick(0, 50));
        r.words = static_cast<std::uint32_t>(pick(0, std::min<std::uint64_t>(most, 96 - r.first_word)));
        return r;
    }
    VectorCommand command() {
        VectorCommand c;
        c.kind = static_cast<VectorKind>(pick(0, kVectorKinds - 1));
        c.rows = one_of<std::uint64_t>({1, 2, pick(1, 12)});
        c.columns = one_of<std::uint64_t>({1, 8, 32, pick(1, 150)});
        c.source_in_accumulator = pick(0, 3) == 0;
        c.source = region(60);
        c.destination = region(60);
        return c;
    }
    void add_load(Scene& scene) {
        for (const SramClientId client : {SramClientId::dma_store, SramClientId::dma_load}) {
            Cycles earliest = 0;
            for (std::uint64_t i = 0, n = pick(0, 8); i < n; ++i) {
                BufferRegion r = region(96);
                r.words = std::max(r.words, 1U);
                scene.streams.push_back({client, earliest, r, pick(0, 1) == 1});
                earliest += pick(0, 150);
            }
        }
        GoldenSram taken(scene.config.buffers);
        Cycles at = 0;
        for (int i = 0; i < 20; ++i) {
            at += pick(0, 40);
            AccessPattern p;
            p.start = at + pick(0, 30);
            p.words = pick(1, 20);
            p.folds = pick(1, 5);
            p.fold_period = p.words + pick(0, 12);
            const BufferHalf half{one_of<BufferId>({BufferId::activation, BufferId::score}), 0};
            const auto bank = static_cast<std::uint32_t>(pick(0, 1));
            if (taken.is_free(half, bank, p)) {
                taken.reserve(half, bank, p);
                scene.reservations.push_back({at, half, bank, p});
            }
        }
    }

    std::mt19937 random_;
};

CommandSource::Entry entry_of(const VectorCommand& command, Cycles earliest) {
    CommandSource::Entry entry;
    entry.earliest = earliest;
    entry.command.work = command;
    return entry;
}

}  // namespace

TEST_CASE("the vector unit alone equals the stepped one", "[vector_unit]") {
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Scene scene = RandomScene(seed).make(false);
        ActivityCounts activity;
        const Outcome fast = run_fast(scene, activity);
        const Outcome golden = run_golden(scene);
        REQUIRE(fast.complete == golden.complete);
        REQUIRE(fast.counts == golden.counts);
    }
}

TEST_CASE("the vector unit among other SRAM clients equals the stepped one, and so do the others",
          "[vector_unit][sram]") {
    Cycles conflicts = 0;
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Scene scene = RandomScene(seed).make(true);
        ActivityCounts activity;
        Outcome fast = run_fast(scene, activity);
        Outcome golden = run_golden(scene);
        conflicts += activity[UnitState::port_conflict];
        const auto order = [](const SramLoad::Ended& a, const SramLoad::Ended& b) {
            return std::pair(a.client, a.cycle) < std::pair(b.client, b.cycle);
        };
        std::sort(fast.streams.begin(), fast.streams.end(), order);
        std::sort(golden.streams.begin(), golden.streams.end(), order);
        REQUIRE(fast.complete == golden.complete);
        REQUIRE(fast.streams == golden.streams);
        REQUIRE(fast.counts == golden.counts);
    }
    CHECK(conflicts > 1000);  // the scenes are not empty
}

TEST_CASE("the worked example of docs/blocks/vector_unit.md", "[vector_unit]") {
    // Softmax of 8 rows of 256 scores (one byte each): the register file holds 16 rows, so one block.
    VectorCommand softmax;
    softmax.kind = VectorKind::softmax;
    softmax.rows = 8;
    softmax.columns = 256;
    softmax.source = {{BufferId::score, 0}, 0, 64};
    softmax.destination = {{BufferId::score, 1}, 0, 64};
    Scene scene;
    scene.commands = {entry_of(softmax, 100)};
    ActivityCounts activity;
    CHECK(run_fast(scene, activity).complete == std::vector<Cycles>{100 + 64 + 238 + 64});
    CHECK(activity.busy() == 366);
    CHECK(activity[UnitState::port_conflict] == 0);

    // The array reads the source's bank in cycles 110 to 129: the read, and all after it, comes 20 cycles later.
    AccessPattern pattern;
    pattern.start = 110;
    pattern.words = 20;
    scene.reservations = {{105, {BufferId::score, 0}, 0, pattern}};
    CHECK(run_fast(scene, activity).complete == std::vector<Cycles>{486});
    CHECK(activity.busy() == 366);
    CHECK(activity[UnitState::port_conflict] == 20);
}

TEST_CASE("waiting for a port is no stall where the execute stage has work meanwhile", "[vector_unit]") {
    // Two blocks: while the second is read, and disturbed, the first executes for longer.
    VectorCommand norm;
    norm.kind = VectorKind::layer_norm;
    norm.rows = 2;
    norm.columns = 4096;
    norm.source = {{BufferId::activation, 0}, 0, 256};
    norm.destination = {{BufferId::activation, 1}, 0, 256};
    Scene scene;
    scene.commands = {entry_of(norm, 0)};
    ActivityCounts activity;
    const Outcome alone = run_fast(scene, activity);
    AccessPattern pattern;
    pattern.start = 150;
    pattern.words = 20;
    scene.reservations = {{0, {BufferId::activation, 0}, 0, pattern}};
    const Outcome disturbed = run_fast(scene, activity);
    CHECK(disturbed.complete == alone.complete);
    CHECK(activity[UnitState::port_conflict] == 0);
}

TEST_CASE("a row that exceeds the register file is read once a pass and written once", "[vector_unit]") {
    VectorUnitConfig config;
    config.register_file_bytes = 1024;  // 512 elements
    VectorCommand norm;
    norm.kind = VectorKind::rms_norm;
    norm.rows = 3;
    norm.columns = 1300;
    norm.source.words = 3 * 41;
    norm.destination.words = 3 * 41;
    const BlockPlan plan(norm, config);
    CHECK(plan.size() == 3 * 2 * 3);
    std::uint32_t read = 0;
    std::uint32_t written = 0;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        read += plan.block(i).source_words;
        written += plan.block(i).destination_words;
    }
    CHECK(read == 2 * 3 * 41);
    CHECK(written == 3 * 41);
}

TEST_CASE("a vector command without elements is an error", "[vector_unit]") {
    VectorCommand command;
    command.rows = 0;
    CHECK_THROWS_AS(BlockPlan(command, {}), SimulationError);
}

}  // namespace palimpsest
