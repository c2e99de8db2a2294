#pragma once
// Calibrations of synthetic attention as JSON (configs/schema/attention.schema.json).

#include <string>

#include "config/attention_calibration.h"
#include "config/diagnostics.h"
#include "config/schema.h"

namespace palimpsest {

/// Reads and checks a file. Whatever is wrong goes to `diagnostics`, each with its JSON path; the result is then not to
/// be used.
AttentionCalibration read_attention_calibration(const Schemas& schemas, const std::string& file,
                                                Diagnostics& diagnostics);
/// The same by the name of a shipped calibration or a file; throws InputError with all that is wrong.
AttentionCalibration load_attention_calibration(const std::string& reference);

/// The file that `reference` means in `file`: one relative to it, one of the shipped configs, or a preset's name; empty
/// when there is none.
std::string find_attention_calibration(const std::string& reference, const std::string& file);

/// As a file's text: one head a line, four significant digits.
std::string to_json(const AttentionCalibration& calibration);

}  // namespace palimpsest
