#pragma once
// `profile` of report.json (docs/report.md).

#include <nlohmann/json.hpp>

#include "palimpsest/profile.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// Of a run of `cycles`.
nlohmann::ordered_json profile_json(const RunProfile& profile, Cycles cycles);

}  // namespace palimpsest
