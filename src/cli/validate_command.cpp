// palimpsest validate: what is wrong with configuration files, all of it at once.

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/run_session.h"
#include "config/loader.h"
#include "config/validate.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct ValidateOptions {
    std::vector<std::string> files;
    std::vector<std::string> overrides;
};

/// A run of a model must fit into its DRAM.
void check_fits(const std::string& file, const std::vector<std::string>& overrides) {
    if (std::filesystem::path(file).extension() == ".csv" || document_kind(read_json_file(file)) != "run") {
        return;
    }
    load_run_that_fits(file, overrides);
}

void validate(const ValidateOptions& options) {
    std::string errors;
    for (const std::string& file : options.files) {
        try {
            const std::string summary = validate_file(file, options.overrides);
            check_fits(file, options.overrides);
            fmt::print("OK: {}: {}\n", file, summary);
        } catch (const InputError& error) {
            errors += fmt::format("{}{}", errors.empty() ? "" : "\n", error.what());
        }
    }
    if (!errors.empty()) {
        throw InputError(errors);
    }
}

}  // namespace

void add_validate_command(CLI::App& app) {
    auto* command = app.add_subcommand("validate", "Check configuration files and name every error in them");
    const auto options = std::make_shared<ValidateOptions>();
    command
        ->add_option("files", options->files, "runs, models, hardware, DRAM, cost and attention files, CSVs of layers")
        ->required()
        ->type_name("FILE");
    command->add_option("--set", options->overrides, "change a setting of every run, as in cache.budget=128")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
    command->callback([options] { validate(*options); });
}

}  // namespace palimpsest
