// IssueQueues against the golden sequencer, cycle by cycle, and by hand where a rule has one line.

#include <algorithm>

#include "golden/sequencer_golden.h"
#include "hardware/issue_queues.h"
#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/random_program.h"

namespace palimpsest {
namespace {

constexpr std::array<unsigned, kUnitCount> kFour{4, 4, 4, 4, 4};

Command command_of(UnitId unit, std::uint64_t number) {
    Command command;
    command.unit = unit;
    command.number = number;
    return command;
}

/// Replays what the golden host and units did and asks in every cycle who goes; when something goes, an event-driven
/// caller must have been told to look in that cycle.
void replay(const GoldenSequencer& golden, const std::vector<PlannedCommand>& program, unsigned latency,
            std::size_t capacity, const std::array<unsigned, kUnitCount>& places, std::mt19937& random) {
    IssueQueues queues(latency, places, capacity);
    std::optional<Cycles> look;
    const auto look_at = [&](Cycles cycle) { look = look ? std::min(*look, cycle) : cycle; };
    std::size_t pushed = 0;
    for (Cycles now = 0; now < golden.states.size(); ++now) {
        const auto complete = [&] {
            for (std::size_t i = 0; i < program.size(); ++i) {
                if (golden.times[i].complete == now && golden.times[i].issued < now) {
                    queues.completed(program[i].command.unit, program[i].command.number, now);
                    look_at(now + latency);
                }
            }
        };
        // Within a cycle issue and completion may come in either order: tokens are seen a latency later.
        const bool complete_first = random() % 2 == 0;
        if (complete_first) {
            complete();
        }
        std::size_t gone = 0;
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            const auto unit = static_cast<UnitId>(u);
            if (const auto command = queues.issue(unit, now)) {
                ++gone;
                const auto planned = std::find_if(program.begin(), program.end(), [&](const PlannedCommand& p) {
                    return p.command.unit == unit && p.command.number == command->number;
                });
                REQUIRE(golden.times[static_cast<std::size_t>(planned - program.begin())].issued == now);
            }
        }
        REQUIRE((gone > 0) == (golden.own[now] == UnitState::busy));
        if (gone > 0) {
            REQUIRE(look == now);
        }
        if (look && *look <= now) {
            look.reset();
        }
        if (!complete_first) {
            complete();
        }
        for (; pushed < program.size() && golden.times[pushed].pushed == now; ++pushed) {
            REQUIRE(queues.has_room(program[pushed].command.unit));
            queues.push(program[pushed].command, now);
        }
        if (const auto chance = queues.next_chance(now)) {
            look_at(*chance);
        }
        std::size_t waiting = 0;
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            const auto unit = static_cast<UnitId>(u);
            REQUIRE(queues.waiting(unit) == golden.queue_lengths[now][u]);
            waiting += queues.waiting(unit);
            if (golden.states[now][u] != UnitState::busy) {
                REQUIRE(queues.idle_cause(unit, now) == golden.states[now][u]);
            }
        }
        REQUIRE(queues.waiting() == waiting);
    }
    CHECK(pushed == program.size());
    CHECK(queues.all_complete());
    CHECK(queues.describe_waits().empty());
}

}  // namespace

TEST_CASE("every command of a random program is issued in the golden model's cycle", "[sequencer]") {
    std::mt19937 random(11);
    for (int i = 0; i < 400; ++i) {
        ProgramShape shape;
        shape.commands = 10 + random() % 80;
        shape.longest = 1 + random() % 30;
        shape.token_share = random() % 4;
        const auto program = random_program(random, shape);
        const unsigned latency = 1 + random() % 3;
        const std::size_t capacity = 1 + random() % 6;
        std::array<unsigned, kUnitCount> places;
        for (unsigned& p : places) {
            p = 1 + random() % 4;
        }
        GoldenSequencer golden(latency, capacity, places, program);
        golden.run(5);
        CAPTURE(i, latency, capacity);
        replay(golden, program, latency, capacity, places, random);
    }
}

TEST_CASE("a command goes a latency after it came and a latency after its last token, not a cycle before",
          "[sequencer]") {
    const Cycles latency = GENERATE(1, 2, 3);
    IssueQueues queues(latency, kFour, 4);
    queues.push(command_of(UnitId::dma_load, 1), 10);
    CHECK(queues.next_chance(10) == 10 + latency);
    CHECK_FALSE(queues.issue(UnitId::dma_load, 10 + latency - 1));
    REQUIRE(queues.issue(UnitId::dma_load, 10 + latency));

    Command product = command_of(UnitId::pe_array, 1);
    product.wait_for[0] = 1;
    product.wait_cause[0] = UnitState::operand;
    queues.push(product, 20);
    CHECK_FALSE(queues.next_chance(20 + latency));  // only the completion can help
    queues.completed(UnitId::dma_load, 1, 50);
    CHECK(queues.next_chance(50) == 50 + latency);
    CHECK(queues.idle_cause(UnitId::pe_array, 50 + latency - 1) == UnitState::operand);
    CHECK_FALSE(queues.issue(UnitId::pe_array, 50 + latency - 1));
    CHECK(queues.issue(UnitId::pe_array, 50 + latency));
}

TEST_CASE("a full unit gets its next command a latency after it has completed one", "[sequencer]") {
    IssueQueues queues(2, {1, 1, 1, 1, 1}, 4);
    queues.push(command_of(UnitId::kv_mmu, 1), 0);
    queues.push(command_of(UnitId::kv_mmu, 2), 0);
    REQUIRE(queues.issue(UnitId::kv_mmu, 2));
    CHECK_FALSE(queues.issue(UnitId::kv_mmu, 3));
    queues.completed(UnitId::kv_mmu, 1, 30);
    CHECK_FALSE(queues.issue(UnitId::kv_mmu, 31));
    CHECK(queues.idle_cause(UnitId::kv_mmu, 31) == UnitState::dependency);
    CHECK(queues.issue(UnitId::kv_mmu, 32));
}

TEST_CASE("tokens that came while nothing was queued are not waited for", "[sequencer]") {
    IssueQueues queues(3, kFour, 4);
    queues.push(command_of(UnitId::dma_load, 1), 0);
    REQUIRE(queues.issue(UnitId::dma_load, 3));
    queues.completed(UnitId::dma_load, 1, 10);
    Command product = command_of(UnitId::pe_array, 1);
    product.wait_for[0] = 1;
    product.wait_cause[0] = UnitState::operand;
    queues.push(product, 100);
    CHECK(queues.idle_cause(UnitId::pe_array, 100) == UnitState::dependency);
}

TEST_CASE("a stuck sequencer names the unit, the command and the count it waits for", "[sequencer]") {
    IssueQueues queues(1, kFour, 4);
    queues.push(command_of(UnitId::dma_load, 1), 0);
    REQUIRE(queues.issue(UnitId::dma_load, 1));
    Command product = command_of(UnitId::pe_array, 1);
    product.label = "scores";
    product.layer = 3;
    product.request = 5;
    product.wait_for[static_cast<std::size_t>(UnitId::dma_load)] = 12;
    queues.push(product, 0);
    CHECK(queues.describe_waits() ==
          std::vector<std::string>{
              "dma_load: 1 command(s) issued and not complete, the oldest is number 1",
              "pe_array: 'scores' (number 1, layer 3, request 5) waits for dma_load to complete 12 commands (0 done)"});
    CHECK_FALSE(queues.all_complete());
}

TEST_CASE("wrong use of the queues is an error, not a lost command", "[sequencer]") {
    CHECK_THROWS_AS(IssueQueues(0, kFour, 4), SimulationError);
    IssueQueues queues(1, kFour, 1);
    CHECK_THROWS_AS(queues.push(command_of(UnitId::dma_load, 2), 0), SimulationError);
    queues.push(command_of(UnitId::dma_load, 1), 0);
    CHECK_THROWS_AS(queues.push(command_of(UnitId::dma_load, 2), 0), SimulationError);
    CHECK_THROWS_AS(queues.completed(UnitId::dma_load, 1, 0), SimulationError);  // not issued yet
    REQUIRE(queues.issue(UnitId::dma_load, 1));
    CHECK_THROWS_AS(queues.completed(UnitId::dma_load, 2, 5), SimulationError);  // out of order
}

}  // namespace palimpsest
