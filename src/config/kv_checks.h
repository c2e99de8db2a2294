#pragma once
// Cross-field checks of how keys and values are stored.

#include "config/cross_checks.h"

namespace palimpsest {

/// Whether 4-bit vectors come out in whole bytes and groups, and whether the DRAM has banks to place by. For
/// configurations that have no other problem: it reads the mapping string without judging it.
void cross_check_kv(const RunConfig& config, const Locate& locate, Diagnostics& diagnostics);

}  // namespace palimpsest
