// The PE array as a unit on real buffers: completes when its timetable says, keeps its ports, closes its accounts.

#include <algorithm>
#include <random>

#include "hardware/pe_array.h"
#include "support/catch.h"
#include "support/command_source.h"
#include "support/fresh_kernel.h"
#include "support/sram_load.h"

namespace palimpsest {
namespace {

CommandSource::Entry product(std::uint64_t m, std::uint64_t k, std::uint64_t n, Cycles earliest) {
    CommandSource::Entry entry;
    entry.earliest = earliest;
    GemmCommand command = gemm_command(Dataflow::weight_stationary, m, k, n);
    command.stationary.where = {BufferId::weight, 0};
    command.streaming.where = {BufferId::activation, 0};
    entry.command.work = command;
    return entry;
}

}  // namespace

TEST_CASE("the array reports each command complete in the cycle after its last result", "[pe_array]") {
    FreshKernel kernel;
    HardwareConfig config;
    config.pe_array.command_queue = 2;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", config.buffers, clock);
    PeArray array("pe_array", config, clock, buffers);
    std::mt19937 random(5);
    std::vector<CommandSource::Entry> entries;
    std::uint64_t macs = 0;
    Cycles at = 10;
    for (int i = 0; i < 40; ++i) {
        const std::uint64_t m = 1 + random() % 60, k = 1 + random() % 200, n = 1 + random() % 200;
        entries.push_back(product(m, k, n, at));
        macs += m * k * n;
        at += random() % 2 == 0 ? 0 : random() % 3000;
    }
    CommandSource source("source", clock, array, entries);
    sc_core::sc_start(clock.until(1'000'000));

    ArrayTiming timing(config.pe_array, config.buffers);
    Cycles busy = 0;
    Cycles array_cycles = 0;
    Cycles until = 0;
    ActionCounts actions;
    std::uint64_t words = 0;
    for (const CommandSource::Entry& entry : source.entries()) {
        const ArraySchedule schedule = timing.issue(std::get<GemmCommand>(entry.command.work), entry.sent);
        REQUIRE(entry.is_complete);
        REQUIRE(entry.complete == schedule.done);
        busy += schedule.done - std::max(entry.sent, until);
        array_cycles += schedule.done - std::max(schedule.first_load, until);
        until = schedule.done;
        actions += schedule.actions;
        for (const PortUse& use : schedule.reads) {
            words += use.pattern.accesses();
        }
    }
    CHECK(array.macs() == macs);
    CHECK(array.array_cycles() == array_cycles);
    CHECK(array.actions().n == actions.n);
    CHECK(buffers.actions()[Action::weight_buffer_read] + buffers.actions()[Action::activation_buffer_read] == words);
    const ActivityCounts& activity = array.close_accounts(1'000'000);
    CHECK(activity.busy() == busy);
    CHECK(activity.total() == 1'000'000);
}

TEST_CASE("a DMA stream into a bank takes the cycles that the array leaves", "[pe_array][sram]") {
    FreshKernel kernel;
    const HardwareConfig config;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", config.buffers, clock);
    PeArray array("pe_array", config, clock, buffers);
    // Two folds of 32 weight rows: the array reads weight bank 0 in cycles 50 to 81, and the second fold, as the first
    // starts to stream, in 82 to 113.
    CommandSource source("source", clock, array, {product(100, 64, 32, 50)});
    SramLoad load("load", clock, buffers, {{SramClientId::dma_load, 40, {{BufferId::weight, 0}, 500, 64}, true}}, {});
    sc_core::sc_start(clock.until(1000));
    CHECK(source.entries()[0].complete == 50 + 32 + 200 + 62);
    CHECK(load.ended() == std::vector<SramLoad::Ended>{{SramClientId::dma_load, 40 + 64 + 64, 64}});
    CHECK(buffers.actions()[Action::weight_buffer_write] == 64);
}

}  // namespace palimpsest
