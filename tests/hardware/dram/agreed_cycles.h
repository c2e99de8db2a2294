#pragma once
// The cycle counts of DDR4-2400 16-16-16 without refresh (comparison_ddr4(), ddr4-2400-comparison.json) that three
// independent simulators agree on.

#include <cstdint>
#include <initializer_list>

#include "config/dram_config.h"
#include "hardware/dram/transaction.h"
#include "support/catch.h"

namespace palimpsest {

/// Holds `cycles(config, n, address)`, from the first offer to the last data of n reads of 64 bytes at address(0),
/// address(1) ..., against them. Each of `reads` is a multiple of 16.
template <typename Cycles>
void check_agreed_cycles(const DramConfig& config, std::initializer_list<std::uint64_t> reads, const Cycles& cycles) {
    const DramTiming& t = config.timing;
    const DramClock t0 = t.nRCD + t.nCL + 4 + 1;  // ACT, RD, the burst, and pipeline_latency
    REQUIRE(t0 == 37);
    constexpr Bytes column = 64, group = 8192, bank = 4 * group, row = 4 * bank;
    for (const std::uint64_t n : reads) {
        CAPTURE(n);
        CHECK(cycles(config, n, [](std::uint64_t i) { return i % 128 * column; }) == (n - 1) * t.nCCD_L + t0);
        CHECK(cycles(config, n, [](std::uint64_t i) { return i % 4 * group + i / 4 % 128 * column; }) ==
              (n - 1) * t.nCCD_S + t0);
        CHECK(cycles(config, n, [](std::uint64_t i) { return i % 32768 * row; }) == (n - 1) * t.nRC + t0);
        CHECK(cycles(config, n, [](std::uint64_t i) { return i % 4 * bank + i / 4 * row; }) ==
              (n / 4 - 1) * t.nRC + 3 * t.nRRD_L + t0);
        CHECK(cycles(config, n, [](std::uint64_t i) { return i % 16 * group + i / 16 * row; }) ==
              (n / 4 - 1) * t.nFAW + 3 * t.nRRD_S + t0);
    }
}

}  // namespace palimpsest
