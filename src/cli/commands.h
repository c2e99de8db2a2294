#pragma once
// The subcommands of `palimpsest`, one file each. Every function adds its subcommand to `app` with a callback that does
// the work; callbacks throw InputError or SimulationError, which main turns into exit codes.

#include <CLI/CLI.hpp>

namespace palimpsest {

void add_run_command(CLI::App& app);
void add_compare_command(CLI::App& app);
void add_validate_command(CLI::App& app);
void add_presets_command(CLI::App& app);
void add_record_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_dram_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);

}  // namespace palimpsest
