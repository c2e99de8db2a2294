// Program: dependency tokens from hazards, and what the pipelining switches do to them.

#include "host/program.h"

#include <random>
#include <vector>

#include "host/small_run.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

constexpr auto kLoad = static_cast<std::size_t>(UnitId::dma_load);
constexpr auto kArray = static_cast<std::size_t>(UnitId::pe_array);
constexpr auto kVector = static_cast<std::size_t>(UnitId::vector_unit);

struct Recorded {
    explicit Recorded(const PipelineConfig& pipeline)
        : program(pipeline, [this](Command&& command) { commands.push_back(std::move(command)); }) {}
    const Command& emit(UnitId unit, Mechanism mechanism, std::initializer_list<Hazard*> reads,
                        std::initializer_list<Hazard*> writes) {
        program.emit(unit, VectorCommand{}, mechanism, reads, writes);
        return commands.back();
    }
    std::vector<Command> commands;
    Program program;
};

TEST_CASE("Read after write waits for the writer, booked as operand where a load writes", "[program]") {
    Recorded recorded{PipelineConfig{}};
    Hazard loaded, computed;
    recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {&loaded});
    recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {&loaded});
    const Command array = recorded.emit(UnitId::pe_array, Mechanism::projection, {&loaded, nullptr}, {&computed});
    REQUIRE(array.wait_for[kLoad] == 2);
    REQUIRE(array.wait_cause[kLoad] == UnitState::operand);
    const Command vector = recorded.emit(UnitId::vector_unit, Mechanism::projection, {&computed}, {});
    REQUIRE(vector.wait_for[kArray] == 1);
    REQUIRE(vector.wait_cause[kArray] == UnitState::dependency);
    REQUIRE(vector.wait_for[kLoad] == 0);
}

TEST_CASE("Write after read and write after write wait, booked as a full buffer", "[program]") {
    Recorded recorded{PipelineConfig{}};
    Hazard place;
    recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {&place});
    recorded.emit(UnitId::pe_array, Mechanism::projection, {&place}, {});
    const Command again = recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {&place});
    REQUIRE(again.wait_for[kArray] == 1);
    REQUIRE(again.wait_cause[kArray] == UnitState::buffer_full);
    const Command other_writer = recorded.emit(UnitId::vector_unit, Mechanism::projection, {}, {&place});
    REQUIRE(other_writer.wait_for[kLoad] == 2);
    REQUIRE(other_writer.wait_cause[kLoad] == UnitState::buffer_full);
}

TEST_CASE("A unit waits for itself only to read its own results", "[program]") {
    Recorded recorded{PipelineConfig{}};
    Hazard sums;
    recorded.emit(UnitId::vector_unit, Mechanism::projection, {}, {&sums});
    REQUIRE(recorded.emit(UnitId::vector_unit, Mechanism::projection, {}, {&sums}).wait_for[kVector] == 0);
    REQUIRE(recorded.emit(UnitId::vector_unit, Mechanism::projection, {&sums}, {}).wait_for[kVector] == 2);
}

TEST_CASE("With all switches off every command waits for every earlier one", "[program]") {
    Recorded recorded{serial_pipeline()};
    std::mt19937 random(3);
    std::array<std::uint64_t, kUnitCount> emitted{};
    for (unsigned i = 0; i < 100; ++i) {
        const auto unit = static_cast<std::size_t>(random() % kUnitCount);
        const Command& command = recorded.emit(static_cast<UnitId>(unit), static_cast<Mechanism>(random() % 3), {}, {});
        REQUIRE(command.wait_for == emitted);
        ++emitted[unit];
    }
    REQUIRE(recorded.program.emitted() == 100);
}

TEST_CASE("A serial mechanism among pipelined ones is a fence on both sides", "[program]") {
    PipelineConfig pipeline;
    pipeline.attention_overlap = false;
    Recorded recorded{pipeline};
    recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {});
    recorded.emit(UnitId::pe_array, Mechanism::projection, {}, {});
    const Command fence = recorded.emit(UnitId::vector_unit, Mechanism::attention, {}, {});
    REQUIRE(fence.wait_for[kLoad] == 1);
    REQUIRE(fence.wait_for[kArray] == 1);
    const Command after = recorded.emit(UnitId::dma_load, Mechanism::projection, {}, {});
    REQUIRE(after.wait_for[kVector] == 1);
    REQUIRE(after.wait_for[kArray] == 0);
}

TEST_CASE("Commands are numbered by unit and carry their label", "[program]") {
    Recorded recorded{PipelineConfig{}};
    recorded.program.label("scores", 3, 5);
    recorded.emit(UnitId::pe_array, Mechanism::attention, {}, {});
    recorded.emit(UnitId::dma_load, Mechanism::attention, {}, {});
    const Command last = recorded.emit(UnitId::pe_array, Mechanism::attention, {}, {});
    REQUIRE(last.number == 2);
    REQUIRE(last.layer == 3);
    REQUIRE(last.request == 5);
    REQUIRE(std::string(last.label) == "scores");
}

}  // namespace
}  // namespace palimpsest
