#pragma once
// Where a run sends what its timeline shows. Who watches the machine knows this interface only; report/timeline_writer
// writes the file.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "palimpsest/types.h"

namespace palimpsest {

/// One fact about a slice. Names and texts are static.
struct TimelineArgument {
    std::string_view name;
    std::variant<std::uint64_t, std::string_view> value;
};

/// A stretch of time on a track. Slices of one track come in time order and do not overlap.
struct TimelineSlice {
    std::uint32_t track = 0;
    Picoseconds begin_ps = 0;
    Picoseconds end_ps = 0;
    std::string name;
    std::string_view category;  ///< static text
    std::vector<TimelineArgument> arguments;
    std::uint64_t flow_out = 0;  ///< an arrow goes from here to each slice with this number as its `flow_in`; 0: none
    std::uint64_t flow_in = 0;
};

/// Receives slices and counters. Not thread-safe. Never throws: what goes wrong is said when the timeline is finished.
class TimelineSink {
  public:
    using TrackId = std::uint32_t;
    using CounterId = std::uint32_t;

    virtual ~TimelineSink() = default;

    /// The track of this name, made where it is new. Tracks are shown in the order in which they are made.
    virtual TrackId track(std::string_view name) = 0;
    /// The counter of this name, with one curve for each of `series`.
    virtual CounterId counter(std::string_view name, std::initializer_list<std::string_view> series) = 0;
    /// Whether a slice of this time would be in the timeline.
    virtual bool shows(Picoseconds begin_ps, Picoseconds end_ps) const = 0;
    virtual void slice(const TimelineSlice& slice) = 0;
    /// From `time_ps` on the counter's series have `values`. Times of one counter do not go back; of several values of
    /// one time the last counts.
    virtual void value(CounterId counter, Picoseconds time_ps, std::span<const double> values) = 0;
};

}  // namespace palimpsest
