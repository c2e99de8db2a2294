#pragma once
// From a JSON file and overrides to a RunConfig.

#include <string>
#include <vector>

#include "config/run_config.h"

namespace palimpsest {

/// Reads `path`, resolves what it refers to (model, hardware, DRAM, cost table: a file relative to `path`, the name of
/// a shipped preset, or an object in place), applies `overrides` ("cache.budget=128"), validates against the schema and
/// across fields, and fills in defaults. Throws InputError listing every error found, each with file, JSON path, value
/// and what would be accepted.
RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// One section alone, by the name of a shipped preset or a file relative to the current directory; the same checks and
/// errors as in a run.
ModelShape load_model(const std::string& reference);
HardwareConfig load_hardware(const std::string& reference);
/// `overrides` are paths in the DRAM file: "timing.nCL=16".
DramConfig load_dram(const std::string& reference, const std::vector<std::string>& overrides = {});
CostTable load_cost_table(const std::string& reference);

/// Where shipped presets and schemas lie: $PALIMPSEST_CONFIGS, else the source tree's or the installed configs/.
std::string configs_directory();

}  // namespace palimpsest
