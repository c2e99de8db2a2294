#include "hardware/kv_mmu/bank_lanes.h"

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

BankLanes::BankLanes(const KvGeometry& geometry)
    : lanes_(geometry.stripe_banks >= 8 && geometry.batch > 1 ? 4 : 2),
      share_(geometry.stripe_bytes * geometry.stripe_banks / lanes_),
      pitch_(geometry.stripe_bytes * geometry.stripe_banks) {
    if (geometry.stripe_banks < 2 || geometry.kv_base % pitch_ != 0) {
        throw SimulationError(
            fmt::format("bank-interleaved KV region at {:#x}, with stripes of {} B in {} banks in turn",
                        geometry.kv_base, geometry.stripe_bytes, geometry.stripe_banks));
    }
}

std::uint32_t BankLanes::lane_of(RequestId request, bool value) const {
    if (lanes_ == 1) {
        return 0;
    }
    return (value ? request_lanes() : 0) + request.value % request_lanes();
}

}  // namespace palimpsest
