#include "cli/run_session.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "common/atomic_file.h"
#include "config/loader.h"
#include "host/capacity.h"
#include "host/simulate.h"
#include "palimpsest/error.h"
#include "report/numbers.h"
#include "report/report_json.h"

namespace palimpsest {

RunConfig load_run_that_fits(const std::string& file, const std::vector<std::string>& overrides) {
    RunConfig config = load_run_config(file, overrides);
    if (config.workload.operators.empty()) {
        check_capacity(config, file);
    }
    return config;
}

RunReport simulate_with_progress(const RunConfig& config, const std::string& label, bool quiet, SignalSink* waveform,
                                 TimelineSink* timeline) {
    const InterruptGuard interrupt;
    ProgressLine line;
    SimulateOptions options;
    options.waveform = waveform;
    options.timeline = timeline;
    options.interrupted = &interrupt.flag();
    if (!quiet) {
        options.on_progress = [&](const Progress& progress) {
            const double speed = ratio(static_cast<double>(progress.cycles), progress.host_seconds);
            line.update(progress.fraction,
                        fmt::format("{}: {}, {}", label, progress.phase, format_si(speed, "cycles/s")));
        };
    }
    return make_run_report(config, simulate(config, options));
}

void write_report(const RunReport& report, const std::string& directory) {
    write_file_atomically((std::filesystem::path(directory) / "report.json").string(), json_text(report_json(report)));
}

void print_output(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw SimulationError(fmt::format("standard output: cannot write: {}", std::strerror(errno)));
    }
}

}  // namespace palimpsest
