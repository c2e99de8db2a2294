// palimpsest run: one configuration, simulated and reported.

#include <memory>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/run_session.h"
#include "common/atomic_file.h"
#include "config/loader.h"
#include "report/report_json.h"
#include "report/terminal.h"
#include "report/vcd_writer.h"

namespace palimpsest {
namespace {

struct RunOptions {
    std::string config;
    std::vector<std::string> overrides;
    std::string out;
    std::string vcd;
    std::string vcd_window = "0us:50us";
    bool quiet = false;
    bool json = false;
};

void run(const RunOptions& options) {
    const RunConfig config = load_run_that_fits(options.config, options.overrides);
    std::optional<VcdWriter> waveform;
    if (!options.vcd.empty()) {
        waveform.emplace(parse_time_window(options.vcd_window, "--vcd-window"));
    }
    if (!options.out.empty()) {
        prepare_output_directory(options.out);
    }
    if (waveform) {                           // may be in that directory
        const AtomicFile probe(options.vcd);  // what cannot be written is said before the simulation, not after
    }
    const RunReport report =
        simulate_with_progress(config, config.name, options.quiet, waveform ? &*waveform : nullptr);
    if (!options.out.empty()) {
        write_report(report, options.out);
    }
    if (options.json) {
        print_output(json_text(report_json(report)));
    } else if (!options.quiet) {
        print_output(terminal_text(report, terminal_style(STDOUT_FILENO)));
    }
    if (waveform) {  // last: a window that held too much must not cost the results
        waveform->write(options.vcd, report.result.total.cycles * config.hardware.core_clock_ps);
    }
}

}  // namespace

void add_run_command(CLI::App& app) {
    auto* command = app.add_subcommand("run", "Simulate a configuration and report cycles and energy");
    const auto options = std::make_shared<RunOptions>();
    command->add_option("config", options->config, "configuration to run")->required()->type_name("CONFIG.json");
    command->add_option("--set", options->overrides, "change a setting, as in cache.budget=128; may be repeated")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
    command->add_option("--out", options->out, "write report.json into this directory, made where it is missing")
        ->type_name("DIR");
    auto* vcd = command->add_option("--vcd", options->vcd, "write a waveform, and a GTKWave save file beside it")
                    ->type_name("FILE");
    command->add_option("--vcd-window", options->vcd_window, "simulated time the waveform shows (default 0us:50us)")
        ->type_name("A:B")
        ->needs(vcd);
    command->add_flag("--quiet", options->quiet, "no table and no progress line");
    command->add_flag("--json", options->json, "print report.json in place of the table");
    command->callback([options] { run(*options); });
}

}  // namespace palimpsest
