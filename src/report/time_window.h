#pragma once
// The stretch of simulated time that a waveform or a timeline shows.

#include <string>

#include "palimpsest/types.h"

namespace palimpsest {

/// [begin, end)
struct TimeWindow {
    Picoseconds begin_ps = 0;
    Picoseconds end_ps = ~Picoseconds{0};
};

/// Reads "A:B", each a decimal number of ps, ns, us or ms such as `0us:50us` or `1.5us:1600ns`, in whole picoseconds
/// and A < B. Throws InputError, which names `option`, otherwise.
TimeWindow parse_time_window(const std::string& text, const std::string& option);

}  // namespace palimpsest
