#pragma once
// A signal sink that keeps every change: what a waveform of a test would show.

#include <map>
#include <string>
#include <vector>

#include "common/signal_sink.h"

namespace palimpsest {

class SignalRecorder : public SignalSink {
  public:
    struct Change {
        Picoseconds time;
        std::uint64_t value;
        bool operator==(const Change&) const = default;
    };
    using Changes = std::vector<Change>;

    SignalId declare(std::string_view hierarchy, SignalKind, unsigned, std::string_view) override {
        names_.emplace(std::string(hierarchy), static_cast<SignalId>(signals_.size()));
        signals_.emplace_back();
        return static_cast<SignalId>(signals_.size() - 1);
    }
    void change(SignalId signal, Picoseconds time, std::uint64_t value) override {
        signals_[signal].push_back({time, value});
    }

    /// The changes as they came.
    const Changes& of(const std::string& name) const { return signals_[names_.at(name)]; }
    /// What is seen: of several changes at one time the last, and only where the value differs.
    Changes visible(const std::string& name) const {
        Changes seen;
        for (const Change& change : of(name)) {
            if (!seen.empty() && seen.back().time == change.time) {
                seen.pop_back();
            }
            if (seen.empty() || seen.back().value != change.value) {
                seen.push_back(change);
            }
        }
        return seen;
    }
    /// The value in each of the first `cycles` cycles.
    std::vector<std::uint64_t> by_cycle(const std::string& name, Cycles cycles, Picoseconds period) const {
        std::vector<std::uint64_t> values(cycles);
        const Changes& changes = of(name);
        std::size_t next = 0;
        std::uint64_t value = 0;
        for (Cycles cycle = 0; cycle < cycles; ++cycle) {
            while (next < changes.size() && changes[next].time <= cycle * period) {
                value = changes[next++].value;
            }
            values[cycle] = value;
        }
        return values;
    }

  private:
    std::map<std::string, SignalId> names_;
    std::vector<Changes> signals_;
};

}  // namespace palimpsest
