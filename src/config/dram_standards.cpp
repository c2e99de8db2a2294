#include "config/dram_standards.h"

#include <algorithm>
#include <cmath>

namespace palimpsest {
namespace {

constexpr double kRateTolerance = 0.005;  ///< a tCK in whole picoseconds against the grade's exact period

using T = DramTiming;

DramStandard ddr3() {
    DramStandard s;
    s.name = "DDR3";
    s.document = "JESD79-3F";
    s.rates = {800, 3200 / 3.0, 4000 / 3.0, 1600, 5600 / 3.0, 6400 / 3.0};
    s.beats_per_clock = {2};
    s.burst_lengths = {8};
    s.device_bits = {4, 8, 16};
    s.banks = {{1, 8}};
    s.refresh_interval_ns = 7800;
    s.self_refresh_exit_ns = 10;
    s.densities = {{0.5, 90}, {1, 110}, {2, 160}, {4, 260}, {8, 350}};
    s.minima = {
        {"tAA", "nCL", &T::nCL, 10},
        {"CWL", "nCWL", &T::nCWL, 0, 5, 800},
        {"CWL", "nCWL", &T::nCWL, 0, 6, 1067},
        {"CWL", "nCWL", &T::nCWL, 0, 7, 1334},
        {"CWL", "nCWL", &T::nCWL, 0, 8, 1600},
        {"CWL", "nCWL", &T::nCWL, 0, 9, 1867},
        {"CWL", "nCWL", &T::nCWL, 0, 10},
        {"tRCD", "nRCD", &T::nRCD, 10},
        {"tRP", "nRP", &T::nRP, 10},
        {"tRAS", "nRAS", &T::nRAS, 37.5, 0, 1067},
        {"tRAS", "nRAS", &T::nRAS, 36, 0, 1334},
        {"tRAS", "nRAS", &T::nRAS, 35, 0, 1600},
        {"tRAS", "nRAS", &T::nRAS, 34, 0, 1867},
        {"tRAS", "nRAS", &T::nRAS, 33},
        {"tRRD, 1 kB page", "nRRD_S", &T::nRRD_S, 10, 4, 800, 1024},
        {"tRRD, 1 kB page", "nRRD_S", &T::nRRD_S, 7.5, 4, 1067, 1024},
        {"tRRD, 1 kB page", "nRRD_S", &T::nRRD_S, 6, 4, 1600, 1024},
        {"tRRD, 1 kB page", "nRRD_S", &T::nRRD_S, 5, 4, 0, 1024},
        {"tRRD, 2 kB page", "nRRD_S", &T::nRRD_S, 10, 4, 1067},
        {"tRRD, 2 kB page", "nRRD_S", &T::nRRD_S, 7.5, 4, 1600},
        {"tRRD, 2 kB page", "nRRD_S", &T::nRRD_S, 6, 4},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 40, 0, 800, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 37.5, 0, 1067, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 30, 0, 1600, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 27, 0, 1867, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 25, 0, 0, 1024},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 50, 0, 1067},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 45, 0, 1334},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 40, 0, 1600},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 35},
        {"tCCD", "nCCD_S", &T::nCCD_S, 0, 4},
        {"tWTR", "nWTR_S", &T::nWTR_S, 7.5, 4},
        {"tRTP", "nRTP", &T::nRTP, 7.5, 4},
        {"tWR", "nWR", &T::nWR, 15},
        {"tCKE", "nCKE", &T::nCKE, 7.5, 3, 800},
        {"tCKE", "nCKE", &T::nCKE, 5.625, 3, 1334},
        {"tCKE", "nCKE", &T::nCKE, 5, 3},
        {"tXP", "nXP", &T::nXP, 7.5, 3, 1067},
        {"tXP", "nXP", &T::nXP, 6, 3},
    };
    return s;
}

DramStandard ddr4() {
    DramStandard s;
    s.name = "DDR4";
    s.document = "JESD79-4B";
    s.rates = {1600, 5600 / 3.0, 6400 / 3.0, 2400, 8000 / 3.0, 8800 / 3.0, 3200};
    s.beats_per_clock = {2};
    s.burst_lengths = {8};
    s.device_bits = {4, 8, 16};
    s.banks = {{4, 4}, {2, 4}};
    s.refresh_interval_ns = 7800;
    s.self_refresh_exit_ns = 10;
    s.densities = {{2, 160, 0, 110, 90}, {4, 260, 0, 160, 110}, {8, 350, 0, 260, 160}, {16, 550, 0, 350, 260}};
    s.minima = {
        {"tAA", "nCL", &T::nCL, 12.5},
        {"CWL", "nCWL", &T::nCWL, 0, 9, 1600},
        {"CWL", "nCWL", &T::nCWL, 0, 10, 1867},
        {"CWL", "nCWL", &T::nCWL, 0, 11, 2134},
        {"CWL", "nCWL", &T::nCWL, 0, 12, 2400},
        {"CWL", "nCWL", &T::nCWL, 0, 14, 2667},
        {"CWL", "nCWL", &T::nCWL, 0, 16},
        {"tRCD", "nRCD", &T::nRCD, 12.5},
        {"tRP", "nRP", &T::nRP, 12.5},
        {"tRAS", "nRAS", &T::nRAS, 35, 0, 1600},
        {"tRAS", "nRAS", &T::nRAS, 34, 0, 1867},
        {"tRAS", "nRAS", &T::nRAS, 33, 0, 2134},
        {"tRAS", "nRAS", &T::nRAS, 32},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 5, 4, 1600, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 4.2, 4, 1867, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 3.7, 4, 2134, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 3.3, 4, 2400, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 3, 4, 2667, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 2.7, 4, 2934, 1024},
        {"tRRD_S, 1/2 and 1 kB page", "nRRD_S", &T::nRRD_S, 2.5, 4, 0, 1024},
        {"tRRD_S, 2 kB page", "nRRD_S", &T::nRRD_S, 6, 4, 1600},
        {"tRRD_S, 2 kB page", "nRRD_S", &T::nRRD_S, 5.3, 4},
        {"tRRD_L, 1/2 and 1 kB page", "nRRD_L", &T::nRRD_L, 6, 4, 1600, 1024},
        {"tRRD_L, 1/2 and 1 kB page", "nRRD_L", &T::nRRD_L, 5.3, 4, 2134, 1024},
        {"tRRD_L, 1/2 and 1 kB page", "nRRD_L", &T::nRRD_L, 4.9, 4, 0, 1024},
        {"tRRD_L, 2 kB page", "nRRD_L", &T::nRRD_L, 7.5, 4, 1600},
        {"tRRD_L, 2 kB page", "nRRD_L", &T::nRRD_L, 6.4, 4},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 20, 16, 1600, 512},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 17, 16, 1867, 512},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 15, 16, 2134, 512},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 13, 16, 2400, 512},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 12, 16, 2667, 512},
        {"tFAW, 1/2 kB page", "nFAW", &T::nFAW, 10, 16, 0, 512},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 25, 20, 1600, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 23, 20, 1867, 1024},
        {"tFAW, 1 kB page", "nFAW", &T::nFAW, 21, 20, 0, 1024},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 35, 28, 1600},
        {"tFAW, 2 kB page", "nFAW", &T::nFAW, 30, 28},
        {"tCCD_S", "nCCD_S", &T::nCCD_S, 0, 4},
        {"tCCD_L", "nCCD_L", &T::nCCD_L, 6.25, 5, 1600},
        {"tCCD_L", "nCCD_L", &T::nCCD_L, 5.355, 5, 2134},
        {"tCCD_L", "nCCD_L", &T::nCCD_L, 5, 5},
        {"tWTR_S", "nWTR_S", &T::nWTR_S, 2.5, 2},
        {"tWTR_L", "nWTR_L", &T::nWTR_L, 7.5, 4},
        {"tRTP", "nRTP", &T::nRTP, 7.5, 4},
        {"tWR", "nWR", &T::nWR, 15},
        {"tCKE", "nCKE", &T::nCKE, 5, 3},
        {"tXP", "nXP", &T::nXP, 6, 4},
    };
    return s;
}

DramStandard lpddr4() {
    DramStandard s;
    s.name = "LPDDR4";
    s.document = "JESD209-4B";
    s.rates = {1600 / 3.0, 3200 / 3.0, 1600, 6400 / 3.0, 8000 / 3.0, 3200, 11200 / 3.0, 12800 / 3.0};
    s.between_rates = true;
    s.beats_per_clock = {2};
    s.burst_lengths = {16, 32};
    s.device_bits = {16, 8};
    s.banks = {{1, 8}};
    s.bank_refresh = true;
    s.refresh_interval_ns = 3904;
    s.self_refresh_exit_ns = 7.5;
    s.densities = {{2, 130, 60}, {4, 180, 90}, {8, 280, 140}, {16, 380, 190}};
    s.minima = {
        {"RL", "nCL", &T::nCL, 16.8},
        {"WL", "nCWL", &T::nCWL, 0, 4, 534},
        {"WL", "nCWL", &T::nCWL, 0, 6, 1067},
        {"WL", "nCWL", &T::nCWL, 0, 8, 1600},
        {"WL", "nCWL", &T::nCWL, 0, 10, 2134},
        {"WL", "nCWL", &T::nCWL, 0, 12, 2667},
        {"WL", "nCWL", &T::nCWL, 0, 14, 3200},
        {"WL", "nCWL", &T::nCWL, 0, 16, 3734},
        {"WL", "nCWL", &T::nCWL, 0, 18},
        {"tRCD", "nRCD", &T::nRCD, 18, 4},
        {"tRPab", "nRP", &T::nRP, 21, 4},
        {"tRAS", "nRAS", &T::nRAS, 42, 3},
        {"tRRD", "nRRD_S", &T::nRRD_S, 10, 4, 3734},
        {"tRRD", "nRRD_S", &T::nRRD_S, 7.5, 4},
        {"tFAW", "nFAW", &T::nFAW, 40, 0, 3734},
        {"tFAW", "nFAW", &T::nFAW, 30},
        {"tCCD", "nCCD_S", &T::nCCD_S, 0, 8},
        {"tWTR", "nWTR_S", &T::nWTR_S, 10, 8},
        {"tRTP", "nRTP", &T::nRTP, 7.5, 8},
        {"tWR", "nWR", &T::nWR, 18, 6},
        {"tCKE", "nCKE", &T::nCKE, 7.5, 4},
        {"tXP", "nXP", &T::nXP, 7.5, 5},
        {"tSR", "nCKESR", &T::nCKESR, 15, 3},
    };
    return s;
}

DramStandard lpddr5() {
    DramStandard s;
    s.name = "LPDDR5";
    s.document = "JESD209-5";
    s.rates = {1600 / 3.0, 3200 / 3.0, 1600, 6400 / 3.0, 2750, 3200, 11200 / 3.0, 12800 / 3.0, 4800, 5500, 6000, 6400};
    s.between_rates = true;
    s.beats_per_clock = {8, 4};
    s.burst_lengths = {16, 32};
    s.device_bits = {16, 8};
    s.banks = {{4, 4}, {1, 16}, {1, 8}};
    s.bank_refresh = true;
    s.refresh_interval_ns = 3906.25;
    s.self_refresh_exit_ns = 7.5;
    s.densities = {{2, 130, 60}, {4, 180, 90}, {8, 210, 120}, {16, 280, 140}, {32, 380, 190}};
    s.minima = {
        {"RL", "nCL", &T::nCL, 21},
        {"tRCD", "nRCD", &T::nRCD, 18, 2},
        {"tRPab", "nRP", &T::nRP, 21, 2},
        {"tRAS", "nRAS", &T::nRAS, 42, 3},
        {"tRRD, 8-bank mode", "nRRD_S", &T::nRRD_S, 10, 2, 0, 0, 8},
        {"tRRD", "nRRD_S", &T::nRRD_S, 5, 2},
        {"tFAW, 8-bank mode", "nFAW", &T::nFAW, 40, 0, 0, 0, 8},
        {"tFAW", "nFAW", &T::nFAW, 20},
        {"tWTR_S", "nWTR_S", &T::nWTR_S, 6.25, 4},
        {"tWTR_L", "nWTR_L", &T::nWTR_L, 12},
        {"tRBTP", "nRTP", &T::nRTP, 7.5, 2},
        {"tWR", "nWR", &T::nWR, 34, 3},
        {"tXP", "nXP", &T::nXP, 7, 3},
        {"tSR", "nCKESR", &T::nCKESR, 15, 2},
    };
    return s;
}

DramStandard hbm2() {
    DramStandard s;
    s.name = "HBM2";
    s.document = "JESD235A";
    s.rates = {1000, 1600, 2000, 2400};
    s.between_rates = true;
    s.beats_per_clock = {2};
    s.burst_lengths = {4, 2};
    s.device_bits = {64, 128};
    s.banks = {{4, 4}};
    s.bank_refresh = true;
    s.refresh_interval_ns = 3900;
    s.self_refresh_exit_ns = 10;
    s.densities = {{1, 110}, {2, 160}, {4, 260}, {8, 350}};
    s.vendor_minima = true;
    s.minima = {
        {"tRL", "nCL", &T::nCL, 10},    {"tRCD", "nRCD", &T::nRCD, 10}, {"tRP", "nRP", &T::nRP, 10},
        {"tRAS", "nRAS", &T::nRAS, 25}, {"tWR", "nWR", &T::nWR, 10},    {"tXP", "nXP", &T::nXP, 7.5},
    };
    return s;
}

}  // namespace

const std::vector<DramStandard>& dram_standards() {
    static const std::vector<DramStandard> standards{ddr3(), ddr4(), lpddr4(), lpddr5(), hbm2()};
    return standards;
}

const DramStandard* find_dram_standard(std::string_view name) {
    const auto& all = dram_standards();
    const auto found = std::find_if(all.begin(), all.end(), [&](const DramStandard& s) { return s.name == name; });
    return found == all.end() ? nullptr : &*found;
}

double data_rate_of(const DramTiming& timing) {
    return timing.beats_per_clock * 1e6 / static_cast<double>(timing.tCK_ps);
}

double clock_ns_of(const DramStandard& standard, const DramTiming& timing) {
    const double rate = data_rate_of(timing);
    for (const double grade : standard.rates) {
        if (std::abs(rate - grade) <= grade * kRateTolerance) {
            return timing.beats_per_clock * 1e3 / grade;
        }
    }
    return static_cast<double>(timing.tCK_ps) / 1e3;
}

std::uint64_t clocks_of(double ns, double clock_ns) {
    return static_cast<std::uint64_t>(std::floor(ns / clock_ns + 0.974));
}

std::uint32_t device_bits_of(const DramOrganisation& organisation) {
    return organisation.bus_bits / std::max(1U, organisation.devices_per_rank);
}

Bytes device_page_of(const DramOrganisation& organisation) {
    return Bytes{organisation.columns} * device_bits_of(organisation) / 8;
}

double device_gigabits_of(const DramConfig& config) {
    const DramOrganisation& o = config.organisation;
    const double bits = static_cast<double>(o.banks()) * o.rows * o.columns * device_bits_of(o);
    const bool pseudo_channel = config.standard == "HBM2" && o.bus_bits == 64;
    return bits * (pseudo_channel ? 2 : 1) / (1ULL << 30);
}

const DramDensity* density_of(const DramStandard& standard, const DramConfig& config) {
    const double gigabits = device_gigabits_of(config);
    const auto found = std::find_if(standard.densities.begin(), standard.densities.end(),
                                    [&](const DramDensity& d) { return gigabits <= d.gigabits; });
    return found == standard.densities.end() ? nullptr : &*found;
}

bool applies(const DramMinimum& minimum, const DramConfig& config) {
    const auto within = [](auto limit, auto value) { return limit == 0 || value <= limit; };
    return within(minimum.rate_to * (1 + kRateTolerance), data_rate_of(config.timing)) &&
           within(minimum.page_to, device_page_of(config.organisation)) &&
           within(minimum.banks_to, config.organisation.banks());
}

}  // namespace palimpsest
