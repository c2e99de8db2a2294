#pragma once
// One cache configuration from settings alone, for work that has no machine and no workload.

#include <string>
#include <vector>

#include "config/run_config.h"

namespace palimpsest {

/// Defaults (those of the policy, where it has its own) and `settings` on top, such as "cache.policy=h2o"; a later
/// setting of one path replaces an earlier one. Throws InputError listing everything wrong with them.
CacheConfig load_cache(const std::vector<std::string>& settings);

}  // namespace palimpsest
