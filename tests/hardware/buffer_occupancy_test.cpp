// Buffer occupancy follows tiles: it rises when a writer is issued and falls when the last user known is complete.

#include <map>
#include <string>

#include "hardware/buffer_occupancy.h"
#include "support/catch.h"
#include "support/fresh_kernel.h"

namespace palimpsest {
namespace {

/// Keeps the last value of every signal.
class LastValues : public SignalSink {
  public:
    SignalId declare(std::string_view hierarchy, SignalKind, unsigned, std::string_view) override {
        names_.emplace(std::string(hierarchy), static_cast<SignalId>(names_.size()));
        return static_cast<SignalId>(names_.size() - 1);
    }
    void change(SignalId signal, Picoseconds, std::uint64_t value) override { values_[signal] = value; }
    std::uint64_t of(const std::string& name) { return values_[names_.at(name)]; }

  private:
    std::map<std::string, SignalId> names_;
    std::map<SignalId, std::uint64_t> values_;
};

BufferRegion weights(std::uint32_t first_word, std::uint32_t words) {
    return {{BufferId::weight, 0}, first_word, words};
}

Command load(const BufferRegion& region) {
    Command command;
    command.work = DmaCommand{DramRegion{0, 64, 1, 64}, region, Traffic::weights, false};
    return command;
}

Command product(const BufferRegion& stationary) {
    GemmCommand gemm;
    gemm.stationary = stationary;
    Command command;
    command.work = gemm;
    return command;
}

TEST_CASE("a half holds a tile from its load's issue to its last user's completion", "[sram][occupancy]") {
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", BuffersConfig{}, clock);
    LastValues signals;
    buffers.trace(signals, "b");
    BufferOccupancy occupancy(buffers);
    const std::string half = "b.weight.half0.words";

    // Two fillings of one place are queued before the first is issued.
    const Command first_load = load(weights(0, 100)), first_use = product(weights(0, 100));
    const Command second_load = load(weights(0, 40)), second_use = product(weights(0, 40));
    for (const Command& command : {first_load, first_use, second_load, second_use}) {
        occupancy.queued(command);
    }
    CHECK(signals.of(half) == 0);
    occupancy.issued(first_load);
    CHECK(signals.of(half) == 100);
    occupancy.completed(first_load);
    occupancy.issued(first_use);
    CHECK(signals.of(half) == 100);
    occupancy.completed(first_use);
    CHECK(signals.of(half) == 0);
    occupancy.issued(second_load);
    CHECK(signals.of(half) == 40);
    occupancy.completed(second_load);
    occupancy.completed(second_use);
    CHECK(signals.of(half) == 0);
}

TEST_CASE("an update in place keeps its tile, and other tiles of the half add up", "[sram][occupancy]") {
    FreshKernel kernel;
    const ClockDomain clock(1000);
    SramBuffers buffers("buffers", BuffersConfig{}, clock);
    LastValues signals;
    buffers.trace(signals, "b");
    BufferOccupancy occupancy(buffers);
    const BufferRegion tile{{BufferId::activation, 1}, 0, 30}, other{{BufferId::activation, 1}, 500, 7};

    Command arrive = load(tile), beside = load(other);
    Command update;
    update.work = VectorCommand{VectorKind::residual_add, 1, 32, true, tile, tile};
    for (const Command& command : {arrive, update, beside}) {
        occupancy.queued(command);
    }
    occupancy.issued(arrive);
    occupancy.issued(beside);
    CHECK(signals.of("b.activation.half1.words") == 37);
    occupancy.completed(arrive);
    occupancy.issued(update);
    CHECK(signals.of("b.activation.half1.words") == 37);
    occupancy.completed(update);
    CHECK(signals.of("b.activation.half1.words") == 7);
}

}  // namespace
}  // namespace palimpsest
