#pragma once
// From a byte address to a place in DRAM, as the config's mapping string says.
//
// The string names address fields, most significant first, separated by '|': channel, rank, row, bank, bankgroup,
// column. `field:n` is n bits of a field and may come more than once; a field without a width takes the bits its other
// pieces leave, and a field of no bits may be left out. The address bits inside one burst are the lowest and are not
// named: `column` counts bursts.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "config/dram_config.h"

namespace palimpsest {

struct DramLocation {
    std::uint32_t row = 0;
    std::uint16_t column = 0;  ///< in bursts: column address / burst length
    std::uint8_t bank = 0;     ///< of the channel: (rank * bank groups + bank group) * banks a group + bank
    std::uint8_t channel = 0;
    bool operator==(const DramLocation&) const = default;
};

/// Linear over bits, so that it is evaluated a byte of the burst number at a time from tables.
class AddressMap {
  public:
    /// Throws InputError for a geometry that is no power of two or a mapping that drops or repeats a bit.
    explicit AddressMap(const DramConfig& config);

    DramLocation locate(std::uint64_t burst) const { return unpack(packed(burst)); }
    /// The same for many bursts that often lie near the one before: remembers where the last ones lay.
    class Walker {
      public:
        explicit Walker(const AddressMap& map) : map_(map) {}
        DramLocation locate(std::uint64_t burst) {
            if (burst >> 8 != page_) {
                page_ = burst >> 8;
                of_page_ = map_.packed(burst & ~std::uint64_t{0xff});
            }
            return unpack(of_page_ ^ map_.tables_[0][burst & 0xff]);
        }

      private:
        const AddressMap& map_;
        std::uint64_t page_ = ~std::uint64_t{0};  ///< 256 bursts
        std::uint64_t of_page_ = 0;
    };
    /// Bursts from this one on that are sure to have consecutive columns of its row.
    std::uint64_t run_from(std::uint64_t burst) const { return run_mask_ + 1 - (burst & run_mask_); }
    std::uint64_t burst_of(Bytes address) const { return address >> burst_shift_; }
    std::uint64_t bursts() const { return bursts_; }  ///< in all channels together

  private:
    std::uint64_t packed(std::uint64_t burst) const {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < tables_used_; ++i) {
            sum ^= tables_[i][(burst >> (8 * i)) & 0xff];
        }
        return sum;
    }
    static DramLocation unpack(std::uint64_t packed) {
        return {static_cast<std::uint32_t>(packed), static_cast<std::uint16_t>(packed >> 32),
                static_cast<std::uint8_t>(packed >> 48), static_cast<std::uint8_t>(packed >> 56)};
    }

    std::array<std::array<std::uint64_t, 256>, 6> tables_{};
    std::uint32_t tables_used_ = 0;
    std::uint32_t burst_shift_ = 0;
    std::uint64_t run_mask_ = 0;  ///< the lowest bits of a burst's number that are the lowest of its column
    std::uint64_t bursts_ = 0;
};

}  // namespace palimpsest
