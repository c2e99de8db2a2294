#pragma once
// A trace and synthetic rows made to look like it, side by side.

#include <string>

#include "attention/attention_statistics.h"
#include "attention/trace_source.h"
#include "config/attention_calibration.h"

namespace palimpsest {

/// Prints, by layer, the statistics of `trace` and of synthetic rows of its shape, then the order in which policies
/// free slots on both.
void print_comparison(TraceSource& trace, const std::string& path, const AttentionCalibration& calibration,
                      PositionRange positions);

}  // namespace palimpsest
