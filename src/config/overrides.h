#pragma once
// Settings from the command line: "cache.budget=128", "dram=hbm2", "hardware.pe_array.rows=16".

#include <string>
#include <vector>

#include "config/schema.h"

namespace palimpsest {

struct Override {
    std::string text;  ///< as typed
    std::string path;
    Json value;  ///< parsed as JSON where it is JSON, else the text itself
};

/// The file name under which problems of overrides are reported.
inline constexpr const char* kOverrideFile = "--set";

/// Splits PATH=VALUE; a text without "=" or with an empty path goes to `diagnostics`.
std::vector<Override> parse_overrides(const std::vector<std::string>& texts, Diagnostics& diagnostics);

/// The schema of the setting at `path` of a run, where model, hardware, DRAM and cost table are objects in our own
/// keys; or of a section alone, as its `kind` says.
const Json* setting_schema(const Schemas& schemas, const std::string& path, const std::string& kind = "run");

/// Sets one value in a run whose sections are in place, or in one section. An annotated number keeps its form and its
/// source becomes "--set". An unknown path goes to `diagnostics` with the nearest one there is. Returns whether it was
/// set.
bool apply_override(const Schemas& schemas, const Override& setting, Json& document, Diagnostics& diagnostics,
                    const std::string& kind = "run");

}  // namespace palimpsest
