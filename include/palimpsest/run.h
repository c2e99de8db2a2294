#pragma once
// Runs a configuration from another program.
//
//     #include "palimpsest/run.h"
//
//     const palimpsest::RunOutcome outcome = palimpsest::run_file("run.json", {"cache.budget=128"});
//     fmt::print("{} cycles, {} J\n", outcome.result.total.cycles, outcome.joules);
//
// Link palimpsest_cli. Throws InputError for what is wrong with the configuration and SimulationError for what goes
// wrong in the run (palimpsest/error.h).

#include <string>
#include <vector>

#include "palimpsest/result.h"

namespace palimpsest {

struct RunOutcome {
    RunResult result;
    double joules = 0;        ///< energy of the run
    std::string report_json;  ///< report.json as `palimpsest run` writes it
};

/// `overrides` are settings such as "cache.budget=128", as --set takes them. One run at a time in a process.
RunOutcome run_file(const std::string& path, const std::vector<std::string>& overrides = {});

}  // namespace palimpsest
