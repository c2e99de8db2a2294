#pragma once
// What run and compare share: one simulation under the user's eyes, and where its results go.

#include <string>

#include "common/signal_sink.h"
#include "config/run_config.h"
#include "report/run_report.h"

namespace palimpsest {

/// Simulates with a progress line that begins with `label` (none when `quiet` or when standard error is no terminal).
/// Ctrl-C ends it with a SimulationError after the current step.
RunReport simulate_with_progress(const RunConfig& config, const std::string& label, bool quiet,
                                 SignalSink* waveform = nullptr);

/// DIRECTORY/report.json
void write_report(const RunReport& report, const std::string& directory);

/// Writes to standard output. Throws SimulationError where it cannot take it: a full disk must not look like success.
void print_output(const std::string& text);

}  // namespace palimpsest
