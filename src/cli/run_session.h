#pragma once
// What run and compare share: one simulation under the user's eyes, and where its results go.

#include <string>
#include <vector>

#include "common/signal_sink.h"
#include "common/timeline_sink.h"
#include "config/run_config.h"
#include "report/run_report.h"

namespace palimpsest {

/// The configuration in `file`; throws InputError, which names the file, also where the model does not fit into its
/// DRAM.
RunConfig load_run_that_fits(const std::string& file, const std::vector<std::string>& overrides);

/// Simulates with a progress line that begins with `label` (none when `quiet` or when standard error is no terminal).
/// Ctrl-C ends it with a SimulationError after the current step.
RunReport simulate_with_progress(const RunConfig& config, const std::string& label, bool quiet,
                                 SignalSink* waveform = nullptr, TimelineSink* timeline = nullptr);

/// DIRECTORY/report.json
void write_report(const RunReport& report, const std::string& directory);

/// Writes to standard output. Throws SimulationError where it cannot take it: a full disk must not look like success.
void print_output(const std::string& text);

}  // namespace palimpsest
