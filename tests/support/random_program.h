#pragma once
// Random command programs for the sequencer: tokens to earlier commands only, bursts, gaps and barriers of the host.

#include <algorithm>
#include <random>
#include <vector>

#include "golden/sequencer_golden.h"

namespace palimpsest {

struct ProgramShape {
    std::size_t commands = 60;
    Cycles longest = 30;       ///< duration of a command
    unsigned token_share = 2;  ///< one in so many possible tokens is set; 0: none
    unsigned pause_share = 8;  ///< one in so many commands comes after a gap or a barrier; 0: none
};

inline std::vector<PlannedCommand> random_program(std::mt19937& random, const ProgramShape& shape) {
    static constexpr UnitState causes[] = {UnitState::operand, UnitState::buffer_full, UnitState::dependency,
                                           UnitState::dram};
    std::array<std::uint64_t, kUnitCount> numbers{};
    std::vector<PlannedCommand> program(shape.commands);
    for (PlannedCommand& planned : program) {
        Command& command = planned.command;
        const std::size_t unit = random() % kUnitCount;
        command.unit = static_cast<UnitId>(unit);
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            command.wait_cause[u] = causes[random() % std::size(causes)];
            if (shape.token_share > 0 && random() % shape.token_share == 0 && numbers[u] > 0) {
                command.wait_for[u] = numbers[u] - std::min<std::uint64_t>(numbers[u], random() % 4);
            }
        }
        command.number = ++numbers[unit];
        command.label = "random";
        planned.duration = 1 + random() % shape.longest;
        if (shape.pause_share > 0 && random() % shape.pause_share == 0) {
            planned.barrier = random() % 2 == 0;
            planned.gap = random() % (2 * shape.longest);
        }
    }
    return program;
}

}  // namespace palimpsest
