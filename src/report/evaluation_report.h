#pragma once
// What eviction does to a model, as JSON and as a table (docs/accuracy.md).

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "config/model_shape.h"
#include "evaluation/evaluator.h"
#include "report/text_table.h"

namespace palimpsest {

inline constexpr int kEvaluationReportSchemaVersion = 1;

struct EvaluationReport {
    ModelShape model;
    std::string model_path, model_format;  ///< as the user named it, and what it is
    std::string text;                      ///< file, as the user named it
    std::uint32_t texts = 1;               ///< token sequences cut from the file
    std::uint32_t length = 1;              ///< tokens each
    std::uint64_t skip_tokens = 0;
    std::uint32_t score_from = 1;  ///< first position whose token's prediction counts
    std::uint64_t seed = 1;
    EvaluationResult result;
    std::uint64_t peak_rss_bytes = 0;
};

/// Equal requests give equal documents but for `simulation`, and for float rounding between machines.
nlohmann::ordered_json evaluation_report_json(const EvaluationReport& report);

/// At most 100 columns of text.
std::string evaluation_report_text(const EvaluationReport& report, const TerminalStyle& style);

}  // namespace palimpsest
