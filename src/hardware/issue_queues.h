#pragma once
// The sequencer's decision, without SystemC: which queued command may go to its unit in which cycle.
//
// Per unit a FIFO of commands. The head of a queue is issued in the first cycle in which
//   (1) it has been in the queue for `issue_latency` cycles,
//   (2) for every unit u, the completions of u that are at least `issue_latency` cycles old reach the count it waits
//   for, (3) the unit has a free place (a credit; a completion gives it back in the same way, `issue_latency` cycles
//   later).
// One command a unit a cycle. Per-cycle specification: docs/blocks/sequencer.md.

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "hardware/command.h"

namespace palimpsest {

class IssueQueues {
  public:
    /// `issue_latency`: at least 1; `credits`: places in each unit; `capacity`: commands each queue holds.
    IssueQueues(Cycles issue_latency, std::array<unsigned, kUnitCount> credits, std::size_t capacity);

    bool has_room(UnitId unit) const { return queue(unit).waiting.size() < capacity_; }
    /// A command has come in cycle `now`; needs room. Commands of one unit carry numbers 1, 2, 3 ...
    void push(Command command, Cycles now);
    /// Command `number`, the oldest in `unit`, has completed in cycle `now`.
    void completed(UnitId unit, std::uint64_t number, Cycles now);
    /// Whether the head of `unit` goes in cycle `now`; if so it leaves the queue. Call at most once a unit a cycle.
    std::optional<Command> issue(UnitId unit, Cycles now);
    /// First cycle after `now` at which an issue may become possible through what is already known; nothing when only a
    /// further push or completion can help.
    std::optional<Cycles> next_chance(Cycles now) const;

    /// Why `unit` has nothing to do in cycle `now`: drained where its queue is empty, else the wait cause of the first
    /// unit (in the order of UnitId) whose tokens the head lacks, else dependency.
    UnitState idle_cause(UnitId unit, Cycles now);
    std::size_t waiting(UnitId unit) const { return queue(unit).waiting.size(); }
    /// Commands in all queues.
    std::size_t waiting() const { return waiting_; }
    std::uint64_t completed_count(UnitId unit) const { return queue(unit).completed; }
    std::uint64_t pushed_count(UnitId unit) const { return queue(unit).pushed; }
    const Command* head(UnitId unit) const {
        return queue(unit).waiting.empty() ? nullptr : &queue(unit).waiting.front().command;
    }
    bool all_complete() const;
    /// For every unit that holds commands, and for every token that a head lacks, a line such as
    /// "pe_array: 'scores' (number 17, layer 3, request 0) waits for dma_load to complete 12 commands (11 done)".
    std::vector<std::string> describe_waits() const;

  private:
    struct Waiting {
        Command command;
        Cycles since;
    };
    struct Queue {
        std::deque<Waiting> waiting;
        std::uint64_t pushed = 0;
        std::uint64_t issued = 0;
        std::uint64_t completed = 0;  ///< all so far
        std::uint64_t visible = 0;    ///< old enough to be acted on
        std::deque<Cycles> recent;    ///< completion cycles not yet visible
        unsigned credits = 0;         ///< places in the unit
    };

    const Queue& queue(UnitId unit) const { return queues_[static_cast<std::size_t>(unit)]; }
    Queue& queue(UnitId unit) { return queues_[static_cast<std::size_t>(unit)]; }
    void make_visible(Cycles now);
    /// First unit whose tokens the command still lacks.
    std::optional<UnitId> missing(const Command& command) const;

    Cycles latency_;
    std::size_t capacity_;
    std::size_t waiting_ = 0;  ///< in all queues
    std::array<Queue, kUnitCount> queues_;
};

}  // namespace palimpsest
