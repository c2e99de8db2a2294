#pragma once
// The eviction policies that ship, by name. The interface itself is public: palimpsest/policy.h.

#include <cstdint>
#include <memory>

#include "config/run_config.h"
#include "palimpsest/policy.h"

namespace palimpsest {

/// Makes the policy `config.policy` for a set of `slots` slots. Throws InputError on an unknown name.
std::unique_ptr<EvictionPolicy> make_policy(const CacheConfig& config, std::uint32_t slots,
                                            const PolicyContext& context);

}  // namespace palimpsest
