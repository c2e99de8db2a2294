// The library interface to the DRAM system.

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "config/loader.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/dram_system.h"
#include "palimpsest/dram.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

DramConfig load(const std::string& reference, const std::vector<std::string>& overrides) {
    DramConfig config = load_dram(reference, overrides);
    check_dram_config(config, reference);
    return config;
}

/// A request whose completion is known, and may lie ahead.
struct Done {
    DramClock completion;
    std::uint64_t number;  ///< in the order of sending
    std::uint64_t user;

    /// Of a heap whose first is the earliest.
    bool operator<(const Done& other) const {
        return std::pair(completion, number) > std::pair(other.completion, other.number);
    }
};

struct Slot {
    DramTransaction transaction;
    std::uint64_t number = 0;
    std::uint64_t user = 0;
};

}  // namespace

struct Dram::State {
    State(const DramConfig& config, Callback callback) : dram(config), on_completion(std::move(callback)) {}

    DramSystem dram;
    Callback on_completion;
    DramClock now = 0;
    DramClock bound = kNever;  ///< no request in `dram` completes before it; stale after a send
    bool stale = false;
    std::uint64_t sent = 0, pending = 0;
    std::deque<Slot> slots;
    std::vector<Slot*> free;
    std::vector<DramTransaction*> finished;
    std::vector<Done> done;  ///< a heap

    DramClock next_completion() {
        if (stale) {
            bound = dram.next_wakeup();
            stale = false;
        }
        const DramClock known = done.empty() ? kNever : done.front().completion;
        return std::max(std::min(known, bound), now + 1);
    }

    /// Decides the clocks before `clock` and learns which requests they complete.
    void decide(DramClock clock) {
        dram.advance_to(clock, finished);
        for (const DramTransaction* transaction : finished) {
            Slot& slot = slots[transaction->user];
            done.push_back({transaction->completion, slot.number, slot.user});
            std::push_heap(done.begin(), done.end());
            free.push_back(&slot);
        }
        finished.clear();
        now = clock;
        stale = true;
    }

    void call_back() {
        while (!done.empty() && done.front().completion <= now) {
            std::pop_heap(done.begin(), done.end());
            const Done first = done.back();
            done.pop_back();
            --pending;
            if (on_completion) {
                on_completion(first.user, first.completion);
            }
        }
    }
};

Dram::Dram(const std::string& config, const std::vector<std::string>& overrides, Callback on_completion)
    : state_(std::make_unique<State>(load(config, overrides), std::move(on_completion))) {}

Dram::~Dram() = default;
Dram::Dram(Dram&&) noexcept = default;
Dram& Dram::operator=(Dram&&) noexcept = default;

void Dram::send(Bytes address, Bytes bytes, bool write, std::uint64_t user) {
    State& s = *state_;
    if (bytes == 0) {
        throw SimulationError(fmt::format("DRAM request of 0 bytes at 0x{:x}", address));
    }
    if (s.free.empty()) {
        Slot& added = s.slots.emplace_back();
        added.transaction.user = s.slots.size() - 1;
        s.free.push_back(&added);
    }
    Slot& slot = *s.free.back();
    const DramSegment segment{address, bytes};
    slot.transaction.segments = {&segment, 1};
    slot.transaction.write = write;
    s.dram.send(slot.transaction, s.now);  // may throw: the slot is still free then
    slot.transaction.segments = {};
    slot.number = s.sent++;
    slot.user = user;
    s.free.pop_back();
    ++s.pending;
    s.stale = true;
}

void Dram::tick() {
    advance_to(state_->now + 1);
}

void Dram::advance_to(std::uint64_t clock) {
    State& s = *state_;
    if (clock < s.now) {
        throw SimulationError(fmt::format("DRAM advanced to clock {}, when it is at {}", clock, s.now));
    }
    // Stops where something may complete, so that a request that a callback sends arrives at that very clock.
    while (s.pending > 0) {
        const DramClock next = s.next_completion();
        if (next > clock) {
            break;
        }
        s.decide(next);
        s.call_back();
    }
    s.now = std::max(s.now, clock);
}

std::uint64_t Dram::now() const {
    return state_->now;
}

std::uint64_t Dram::pending() const {
    return state_->pending;
}

std::uint64_t Dram::next_completion() const {
    return state_->pending == 0 ? kNoClock : state_->next_completion();
}

bool Dram::idle() {
    return state_->pending == 0 && state_->dram.idle_at(state_->now);
}

DramCounts Dram::counts() {
    return state_->dram.counts_at(state_->now);
}

Bytes Dram::capacity() const {
    return state_->dram.config().organisation.bytes();
}

Bytes Dram::burst_bytes() const {
    return state_->dram.config().burst_bytes();
}

Picoseconds Dram::clock_ps() const {
    return state_->dram.config().timing.tCK_ps;
}

double Dram::peak_bytes_per_second() const {
    return state_->dram.config().peak_bandwidth();
}

}  // namespace palimpsest
