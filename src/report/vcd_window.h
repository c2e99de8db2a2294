#pragma once
// The stretch of simulated time that a waveform shows.

#include <string>

#include "palimpsest/types.h"

namespace palimpsest {

/// [begin, end)
struct VcdWindow {
    Picoseconds begin_ps = 0;
    Picoseconds end_ps = 50'000'000;  ///< 50 us
};

/// Reads "A:B", each a decimal number of ps, ns, us or ms such as `0us:50us` or `1.5us:1600ns`, in whole picoseconds
/// and A < B. Throws InputError otherwise.
VcdWindow parse_vcd_window(const std::string& text);

}  // namespace palimpsest
