#pragma once
// Runs one configuration on the machine.

#include <atomic>
#include <functional>
#include <string>

#include "common/signal_sink.h"
#include "common/timeline_sink.h"
#include "config/run_config.h"
#include "hardware/command_observer.h"
#include "palimpsest/policy.h"
#include "palimpsest/result.h"

namespace palimpsest {

struct Progress {
    double fraction = 0;  ///< of the run's work, 0 to 1
    std::string phase;    ///< "prefill 3/4", "generation 17/64"
    Cycles cycles = 0;    ///< core cycles simulated so far
    double host_seconds = 0;
};

struct SimulateOptions {
    SignalSink* waveform = nullptr;                    ///< where signals go; null: none
    TimelineSink* timeline = nullptr;                  ///< where commands, steps and counters go; null: none
    std::function<void(const Progress&)> on_progress;  ///< called after each step
    const std::atomic<bool>* interrupted = nullptr;    ///< looked at often: SimulationError when set
    CommandObserver* observer = nullptr;               ///< sees all commands; null: none
    PolicyFactory policy;                              ///< a policy of the caller's own in place of `cache.policy`
};

/// Simulates `config` from reset to the last command. Throws InputError for what the configuration cannot mean (a tile
/// larger than its buffer, a model larger than DRAM, a corrupt trace) and SimulationError when the machine is stuck or
/// a check of the result fails. Several runs may follow one another in one process.
RunResult simulate(const RunConfig& config, const SimulateOptions& options = {});

}  // namespace palimpsest
