#pragma once
// Whether a DRAM config can be: JEDEC relations between its values, and the sizes this controller is built for.

#include <string>

#include "config/dram_config.h"

namespace palimpsest {

/// Throws InputError listing every relation that does not hold, each with JSON path, value and what would be accepted.
/// `file` is named in the message. The mapping string is checked by AddressMap.
void check_dram_config(const DramConfig& config, const std::string& file = "");

}  // namespace palimpsest
