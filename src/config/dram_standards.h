#pragma once
// What JEDEC fixes for each DRAM standard, as tables: data rates, bursts, banks, widths, refresh by density, and the
// least times. Values in nanoseconds and clocks as the standards print them; dram_relations.h holds a config against
// them.

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/dram_config.h"

namespace palimpsest {

/// Length of a refresh of devices up to this density. HBM2 and LPDDR: density of a channel.
struct DramDensity {
    double gigabits = 0;
    double tRFC_ns = 0;    ///< all banks
    double tRFCpb_ns = 0;  ///< one bank; 0: not fixed by the standard
    double tRFC2_ns = 0;   ///< DDR4, refresh twice as often
    double tRFC4_ns = 0;   ///< DDR4, four times as often
};

/// A least time: the larger of `ns` and `clocks`. Of the lines of one field the first whose conditions hold counts.
struct DramMinimum {
    std::string_view symbol;  ///< the standard's name for it
    std::string_view field;   ///< member of "timing"
    std::uint32_t DramTiming::*value = nullptr;
    double ns = 0;
    std::uint32_t clocks = 0;
    double rate_to = 0;          ///< holds up to this data rate, MT/s; 0: any
    Bytes page_to = 0;           ///< holds up to this page of one device; 0: any
    std::uint32_t banks_to = 0;  ///< holds up to this many banks; 0: any
};

struct DramBanks {
    std::uint32_t groups = 1, banks_per_group = 8;
};

struct DramStandard {
    std::string_view name;
    std::string_view document;
    std::vector<double> rates;   ///< grades, MT/s a pin
    bool between_rates = false;  ///< any rate from the first to the last grade
    std::vector<std::uint32_t> beats_per_clock;
    std::vector<std::uint32_t> burst_lengths;
    std::vector<std::uint32_t> device_bits;  ///< data pins of one device; LPDDR and HBM2: of one channel
    std::vector<DramBanks> banks;
    bool bank_refresh = false;           ///< has a refresh command for one bank
    double refresh_interval_ns = 0;      ///< longest average distance of all-bank refreshes at normal temperature
    double self_refresh_exit_ns = 0;     ///< tXS - tRFC
    std::vector<DramDensity> densities;  ///< ascending
    std::vector<DramMinimum> minima;
    bool vendor_minima = false;  ///< the minima are those of published parts; the standard leaves them to the vendor
};

/// In the order in which they came out.
const std::vector<DramStandard>& dram_standards();
/// Null when there is none of this name.
const DramStandard* find_dram_standard(std::string_view name);

/// Data rate of a pin, MT/s, as tCK says.
double data_rate_of(const DramTiming& timing);
/// The period that a tCK of whole picoseconds stands for: 833 ps of DDR4-2400 are 0.8333 ns.
double clock_ns_of(const DramStandard& standard, const DramTiming& timing);
/// Least whole clocks of a time: rounded up, but for an excess of less than 0.026 clocks (the rounding of JESD79-4 and
/// JEDEC's SPD annexes).
std::uint64_t clocks_of(double ns, double clock_ns);

/// Data pins and page of one device; density in Gbit of one device (HBM2: of a channel, two pseudo channels).
std::uint32_t device_bits_of(const DramOrganisation& organisation);
Bytes device_page_of(const DramOrganisation& organisation);
double device_gigabits_of(const DramConfig& config);

/// The line of the standard's density table for this config; null when it has none so large.
const DramDensity* density_of(const DramStandard& standard, const DramConfig& config);
/// Whether this line's conditions hold.
bool applies(const DramMinimum& minimum, const DramConfig& config);

}  // namespace palimpsest
