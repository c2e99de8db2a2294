// palimpsest validate: what is wrong with configuration files, all of it at once.

#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "config/validate.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct ValidateOptions {
    std::vector<std::string> files;
    std::vector<std::string> overrides;
};

void validate(const ValidateOptions& options) {
    std::string errors;
    for (const std::string& file : options.files) {
        try {
            fmt::print("OK: {}: {}\n", file, validate_file(file, options.overrides));
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
    command->add_option("files", options->files, "runs, models, hardware, DRAM and cost files, CSVs of layers")
        ->required()
        ->type_name("FILE");
    command->add_option("--set", options->overrides, "change a setting of every run, as in cache.budget=128")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
    command->callback([options] { validate(*options); });
}

}  // namespace palimpsest
