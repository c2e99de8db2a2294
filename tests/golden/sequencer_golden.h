#pragma once
// Golden model of the sequencer among a host and five units that take known times: every queue, token and counter in
// every cycle, as docs/blocks/sequencer.md writes it. What becomes known late goes through delay lines of one register
// a cycle.

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "hardware/command.h"

namespace palimpsest {

/// One command of a program, and what the host and its unit do with it.
struct PlannedCommand {
    Command command;
    Cycles duration = 1;   ///< in its unit, one command at a time
    bool barrier = false;  ///< the host first waits until everything before is complete
    Cycles gap = 0;        ///< then for so many cycles
};

class GoldenSequencer {
  public:
    struct Times {
        Cycles pushed = 0, issued = 0, complete = 0;
        bool operator==(const Times&) const = default;
    };
    using UnitStates = std::array<UnitState, kUnitCount>;
    using Lengths = std::array<std::uint64_t, kUnitCount>;

    GoldenSequencer(unsigned issue_latency, std::size_t queue_capacity, std::array<unsigned, kUnitCount> places,
                    const std::vector<PlannedCommand>& program)
        : latency_(issue_latency), capacity_(queue_capacity), program_(program), times(program.size()) {
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            lanes_[u].places = places[u];
            lanes_[u].pipe.assign(issue_latency - 1, 0);
        }
    }

    /// Steps until everything is complete and `tail` cycles more, at most `limit` cycles.
    void run(Cycles tail, Cycles limit = 1'000'000) {
        while (states.size() < limit && (completed_ < program_.size() || tail-- > 0)) {
            step();
        }
    }

  private:
    struct Queued {
        std::size_t index;
        unsigned age;
    };
    struct Lane {
        std::deque<Queued> queue;
        std::deque<std::size_t> in_unit;
        Cycles left = 0;  ///< of the oldest in the unit
        unsigned completed_now = 0;
        std::deque<unsigned> pipe;  ///< completions on their way to the scoreboard
        std::uint64_t tokens = 0;   ///< the scoreboard: completions known
        unsigned places = 0;        ///< credits in hand
    };

    void step() {
        const Cycles cycle = states.size();
        for (Lane& lane : lanes_) {  // units end
            if (!lane.in_unit.empty() && lane.left == 0) {
                times[lane.in_unit.front()].complete = cycle;
                lane.in_unit.pop_front();
                ++lane.completed_now;
                ++completed_;
                lane.left = lane.in_unit.empty() ? 0 : program_[lane.in_unit.front()].duration;
            }
        }
        bool issued = false;
        for (Lane& lane : lanes_) {  // heads that may go
            if (lane.queue.empty() || lane.queue.front().age < latency_ || lane.places == 0 ||
                lacking(lane) < kUnitCount) {
                continue;
            }
            const std::size_t index = lane.queue.front().index;
            lane.queue.pop_front();
            --lane.places;
            times[index].issued = cycle;
            if (lane.in_unit.empty()) {
                lane.left = program_[index].duration;
            }
            lane.in_unit.push_back(index);
            issued = true;
        }
        push(cycle);
        record(issued);
        for (Lane& lane : lanes_) {  // clock edge
            lane.pipe.push_front(lane.completed_now);
            lane.completed_now = 0;
            lane.tokens += lane.pipe.back();
            lane.places += lane.pipe.back();
            lane.pipe.pop_back();
            lane.left -= lane.in_unit.empty() ? 0 : 1;
            for (Queued& queued : lane.queue) {
                ++queued.age;
            }
        }
        gap_left_ -= gap_left_ > 0 ? 1 : 0;
    }

    /// First unit whose tokens the head lacks.
    std::size_t lacking(const Lane& lane) const {
        std::size_t u = 0;
        while (u < kUnitCount && lanes_[u].tokens >= program_[lane.queue.front().index].command.wait_for[u]) {
            ++u;
        }
        return u;
    }

    void push(Cycles cycle) {
        while (pushed_ < program_.size()) {
            const PlannedCommand& next = program_[pushed_];
            if (!gap_begun_) {
                if (next.barrier && completed_ < pushed_) {
                    return;
                }
                gap_begun_ = true;
                gap_left_ = next.gap;
            }
            Lane& lane = lanes_[static_cast<std::size_t>(next.command.unit)];
            if (gap_left_ > 0 || lane.queue.size() == capacity_) {
                return;
            }
            gap_begun_ = false;
            lane.queue.push_back({pushed_, 0});
            times[pushed_++].pushed = cycle;
        }
    }

    void record(bool issued) {
        UnitStates state{};
        Lengths length{};
        bool any_queued = false;
        for (std::size_t u = 0; u < kUnitCount; ++u) {
            const Lane& lane = lanes_[u];
            length[u] = lane.queue.size();
            any_queued = any_queued || !lane.queue.empty();
            if (!lane.in_unit.empty()) {
                state[u] = UnitState::busy;
            } else if (lane.queue.empty()) {
                state[u] = UnitState::drained;
            } else if (const std::size_t other = lacking(lane); other < kUnitCount) {
                state[u] = program_[lane.queue.front().index].command.wait_cause[other];
            } else {
                state[u] = UnitState::dependency;
            }
        }
        states.push_back(state);
        queue_lengths.push_back(length);
        own.push_back(issued ? UnitState::busy : any_queued ? UnitState::dependency : UnitState::drained);
    }

    unsigned latency_;
    std::size_t capacity_;
    const std::vector<PlannedCommand>& program_;
    std::array<Lane, kUnitCount> lanes_;
    std::size_t pushed_ = 0;
    std::size_t completed_ = 0;
    bool gap_begun_ = false;
    Cycles gap_left_ = 0;

  public:
    std::vector<Times> times;            ///< of each command
    std::vector<UnitStates> states;      ///< of the units, by cycle
    std::vector<Lengths> queue_lengths;  ///< by cycle
    std::vector<UnitState> own;          ///< the sequencer's own state, by cycle
};

}  // namespace palimpsest
