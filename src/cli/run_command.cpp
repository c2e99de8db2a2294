// palimpsest run: one configuration, simulated and reported.

#include <filesystem>
#include <memory>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/html_report.h"
#include "cli/run_session.h"
#include "common/atomic_file.h"
#include "config/loader.h"
#include "palimpsest/error.h"
#include "report/report_json.h"
#include "report/terminal.h"
#include "report/timeline_writer.h"
#include "report/vcd_writer.h"

namespace palimpsest {
namespace {

struct RunOptions {
    std::string config;
    std::vector<std::string> overrides;
    std::string out;
    std::string page;
    std::string vcd;
    std::string vcd_window = "0us:50us";
    std::string vcd_blocks;
    std::string vcd_detail = "all";
    std::string timeline;
    std::string timeline_window;
    bool quiet = false;
    bool json = false;
};

/// Without --out the page brings a report.json of its own name: it must not take the place of another file of this run.
void expect_room_beside(const HtmlReport& page, const RunOptions& options) {
    namespace fs = std::filesystem;
    const std::string report = page.report_beside();
    for (const std::string& other : {options.config, options.timeline, options.vcd}) {
        if (!other.empty() && fs::weakly_canonical(fs::absolute(report)) == fs::weakly_canonical(fs::absolute(other))) {
            throw InputError("--report", "", fmt::format("the page's report would be written over {}", other),
                             "another name for the page, or --out DIR for its report");
        }
    }
    const AtomicFile probe(report);
}

void run(const RunOptions& options) {
    const RunConfig config = load_run_that_fits(options.config, options.overrides);
    std::optional<VcdWriter> waveform;
    if (!options.vcd.empty()) {
        waveform.emplace(parse_time_window(options.vcd_window, "--vcd-window"),
                         SignalFilter(options.vcd_blocks, parse_signal_detail(options.vcd_detail, "--vcd-detail")));
    }
    const TimeWindow timeline_window = options.timeline_window.empty()
                                           ? TimeWindow{}
                                           : parse_time_window(options.timeline_window, "--timeline-window");
    if (!options.out.empty()) {
        prepare_output_directory(options.out);
    }
    std::optional<HtmlReport> page;  // may be in that directory
    if (!options.page.empty()) {
        page.emplace(options.page);
        if (options.out.empty()) {
            expect_room_beside(*page, options);
        }
    }
    if (waveform) {                           // may be in that directory
        const AtomicFile probe(options.vcd);  // what cannot be written is said before the simulation, not after
    }
    std::optional<TimelineWriter> timeline;
    if (!options.timeline.empty()) {
        timeline.emplace(options.timeline, TimelineWriter::About{config.name, config.hash}, timeline_window);
    }
    const RunReport report = simulate_with_progress(config, config.name, options.quiet, waveform ? &*waveform : nullptr,
                                                    timeline ? &*timeline : nullptr);
    if (!options.out.empty()) {
        write_report(report, options.out);
    }
    if (page && options.out.empty()) {
        write_file_atomically(page->report_beside(), json_text(report_json(report)));
    }
    if (options.json) {
        print_output(json_text(report_json(report)));
    } else if (!options.quiet) {
        print_output(terminal_text(report, terminal_style(STDOUT_FILENO)));
    }
    // Last: a window that held too much must not cost the results.
    const Picoseconds end_ps = report.result.total.cycles * config.hardware.core_clock_ps;
    if (waveform) {
        waveform->write(options.vcd, end_ps);
    }
    if (timeline) {
        timeline->finish(end_ps);
    }
    if (page) {
        page->write(options.out.empty() ? page->report_beside()
                                        : (std::filesystem::path(options.out) / "report.json").string());
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
    command
        ->add_option("--report", options->page,
                     "write a page with tables and pictures; report.json goes beside it unless --out is given")
        ->type_name("FILE.html");
    auto* vcd = command->add_option("--vcd", options->vcd, "write a waveform, and a GTKWave save file beside it")
                    ->type_name("FILE");
    command->add_option("--vcd-window", options->vcd_window, "simulated time the waveform shows (default 0us:50us)")
        ->type_name("A:B")
        ->needs(vcd);
    command
        ->add_option("--vcd-blocks", options->vcd_blocks, "blocks or signals it shows, as in dram,kv_mmu (default all)")
        ->type_name("NAME,...")
        ->needs(vcd);
    command->add_option("--vcd-detail", options->vcd_detail, "units, blocks or all signals (default all)")
        ->type_name("DETAIL")
        ->needs(vcd);
    auto* timeline = command
                         ->add_option("--timeline", options->timeline,
                                      "write a timeline for ui.perfetto.dev; compressed as .gz or .zst")
                         ->type_name("FILE");
    command
        ->add_option("--timeline-window", options->timeline_window,
                     "simulated time it shows (default all), as in 0us:50us")
        ->type_name("A:B")
        ->needs(timeline);
    command->add_flag("--quiet", options->quiet, "no table and no progress line");
    command->add_flag("--json", options->json, "print report.json in place of the table");
    command->callback([options] { run(*options); });
}

}  // namespace palimpsest
