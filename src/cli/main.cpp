// The `palimpsest` program: its subcommands, and one place where exceptions become exit codes (docs/command-line.md).

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "palimpsest/error.h"
#include "report/version.h"

namespace {

int fail(int exit_code, const char* message) {
    fmt::print(stderr, "palimpsest: error: {}\n", message);
    return exit_code;
}

int run_program(int argc, char** argv) {
    using namespace palimpsest;
    CLI::App app{"Cycle-accurate simulator of a transformer accelerator with a constant-size KV cache", "palimpsest"};
    app.set_version_flag("--version", fmt::format("palimpsest {} ({})", tool_version(), tool_git()));
    app.require_subcommand(1);
    add_run_command(app);
    add_compare_command(app);
    add_validate_command(app);
    add_presets_command(app);
    add_record_command(app);
    add_inspect_command(app);
    add_dram_command(app);
    add_evaluate_command(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {  // --help, --version
        return app.exit(request);
    } catch (const CLI::ParseError& error) {
        const std::vector<std::string> unknown = app.remaining();
        const std::string what =
            unknown.empty() || !app.get_subcommands().empty() ? error.what() : unknown.front() + ": no such subcommand";
        return fail(kExitBadInput, fmt::format("{} (palimpsest --help lists what there is)", what).c_str());
    }
    return kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace palimpsest;
    std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of the write, like a full disk
    try {
        return run_program(argc, argv);
    } catch (const InputError& error) {
        return fail(kExitBadInput, error.what());
    } catch (const std::bad_alloc&) {
        return fail(kExitSimulationFailed, "out of memory");
    } catch (const std::exception& error) {
        return fail(kExitSimulationFailed, error.what());
    }
}
