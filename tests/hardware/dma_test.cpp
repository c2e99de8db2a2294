// Both DMA streams on real buffers: against the golden model in every cycle, with memory that answers out of order and
// with the array in the way; waveforms; errors.

#include <algorithm>
#include <memory>

#include "golden/dma_golden.h"
#include "golden/sram_golden.h"
#include "hardware/dma.h"
#include "support/catch.h"
#include "support/command_source.h"
#include "support/fake_memory.h"
#include "support/fresh_kernel.h"
#include "support/signal_recorder.h"
#include "support/sram_load.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kWordBytes = 32;
constexpr Bytes kTokenBytes = 80;

/// Halves of 4 banks of 32 words: streams change banks often.
BuffersConfig small_buffers() {
    const BufferConfig buffer{.banks = 8, .bank_bytes = 32 * kWordBytes, .word_bytes = kWordBytes};
    return {buffer, buffer, buffer, buffer};
}

/// One stream's commands and what memory answers.
struct StreamPlan {
    std::vector<CommandSource::Entry> entries;
    std::vector<PlannedAnswer> answers;

    const DmaCommand& command(std::size_t i) const { return std::get<DmaCommand>(entries[i].command.work); }
    Bytes row_of(std::size_t i) const {
        const auto* region = std::get_if<DramRegion>(&command(i).memory);
        return region != nullptr && region->rows > 1 ? region->row_bytes : bytes_of(i);
    }
    Bytes bytes_of(std::size_t i) const {
        const auto* region = std::get_if<DramRegion>(&command(i).memory);
        return region != nullptr ? region->row_bytes * region->rows
                                 : std::get<KvAccess>(command(i).memory).count * kTokenBytes;
    }
};

StreamPlan random_plan(std::mt19937& random, bool load, const DmaConfig& config) {
    const auto pick = [&](std::uint32_t low, std::uint32_t high) { return low + random() % (high - low + 1); };
    StreamPlan plan;
    Cycles at = pick(0, 20);
    const std::uint32_t longest_latency = random() % 3 == 0 ? 3 : pick(5, 120);
    const bool ordered = random() % 4 == 0;  // all latencies alike
    const std::uint32_t pause = pick(1, 300);
    const std::uint32_t longest_row = random() % 2 == 0 ? 40 : 500;
    for (std::uint32_t i = pick(1, 12); i > 0; --i) {
        CommandSource::Entry entry;
        entry.earliest = at;
        at += random() % 3 == 0 ? pick(0, pause) : 0;
        entry.command.unit = load ? UnitId::dma_load : UnitId::dma_store;
        entry.command.number = plan.entries.size() + 1;
        entry.command.label = "tile";
        DmaCommand work;
        work.to_dram = !load;
        work.traffic = static_cast<Traffic>(pick(0, kTrafficClasses - 1));
        if (random() % 3 == 0) {
            KvAccess access;
            access.request = RequestId(pick(0, 3));
            access.count = pick(1, 30);
            work.memory = access;
        } else {
            DramRegion region;
            region.rows = random() % 2 == 0 ? 1 : pick(2, 7);
            region.row_bytes = pick(1, longest_row);
            region.stride_bytes = region.row_bytes + (random() % 3 == 0 ? 0 : pick(1, 1000));
            region.address = pick(0, 100'000);
            work.memory = region;
        }
        entry.command.work = work;
        plan.entries.push_back(entry);
        const std::size_t last = plan.entries.size() - 1;
        auto& buffer = std::get<DmaCommand>(plan.entries[last].command.work).buffer;
        buffer.where = {random() % 2 == 0 ? BufferId::kv : BufferId::activation, static_cast<std::uint8_t>(pick(0, 1))};
        buffer.words = static_cast<std::uint32_t>((plan.bytes_of(last) + kWordBytes - 1) / kWordBytes);
        buffer.first_word = pick(0, 128 - buffer.words);
        const auto pieces = GoldenDma::cut(plan.bytes_of(last), plan.row_of(last), config.request_bytes, kWordBytes);
        for (std::size_t p = 0; p < pieces.size(); ++p) {
            plan.answers.push_back(
                {ordered ? longest_latency : pick(1, longest_latency), random() % 4 == 0 ? pick(1, 60) : 0});
        }
    }
    return plan;
}

/// Timetables of the array on some banks, reserved in the golden SRAM at once.
std::vector<ScriptedReservation> random_reservations(std::mt19937& random, GoldenSram& sram) {
    std::vector<ScriptedReservation> reservations;
    Cycles at = 0;
    for (std::uint32_t i = random() % 60; i > 0; --i) {
        at += random() % 60;
        ScriptedReservation r{};
        r.at = at;
        r.half = {random() % 2 == 0 ? BufferId::kv : BufferId::activation, static_cast<std::uint8_t>(random() % 2)};
        r.bank = random() % 4;
        r.pattern.start = at + random() % 20;
        r.pattern.words = 1 + random() % 20;
        r.pattern.folds = 1 + random() % 4;
        r.pattern.fold_period = r.pattern.words + random() % 10;
        r.pattern.sweep_period = r.pattern.folds * r.pattern.fold_period;
        if (sram.is_free(r.half, r.bank, r.pattern)) {
            sram.reserve(r.half, r.bank, r.pattern);
            reservations.push_back(r);
        }
    }
    return reservations;
}

/// One stream with its source and memory.
struct Stream {
    Stream(const std::string& name, UnitId id, const DmaConfig& config, const ClockDomain& clock, SramBuffers& buffers,
           const StreamPlan& plan, std::uint32_t seed)
        : dma(name.c_str(), id, config, clock, buffers, kTokenBytes),
          memory((name + "_memory").c_str(), clock, plan.answers, seed),
          source((name + "_source").c_str(), clock, dma, plan.entries, true) {
        dma.memory_socket.bind(memory.memory_socket);
        dma.kv_socket.bind(memory.kv_socket);
    }
    DmaStream dma;
    FakeMemory memory;
    CommandSource source;
};

void check_request(const FakeMemory::Request& request, const GoldenDma::Request& golden, const DmaCommand& command) {
    REQUIRE(request.cycle == golden.cycle);
    REQUIRE(request.bytes == golden.piece.bytes);
    REQUIRE(request.write == command.to_dram);
    REQUIRE(request.asked.traffic == command.traffic);
    const auto* region = std::get_if<DramRegion>(&command.memory);
    REQUIRE(request.kv_socket == (region == nullptr));
    REQUIRE(request.asked.is_kv == (region == nullptr));
    if (region == nullptr) {
        REQUIRE(request.asked.segments.empty());
        REQUIRE(request.asked.stream_offset == golden.piece.offset);
        REQUIRE(request.asked.kv.request == std::get<KvAccess>(command.memory).request);
        REQUIRE(request.asked.kv.count == std::get<KvAccess>(command.memory).count);
        return;
    }
    Bytes at = golden.piece.offset;
    for (const DramSegment& segment : request.asked.segments) {
        for (Bytes b = 0; b < segment.bytes; ++b, ++at) {
            REQUIRE(segment.address + b ==
                    region->address + at / region->row_bytes * region->stride_bytes + at % region->row_bytes);
        }
    }
    REQUIRE(at == golden.piece.offset + golden.piece.bytes);
}

void check_stream(Stream& stream, const StreamPlan& plan, const GoldenDma& golden, const SignalRecorder& signals) {
    const std::string name(name_of(stream.dma.id()));
    CAPTURE(name);
    const Cycles cycles = golden.states.size();
    REQUIRE(stream.memory.requests().size() == golden.requests.size());
    for (std::size_t i = 0; i < golden.requests.size(); ++i) {
        CAPTURE(i);
        check_request(stream.memory.requests()[i], golden.requests[i], plan.command(golden.requests[i].command));
    }
    std::array<Bytes, kTrafficClasses> bytes{};
    for (std::size_t i = 0; i < plan.entries.size(); ++i) {
        REQUIRE(stream.source.entries()[i].is_complete);
        REQUIRE(stream.source.entries()[i].complete == golden.complete(i));
        bytes[static_cast<std::size_t>(plan.command(i).traffic)] += plan.bytes_of(i);
    }
    CHECK(stream.dma.bytes_moved() == bytes);
    CHECK(stream.dma.actions()[Action::dma_word] == golden.words);
    const auto states = signals.by_cycle(name + ".state", cycles, 1000);
    const auto lines = signals.by_cycle(name + ".line_buffers", cycles, 1000);
    for (Cycles cycle = 0; cycle < cycles; ++cycle) {
        CAPTURE(cycle);
        REQUIRE(states[cycle] == static_cast<std::uint64_t>(golden.states[cycle]));
        REQUIRE(lines[cycle] == golden.lines[cycle]);
    }
    CHECK(stream.dma.close_accounts(cycles).cycles == golden.counts().cycles);
}

/// Load and store stream at once, on the same buffers.
void compare(std::mt19937& random, bool contended) {
    static constexpr Bytes request_sizes[] = {16, 48, 64, 256, 2048};
    DmaConfig config;
    config.request_bytes = request_sizes[random() % std::size(request_sizes)];
    config.outstanding = 1 + random() % 6;
    config.command_queue = 1 + random() % 4;
    const std::array<StreamPlan, 2> plans{random_plan(random, true, config), random_plan(random, false, config)};

    GoldenSram sram(small_buffers());
    const auto reservations = contended ? random_reservations(random, sram) : std::vector<ScriptedReservation>{};
    GoldenDma load(true, config, kWordBytes, sram, plans[0].answers);
    GoldenDma store(false, config, kWordBytes, sram, plans[1].answers);
    const std::array<GoldenDma*, 2> golden{&load, &store};
    std::array<std::size_t, 2> sent{};
    const auto over = [&](std::size_t i) { return sent[i] == plans[i].entries.size() && golden[i]->idle(); };
    for (int tail = 5; tail > 0; tail -= over(0) && over(1) ? 1 : 0) {
        const Cycles cycle = sram.cycle();
        for (const GoldenSram::Finished& finished : sram.collect()) {
            (finished.client == SramClientId::dma_load ? load : store).stream_finished(finished.waited);
        }
        for (std::size_t i = 0; i < 2; ++i) {
            golden[i]->begin_cycle(cycle);
            const auto& entries = plans[i].entries;
            for (; sent[i] < entries.size() && entries[sent[i]].earliest <= cycle &&
                   golden[i]->in_flight() < config.command_queue;
                 ++sent[i]) {
                golden[i]->accept(plans[i].command(sent[i]).buffer, plans[i].bytes_of(sent[i]),
                                  plans[i].row_of(sent[i]));
            }
            golden[i]->step(cycle);
        }
        sram.step();
        REQUIRE(cycle < 1'000'000);
    }

    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", small_buffers(), clock);
    std::array<std::unique_ptr<Stream>, 2> streams;
    SignalRecorder signals;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto id = static_cast<UnitId>(i);
        streams[i] = std::make_unique<Stream>(std::string(name_of(id)), id, config, clock, buffers, plans[i], random());
        streams[i]->dma.trace(signals, std::string(name_of(id)));
    }
    SramLoad array("array", clock, buffers, {}, reservations);
    sc_core::sc_start(clock.until(sram.cycle()));
    for (std::size_t i = 0; i < 2; ++i) {
        check_stream(*streams[i], plans[i], *golden[i], signals);
    }
    std::uint64_t array_words = 0;
    for (const ScriptedReservation& r : reservations) {
        array_words += r.at < sram.cycle() ? r.pattern.accesses() : 0;
    }
    const ActionCounts& actions = buffers.actions();
    const auto moved = [&](bool write) {
        return sram.words[{BufferId::kv, write}] + sram.words[{BufferId::activation, write}];
    };
    CHECK(actions[Action::kv_buffer_write] + actions[Action::activation_buffer_write] == moved(true));
    CHECK(actions[Action::kv_buffer_read] + actions[Action::activation_buffer_read] == moved(false) + array_words);
}

CommandSource::Entry contiguous(UnitId unit, std::uint64_t number, Bytes bytes, Cycles earliest) {
    CommandSource::Entry entry;
    entry.earliest = earliest;
    entry.command.unit = unit;
    entry.command.number = number;
    entry.command.label = "tile";
    DmaCommand work;
    work.memory = DramRegion{4096, bytes, 1, bytes};
    work.to_dram = unit == UnitId::dma_store;
    work.buffer = {{BufferId::kv, 0}, 0, static_cast<std::uint32_t>(ceil_div<Bytes>(bytes, kWordBytes))};
    entry.command.work = work;
    return entry;
}

}  // namespace

TEST_CASE("random commands with the buffers to themselves: both streams are the golden model's in every cycle",
          "[dma]") {
    std::mt19937 random(41);
    for (int i = 0; i < 400; ++i) {
        CAPTURE(i);
        compare(random, false);
    }
}

TEST_CASE("random commands with the array in the way: both streams are the golden model's in every cycle", "[dma]") {
    std::mt19937 random(42);
    for (int i = 0; i < 400; ++i) {
        CAPTURE(i);
        compare(random, true);
    }
}

TEST_CASE("a load by hand: requests, arrivals out of order, refresh, the array in the way", "[dma]") {
    // The worked example of docs/blocks/dma.md.
    DmaConfig config;
    config.request_bytes = 256;
    config.outstanding = 2;
    StreamPlan plan;
    plan.entries = {contiguous(UnitId::dma_load, 1, 704, 100)};
    plan.answers = {{40, 0}, {30, 12}, {20, 0}};
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", small_buffers(), clock);
    Stream stream("dma_load", UnitId::dma_load, config, clock, buffers, plan, 1);
    SignalRecorder signals;
    stream.dma.trace(signals, "dma_load");
    AccessPattern pattern;
    pattern.start = 142;
    pattern.words = 3;
    SramLoad array("array", clock, buffers, {}, {{141, {BufferId::kv, 0}, 0, pattern}});
    sc_core::sc_start(clock.until(500));
    REQUIRE(stream.memory.requests().size() == 3);
    CHECK(stream.memory.requests()[0].cycle == 100);
    CHECK(stream.memory.requests()[1].cycle == 101);
    CHECK(stream.memory.requests()[2].cycle == 139);
    CHECK(stream.source.entries()[0].complete == 165);
    const ActivityCounts& counts = stream.dma.close_accounts(500);
    CHECK(counts[UnitState::dram] == 31 - 12 + 1 + 8);
    CHECK(counts[UnitState::refresh] == 12);
    CHECK(counts[UnitState::busy] == 22);
    CHECK(counts[UnitState::port_conflict] == 3);
    CHECK(counts[UnitState::drained] == 500 - 65);
    const auto value = [](UnitState state) { return static_cast<std::uint64_t>(state); };
    using Changes = SignalRecorder::Changes;
    CHECK(signals.visible("dma_load.line_buffers") ==
          Changes{{0, 0}, {100'000, 1}, {101'000, 2}, {151'000, 1}, {165'000, 0}});
    CHECK(signals.visible("dma_load.state") == Changes{{0, value(UnitState::drained)},
                                                       {100'000, value(UnitState::dram)},
                                                       {131'000, value(UnitState::busy)},
                                                       {139'000, value(UnitState::dram)},
                                                       {140'000, value(UnitState::busy)},
                                                       {151'000, value(UnitState::dram)},
                                                       {159'000, value(UnitState::busy)},
                                                       {165'000, value(UnitState::drained)}});
    CHECK(signals.visible("dma_load.commands") == Changes{{0, 0}, {100'000, 1}, {165'000, 0}});
}

TEST_CASE("a stream that waits says for how many requests", "[dma]") {
    DmaConfig config;
    config.outstanding = 4;
    StreamPlan plan;
    plan.entries = {contiguous(UnitId::dma_store, 1, 3000, 0)};
    plan.answers.assign(2, {1'000'000, 0});
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", small_buffers(), clock);
    Stream stream("dma_store", UnitId::dma_store, config, clock, buffers, plan, 1);
    sc_core::sc_start(clock.until(1000));
    CHECK(stream.dma.diagnose() ==
          "dma_store: 1 command(s) in the unit, state dram; 2 request(s) in memory, 2 of 4 line buffers free");
}

TEST_CASE("a command without bytes, or with more than its words hold, is an error", "[dma]") {
    auto entry = contiguous(UnitId::dma_load, 1, 100, 0);
    auto& work = std::get<DmaCommand>(entry.command.work);
    std::string expected;
    SECTION("no bytes") {
        work.memory = DramRegion{0, 0, 1, 0};
        expected = "dma_load: 'tile' moves no bytes";
    }
    SECTION("too few words") {
        work.buffer.words = 3;
        expected = "dma_load: 'tile' moves 100 bytes, its 3 words of the kv buffer hold 96";
    }
    StreamPlan plan;
    plan.entries = {entry};
    plan.answers.assign(1, {});
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", small_buffers(), clock);
    Stream stream("dma_load", UnitId::dma_load, DmaConfig{}, clock, buffers, plan, 1);
    std::string message;
    try {
        sc_core::sc_start(clock.until(10));
    } catch (const std::exception& error) {  // SystemC wraps what a process throws
        message = error.what();
    }
    CHECK(message.find(expected) != std::string::npos);
}

}  // namespace palimpsest
