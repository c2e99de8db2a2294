#pragma once
// Timelines: writes slices and counters of a run as Trace Event JSON, which ui.perfetto.dev opens, while they come.
//
//     TimelineWriter timeline("run.json.gz", {"quickstart", hash}, window);
//     simulate(config, {.timeline = &timeline});
//     timeline.finish(end_of_run_ps);
//
// What is in the file: docs/timeline.md.

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "common/compressed_output.h"
#include "common/timeline_sink.h"
#include "report/time_window.h"

namespace palimpsest {

/// Compressed as the path says (.gz, .zst). The file appears under its name in `finish`, and only if it is whole;
/// memory does not grow with it. Times are whole nanoseconds, as the viewers keep them: both ends of a slice are
/// rounded down, so that neighbours stay neighbours.
class TimelineWriter : public TimelineSink {
  public:
    struct About {
        std::string name;  ///< of the run; the name of the process in the viewer
        std::string config_hash;
    };

    /// JSON beyond this chokes the viewer, which holds all of it in memory.
    static constexpr Bytes kMostBytes = Bytes{1} << 30;

    /// Opens the file: throws SimulationError where it cannot be written.
    TimelineWriter(const std::string& path, const About& about, TimeWindow window, Bytes most_bytes = kMostBytes);
    ~TimelineWriter() override;

    TrackId track(std::string_view name) override;
    CounterId counter(std::string_view name, std::initializer_list<std::string_view> series) override;
    bool shows(Picoseconds begin_ps, Picoseconds end_ps) const override;
    void slice(const TimelineSlice& slice) override;
    void value(CounterId id, Picoseconds time_ps, std::span<const double> values) override;

    /// Throws what went wrong on the way: SimulationError where the disk did not take it, InputError where more than
    /// `most_bytes` of JSON would have come. Then there is no file.
    void finish(Picoseconds end_of_run_ps);

    Bytes bytes() const { return bytes_; }  ///< of JSON, before compression

  private:
    struct Counter {
        std::string name;
        std::vector<std::string> series;
        std::vector<double> values, written;
        Picoseconds since_ps = 0;
        bool has_value = false;
    };

    void begin_event();
    void write_value(Counter& counter);
    /// Writes `line_`, one event; counts it where the timeline is too long already.
    void put(Picoseconds time_ps);
    void fail();
    [[noreturn]] void refuse(Picoseconds end_of_run_ps) const;

    TimeWindow window_;
    Bytes most_bytes_;
    std::unique_ptr<CompressedOutput> output_;  ///< null: nothing more is written
    std::exception_ptr failure_;
    std::vector<std::string> tracks_;
    std::vector<Counter> counters_;
    std::string line_;
    std::string end_;  ///< what closes the file
    Bytes bytes_ = 0;
    std::uint64_t events_ = 0;          ///< all that belong in the window
    std::uint64_t events_written_ = 0;  ///< in `bytes_`
    Picoseconds full_ps_ = 0;           ///< where the file became too large
};

}  // namespace palimpsest
