// palimpsest dram: an address trace played on DRAM alone.

#include <bit>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <system_error>

#include <unistd.h>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/run_session.h"
#include "common/atomic_file.h"
#include "common/compressed_output.h"
#include "common/host_memory.h"
#include "config/loader.h"
#include "hardware/dram/address_trace.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/config_check.h"
#include "hardware/dram/protocol_checker.h"
#include "hardware/dram/trace_player.h"
#include "palimpsest/error.h"
#include "report/dram_report.h"
#include "report/numbers.h"
#include "report/report_json.h"
#include "report/run_report.h"

namespace palimpsest {
namespace {

struct DramOptions {
    std::string trace;
    std::string config;
    std::vector<std::string> overrides;
    Bytes request_bytes = 64;
    std::string report;
    std::string commands;
    bool check = false;
    bool quiet = false;
};

/// The command trace as a file.
class CommandFile {
  public:
    explicit CommandFile(const std::string& path) : output_(path), buffer_(output_), stream_(&buffer_) {
        stream_.exceptions(std::ios::badbit);  // of the file: a full disk ends the run and says so
    }
    DramCommandSink& sink() { return writer_.emplace(stream_); }
    void commit() {
        stream_.flush();
        output_.commit();
    }

  private:
    CompressedOutput output_;
    OutputBuffer buffer_;
    std::ostream stream_;
    std::optional<CommandTraceWriter> writer_;
};

class Stopwatch {
  public:
    /// Seconds since the last lap, or since it was made.
    double lap() {
        const Clock::time_point now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - latest_).count();
        latest_ = now;
        return seconds;
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point latest_ = Clock::now();
};

void stop_at_violation(const ProtocolChecker& checker) {
    if (!checker.violations().empty()) {
        throw SimulationError("the commands break the DRAM standard: " + to_string(checker.violations().front()));
    }
}

DramConfig load_config(const DramOptions& options) {
    DramConfig config = load_dram(options.config, options.overrides);
    check_dram_config(config, options.config);
    if (!std::has_single_bit(options.request_bytes) || options.request_bytes > config.organisation.bytes()) {
        throw InputError("--request-bytes", "", fmt::format("{}", options.request_bytes),
                         fmt::format("a power of two, 1 to {}, the capacity", config.organisation.bytes()));
    }
    return config;
}

DramReport play(const DramOptions& options, const DramConfig& config, DramCommandSink* commands) {
    const InterruptGuard interrupt;
    ProgressLine line;
    AddressTraceReader reader(options.trace, {.capacity = config.organisation.bytes(),
                                              .request_bytes = options.request_bytes,
                                              .interrupted = &interrupt.flag()});
    DramSystem dram(config, commands);
    std::optional<ProtocolChecker> checker;
    if (options.check) {
        dram.add_sink(checker.emplace(config.timing, config.organisation, config.refresh.mode));
    }
    TracePlayer player(dram, options.request_bytes, &interrupt.flag());

    DramReport report;
    report.config = config;
    report.trace = options.trace;
    report.request_bytes = options.request_bytes;
    Stopwatch watch;
    while (true) {
        const std::span<const AddressRequest> requests = reader.next();
        report.read_seconds += watch.lap();
        if (requests.empty()) {
            break;
        }
        player.play(requests);
        report.play_seconds += watch.lap();
        if (checker) {
            stop_at_violation(*checker);
        }
        if (interrupt.flag().load()) {
            throw SimulationError(fmt::format("interrupted after {} requests", reader.requests()));
        }
        if (!options.quiet) {
            const double speed = ratio(static_cast<double>(reader.requests()), report.play_seconds);
            line.update(reader.input().fraction(),
                        fmt::format("{}: {} requests, {}", reader.input().name(), format_count(reader.requests()),
                                    format_si(speed, "requests/s")));
        }
        watch.lap();
    }
    if (reader.requests() == 0) {
        throw InputError(reader.input().name(), "", "holds no request", "a line for each, as in \"R 0x1f40\"");
    }
    const TraceResult& result = player.finish();
    report.play_seconds += watch.lap();
    if (checker) {
        checker->finish(result.first_offer + result.cycles);
        stop_at_violation(*checker);
    }
    report.reads = result.reads;
    report.writes = result.writes;
    report.first_offer = result.first_offer;
    report.cycles = result.cycles;
    report.counts = result.counts;
    report.read_latency = result.read_latency;
    report.write_latency = result.write_latency;
    report.peak_rss_bytes = peak_rss_bytes();
    return report;
}

/// Of the two outputs the later would replace the earlier. Devices and pipes take both.
void check_outputs_differ(const DramOptions& options) {
    namespace fs = std::filesystem;
    if (options.report.empty() || options.commands.empty()) {
        return;
    }
    std::error_code ignored;
    const fs::path report = fs::weakly_canonical(fs::absolute(options.report), ignored);
    const bool replaces = !fs::exists(report, ignored) || fs::is_regular_file(report, ignored);
    if (replaces && report == fs::weakly_canonical(fs::absolute(options.commands), ignored)) {
        throw InputError("--commands", "", fmt::format("\"{}\", where the report goes", options.commands),
                         "a file of its own");
    }
}

void run(const DramOptions& options) {
    const DramConfig config = load_config(options);
    check_outputs_differ(options);
    if (!options.report.empty()) {
        const AtomicFile probe(options.report);  // what cannot be written is said before the trace is played
    }
    std::optional<CommandFile> commands;
    DramCommandSink* sink = options.commands.empty() ? nullptr : &commands.emplace(options.commands).sink();
    const DramReport report = play(options, config, sink);
    if (commands) {
        commands->commit();
    }
    if (!options.report.empty()) {
        write_file_atomically(options.report, json_text(dram_report_json(report)));
    }
    if (!options.quiet) {
        print_output(dram_report_text(report, terminal_style(STDOUT_FILENO)));
    }
}

}  // namespace

void add_dram_command(CLI::App& app) {
    auto* command = app.add_subcommand("dram", "Play an address trace on DRAM alone and report time and energy");
    const auto options = std::make_shared<DramOptions>();
    command->add_option("trace", options->trace, "R|W hexaddress [cycle], one a line; gzip and zstd too; - reads stdin")
        ->required()
        ->type_name("TRACE");
    command->add_option("--config", options->config, "DRAM file or preset, as in ddr4-2400")
        ->required()
        ->type_name("DRAM.json");
    command->add_option("--set", options->overrides, "change a setting, as in timing.nCL=16; may be repeated")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
    command->add_option("--request-bytes", options->request_bytes, "bytes of each request, a power of two (default 64)")
        ->type_name("BYTES");
    command->add_option("--report", options->report, "write the report as JSON")->type_name("FILE");
    command
        ->add_option("--commands", options->commands,
                     "write the DRAM commands, one a line; compressed where the name ends in .gz or .zst")
        ->type_name("FILE");
    command->add_flag("--check", options->check, "hold every command to the rules of the standard; exit 1 at a breach");
    command->add_flag("--quiet", options->quiet, "no table and no progress line");
    command->callback([options] { run(*options); });
}

}  // namespace palimpsest
