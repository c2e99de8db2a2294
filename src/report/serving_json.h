#pragma once
// The `serving` part of report.json: docs/report.md.

#include <nlohmann/json.hpp>

#include "report/run_report.h"

namespace palimpsest {

/// Of a run whose result has `serving`.
nlohmann::ordered_json serving_json(const RunReport& report);

}  // namespace palimpsest
