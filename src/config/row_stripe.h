#pragma once
// What the DRAM mapping string says about neighbouring bytes, as two numbers that address generators can use.

#include <cstdint>

#include "config/dram_config.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// A row stripe is a run of bytes, aligned to its size, within one row of each bank that it touches: the address bits
/// up to the highest column bit below the lowest row bit. Stripes one behind the other lie in `banks` different banks
/// (or sets of banks, where banks rotate inside a stripe) before one lies in the first again, with another row.
struct RowStripe {
    Bytes bytes = 0;
    std::uint32_t banks = 1;
};

/// Of a mapping that has passed the cross-checks. LPDDR4-3200, row|rank|bank|column|channel: 8 KiB and 8 banks.
RowStripe row_stripe(const DramConfig& dram);

}  // namespace palimpsest
