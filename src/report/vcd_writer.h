#pragma once
// Waveforms: takes the machine's signals and writes those of one window as a value change dump (IEEE 1364), which
// GTKWave opens, and a GTKWave save file beside it.
//
//     VcdWriter waveform(parse_time_window("0us:50us", "--vcd-window"));
//     simulate(config, {.waveform = &waveform});
//     waveform.write("run.vcd", end_of_run_ps);
//
// States are string variables, levels are binary vectors, events are VCD events (docs/waveforms.md).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/signal_sink.h"
#include "report/signal_filter.h"
#include "report/time_window.h"

namespace palimpsest {

/// Keeps the changes inside the window and of the time before it the last value of each signal: memory is bounded by
/// what happens in the window. Changes may come in any order between signals; they are sorted when the file is written.
class VcdWriter : public SignalSink {
  public:
    explicit VcdWriter(TimeWindow window, SignalFilter filter = SignalFilter())
        : window_(window), filter_(std::move(filter)) {}

    SignalId declare(std::string_view hierarchy, SignalKind kind, unsigned width_bits,
                     std::string_view state_names = {}) override;
    void declared() override { filter_.check(); }
    void change(SignalId signal, Picoseconds time_ps, std::uint64_t value) override;

    /// Writes `path` and, with the extension .gtkw in place of its own, the save file. The dump ends with the window or
    /// the run, whichever is first. Throws SimulationError where a file cannot be written and InputError when the
    /// window holds more changes than kMostChanges.
    void write(const std::string& path, Picoseconds end_of_run_ps) const;

    struct Signal {
        std::vector<std::string> scopes;  ///< outermost first
        std::string name;
        SignalKind kind = SignalKind::level;
        unsigned width_bits = 1;
        std::vector<std::string> state_names;
        std::uint64_t initial = 0;  ///< at the start of the window
        bool has_initial = false;
        std::uint64_t latest = 0;  ///< of all seen, to leave out changes that are none
        bool has_latest = false;
    };
    struct Change {
        Picoseconds time_ps;
        std::uint64_t value;
        SignalId signal;
    };
    const std::vector<Signal>& signals() const { return signals_; }
    std::size_t changes() const { return changes_.size(); }

    static constexpr std::size_t kMostChanges = 16'000'000;  // 24 bytes each

  private:
    std::string header() const;

    TimeWindow window_;
    SignalFilter filter_;
    std::vector<Signal> signals_;
    std::vector<Change> changes_;
    bool overflow_ = false;
};

}  // namespace palimpsest
