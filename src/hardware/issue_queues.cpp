#include "hardware/issue_queues.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

IssueQueues::IssueQueues(Cycles issue_latency, std::array<unsigned, kUnitCount> credits, std::size_t capacity)
    : latency_(issue_latency), capacity_(capacity) {
    if (issue_latency == 0) {
        throw SimulationError("sequencer: a command cannot be issued in the cycle in which it comes (issue latency 0)");
    }
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        queues_[u].credits = credits[u];
    }
}

void IssueQueues::push(Command command, Cycles now) {
    Queue& q = queue(command.unit);
    if (q.waiting.size() >= capacity_) {
        throw SimulationError(fmt::format("sequencer: command {} of {} finds its queue of {} full", command.number,
                                          name_of(command.unit), capacity_));
    }
    if (command.number != q.pushed + 1) {
        throw SimulationError(fmt::format("sequencer: {} expects command {}, got {}", name_of(command.unit),
                                          q.pushed + 1, command.number));
    }
    ++q.pushed;
    q.waiting.push_back({std::move(command), now});
    ++waiting_;
}

void IssueQueues::completed(UnitId unit, std::uint64_t number, Cycles now) {
    Queue& q = queue(unit);
    if (number != q.completed + 1 || number > q.issued) {
        throw SimulationError(fmt::format("sequencer: {} reports command {} complete, {} of {} issued are",
                                          name_of(unit), number, q.completed, q.issued));
    }
    ++q.completed;
    q.recent.push_back(now);
}

void IssueQueues::make_visible(Cycles now) {
    for (Queue& q : queues_) {
        while (!q.recent.empty() && q.recent.front() + latency_ <= now) {
            q.recent.pop_front();
            ++q.visible;
        }
    }
}

std::optional<UnitId> IssueQueues::missing(const Command& command) const {
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        if (queues_[u].visible < command.wait_for[u]) {
            return static_cast<UnitId>(u);
        }
    }
    return std::nullopt;
}

std::optional<Command> IssueQueues::issue(UnitId unit, Cycles now) {
    make_visible(now);
    Queue& q = queue(unit);
    if (q.waiting.empty() || q.waiting.front().since + latency_ > now || q.issued - q.visible >= q.credits ||
        missing(q.waiting.front().command)) {
        return std::nullopt;
    }
    Command command = std::move(q.waiting.front().command);
    q.waiting.pop_front();
    --waiting_;
    ++q.issued;
    return command;
}

std::optional<Cycles> IssueQueues::next_chance(Cycles now) const {
    std::optional<Cycles> next;
    const auto consider = [&](Cycles cycle) {
        const Cycles at = std::max(cycle, now + 1);
        next = next ? std::min(*next, at) : at;
    };
    for (const Queue& q : queues_) {
        if (!q.recent.empty()) {
            consider(q.recent.front() + latency_);
        }
        if (!q.waiting.empty()) {
            const Cycles ripe = q.waiting.front().since + latency_;
            if (ripe > now) {
                consider(ripe);
            } else if (q.issued - q.visible < q.credits && !missing(q.waiting.front().command)) {
                consider(now + 1);  // a second command of this unit, ready as it is
            }
        }
    }
    return next;
}

UnitState IssueQueues::idle_cause(UnitId unit, Cycles now) {
    make_visible(now);
    const Queue& q = queue(unit);
    if (q.waiting.empty()) {
        return UnitState::drained;
    }
    const Command& head = q.waiting.front().command;
    if (const auto lacking = missing(head)) {
        return head.wait_cause[static_cast<std::size_t>(*lacking)];
    }
    return UnitState::dependency;  // tokens are there: the issue latency itself, of the command or of a credit
}

bool IssueQueues::all_complete() const {
    return std::all_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.completed == q.pushed; });
}

std::vector<std::string> IssueQueues::describe_waits() const {
    std::vector<std::string> lines;
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        const Queue& q = queues_[u];
        const auto unit = name_of(static_cast<UnitId>(u));
        if (q.issued > q.completed) {
            lines.push_back(fmt::format("{}: {} command(s) issued and not complete, the oldest is number {}", unit,
                                        q.issued - q.completed, q.completed + 1));
        }
        if (q.waiting.empty()) {
            continue;
        }
        const Command& head = q.waiting.front().command;
        for (std::size_t w = 0; w < kUnitCount; ++w) {
            if (queues_[w].completed < head.wait_for[w]) {
                const std::string layer = head.layer == kNoLayer ? "" : fmt::format("layer {}, ", head.layer);
                lines.push_back(
                    fmt::format("{}: '{}' (number {}, {}request {}) waits for {} to complete {} commands ({} done)",
                                unit, head.label, head.number, layer, head.request, name_of(static_cast<UnitId>(w)),
                                head.wait_for[w], queues_[w].completed));
            }
        }
    }
    return lines;
}

}  // namespace palimpsest
