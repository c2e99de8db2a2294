#pragma once
// Whether a burst may be in a set of many, in constant time: never says no wrongly, says yes wrongly about one time in
// a thousand when some forty are in it.

#include <array>
#include <cstdint>

#include "hardware/dram/address_map.h"

namespace palimpsest {

class BurstFilter {
  public:
    void add(const DramLocation& where) {
        const Slots at = slots(where);
        ++counts_[at.first];
        ++counts_[at.second];
    }
    void remove(const DramLocation& where) {
        const Slots at = slots(where);
        --counts_[at.first];
        --counts_[at.second];
    }
    bool may_contain(const DramLocation& where) const {
        const Slots at = slots(where);
        return counts_[at.first] > 0 && counts_[at.second] > 0;
    }

  private:
    static constexpr std::uint32_t kHalf = 1024;
    struct Slots {
        std::uint32_t first, second;  ///< one in each half
    };
    static Slots slots(const DramLocation& where) {
        const std::uint64_t key =
            std::uint64_t{where.row} | std::uint64_t{where.column} << 32 | std::uint64_t{where.bank} << 48;
        const std::uint64_t hash = (key ^ key >> 29) * 0x9E3779B97F4A7C15u;
        return {static_cast<std::uint32_t>(hash >> 54), kHalf + static_cast<std::uint32_t>(hash >> 44 & (kHalf - 1))};
    }

    std::array<std::uint32_t, 2 * kHalf> counts_{};
};

}  // namespace palimpsest
