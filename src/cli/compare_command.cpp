// palimpsest compare: two configurations against each other.

#include <filesystem>
#include <memory>

#include <unistd.h>

#include "cli/commands.h"
#include "cli/run_session.h"
#include "common/atomic_file.h"
#include "report/comparison.h"
#include "report/report_json.h"

namespace palimpsest {
namespace {

struct CompareOptions {
    std::string base;
    std::string other;
    std::vector<std::string> overrides;
    std::vector<std::string> base_overrides;
    std::vector<std::string> other_overrides;
    std::string out;
    bool quiet = false;
    bool json = false;
};

std::vector<std::string> joined_overrides(const std::vector<std::string>& both, const std::vector<std::string>& own) {
    std::vector<std::string> all = both;
    all.insert(all.end(), own.begin(), own.end());
    return all;
}

void compare_runs(const CompareOptions& options) {
    // Both are read, and all outputs tried, before either is simulated.
    const RunConfig base_config =
        load_run_that_fits(options.base, joined_overrides(options.overrides, options.base_overrides));
    const RunConfig other_config =
        load_run_that_fits(options.other, joined_overrides(options.overrides, options.other_overrides));
    const std::filesystem::path out(options.out);
    if (!options.out.empty()) {
        prepare_output_directory(options.out);
        prepare_output_directory((out / "base").string());
        prepare_output_directory((out / "other").string());
    }
    const RunReport base = simulate_with_progress(base_config, "base", options.quiet);
    const RunReport other = simulate_with_progress(other_config, "other", options.quiet);
    if (!options.out.empty()) {
        write_report(base, (out / "base").string());
        write_report(other, (out / "other").string());
        write_file_atomically((out / "compare.json").string(), json_text(comparison_json(base, other)));
    }
    if (options.json) {
        print_output(json_text(comparison_json(base, other)));
    } else if (!options.quiet) {
        print_output(comparison_text(base, other, terminal_style(STDOUT_FILENO)));
    }
}

}  // namespace

void add_compare_command(CLI::App& app) {
    auto* command = app.add_subcommand("compare", "Run two configurations and print what the second saves");
    const auto options = std::make_shared<CompareOptions>();
    command->add_option("base", options->base, "configuration to compare with")->required()->type_name("BASE.json");
    command->add_option("other", options->other, "configuration to compare")->required()->type_name("OTHER.json");
    const auto add_set = [command](const char* name, std::vector<std::string>& overrides, const char* description) {
        command->add_option(name, overrides, description)->type_name("PATH=VALUE")->allow_extra_args(false);
    };
    add_set("--set", options->overrides, "change a setting of both; may be repeated");
    add_set("--set-base", options->base_overrides, "change a setting of the base only");
    add_set("--set-other", options->other_overrides, "change a setting of the other only");
    command
        ->add_option("--out", options->out,
                     "write compare.json, base/report.json and other/report.json below this directory")
        ->type_name("DIR");
    command->add_flag("--quiet", options->quiet, "no table and no progress line");
    command->add_flag("--json", options->json, "print compare.json in place of the table");
    command->callback([options] { compare_runs(*options); });
}

}  // namespace palimpsest
