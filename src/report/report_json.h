#pragma once
// report.json: every figure of a run by a stable name (docs/report.md). Equal runs give equal documents but for
// `simulation`.

#include <string>

#include <nlohmann/json.hpp>

#include "report/run_report.h"

namespace palimpsest {

inline constexpr int kReportSchemaVersion = 1;

nlohmann::ordered_json report_json(const RunReport& report);

/// As text: indented, with a newline at the end.
std::string json_text(const nlohmann::ordered_json& document);

}  // namespace palimpsest
