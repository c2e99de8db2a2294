#pragma once
// Whether this controller can run a DRAM config. Relations: config/dram_relations.h; those of the JEDEC standards are
// held against files and settings when they are read, and do not stop a device made up for a study or a test.

#include <string>

#include "config/dram_config.h"

namespace palimpsest {

/// Throws InputError listing every relation that does not hold, each with JSON path, value and what would be accepted.
/// `file` is named in the message. The mapping string is checked by AddressMap.
void check_dram_config(const DramConfig& config, const std::string& file = "");

}  // namespace palimpsest
