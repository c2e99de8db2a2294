#pragma once
// Measures on attention rows what a synthetic source needs to make rows like them. The method, step by step, and what
// becomes of probabilities too small to be recorded: docs/synthetic-attention.md.
//
//   AttentionCalibration c = calibrate(trace, positions);
//   SyntheticSource like_it(c, seed, shape);

#include <cstdint>
#include <functional>

#include "attention/attention_source.h"
#include "attention/attention_statistics.h"
#include "config/attention_calibration.h"

namespace palimpsest {

inline constexpr std::uint32_t kFewestCalibrationPositions = 128;
inline constexpr std::uint32_t kCalibrationRounds = 8;

/// Measures every head; then makes rows from the numbers, codes them as a trace codes them, looks where their attention
/// lies, and corrects the numbers by what that misses of the recorded rows, `rounds` times: what measuring distorts
/// cancels, and entropy, sink share and recency come out as recorded. `positions` are the queries looked at; each must
/// see all keys before it, so the last may not lie beyond a recording's window. `name` and `source` of the result are
/// the caller's to set. Calls `on_progress` with the fraction done. Throws InputError for too few positions.
AttentionCalibration calibrate(AttentionSource& source, PositionRange positions,
                               std::uint32_t rounds = kCalibrationRounds,
                               const std::function<void(double)>& on_progress = {});

}  // namespace palimpsest
