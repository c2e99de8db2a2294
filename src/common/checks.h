#pragma once
// Invariant checks that cost time: on in debug and test builds (-DPALIMPSEST_CHECKS=ON), compiled away otherwise.

namespace palimpsest {

#ifdef PALIMPSEST_CHECKS
inline constexpr bool kChecks = true;
#else
inline constexpr bool kChecks = false;
#endif

}  // namespace palimpsest
