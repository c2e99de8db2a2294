#include "energy/sram_scaling.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace palimpsest {
namespace {

constexpr std::size_t kSizes = 12;  // 1 kB, 2 kB ... 2 MB
constexpr std::size_t kWords = 4;   // 8, 16, 32, 64 B
constexpr double kSmallestBank = 1024;
constexpr double kSmallestWord = 8;

struct CactiRow {
    std::array<double, kWords> read_pj;
    std::array<double, kWords> write_pj;
    double leakage_mw;
    double area_mm2;
};

// CACTI 7, 65 nm, itrs-hp, 360 K, one RW port, one bank. It finds no 1 kB array 64 B wide; that of 2 kB stands in.
constexpr std::array<CactiRow, kSizes> kCacti{{
    {{2.39, 4.66, 12.2, 39.1}, {5.16, 7.30, 14.6, 43.9}, 1.7, 0.022},
    {{3.92, 5.29, 12.7, 39.1}, {6.18, 10.8, 18.0, 43.9}, 3.1, 0.028},
    {{4.87, 6.24, 13.8, 40.1}, {9.53, 17.6, 24.9, 50.7}, 6.0, 0.04},
    {{8.81, 11.1, 15.8, 42.2}, {11.5, 20.5, 38.5, 64.4}, 11.7, 0.064},
    {{16.7, 15.4, 20.1, 46.1}, {15.3, 34.4, 66.0, 91.5}, 23, 0.112},
    {{24.9, 29.1, 37.5, 54.4}, {22.4, 40.1, 75.4, 146}, 43, 0.216},
    {{48.4, 56.4, 72.3, 104}, {29.9, 51.4, 94.3, 180}, 77, 0.415},
    {{56.0, 70.4, 104, 136}, {37.6, 65.5, 149, 289}, 154, 0.769},
    {{70.8, 97.4, 170, 267}, {52.3, 92.4, 160, 357}, 293, 1.79},
    {{93.6, 153, 225, 370}, {67.8, 116, 215, 460}, 587, 3.75},
    {{125, 206, 353, 571}, {99.1, 169, 335, 661}, 1168, 6.93},
    {{165, 283, 501, 835}, {147, 246, 483, 798}, 2336, 13.7},
}};

/// Where `value` lies on a scale of doublings from `first`: a cell and the position in it, 0 to 1.
struct Position {
    std::size_t cell;
    double along;
};

Position position_of(double value, double first, std::size_t points) {
    const double doublings = std::clamp(std::log2(value / first), 0.0, static_cast<double>(points - 1));
    const auto cell = std::min(static_cast<std::size_t>(doublings), points - 2);
    return {cell, doublings - static_cast<double>(cell)};
}

/// Straight line between the logarithms; exactly `low` and `high` at the ends.
double between(double low, double high, double along) {
    if (along == 0.0) {
        return low;
    }
    if (along == 1.0) {
        return high;
    }
    return low * std::pow(high / low, along);
}

constexpr double kLargestBank = kSmallestBank * (1U << (kSizes - 1));
constexpr double kLargestWord = kSmallestWord * (1U << (kWords - 1));

/// What depends on the bank's size alone; beyond the table in proportion to it.
double of_size(Bytes bank_bytes, double CactiRow::*quantity) {
    const auto bank = static_cast<double>(bank_bytes);
    const Position size = position_of(bank, kSmallestBank, kSizes);
    const double inside = between(kCacti[size.cell].*quantity, kCacti[size.cell + 1].*quantity, size.along);
    return inside * std::max(1.0, bank / kLargestBank) * std::min(1.0, bank / kSmallestBank);
}

}  // namespace

double sram_access_pj(SramAccess access, Bytes bank_bytes, std::uint32_t word_bytes) {
    const auto bank = static_cast<double>(bank_bytes);
    const auto word = static_cast<double>(word_bytes);
    const Position size = position_of(bank, kSmallestBank, kSizes);
    const Position width = position_of(word, kSmallestWord, kWords);
    const auto at_size = [&](std::size_t i) {
        const auto& row = access == SramAccess::read ? kCacti[i].read_pj : kCacti[i].write_pj;
        return between(row[width.cell], row[width.cell + 1], width.along);
    };
    const double inside = between(at_size(size.cell), at_size(size.cell + 1), size.along);
    return inside * std::max(1.0, word / kLargestWord) * std::sqrt(std::max(1.0, bank / kLargestBank));
}

double sram_leakage_mw(Bytes bank_bytes) {
    return of_size(bank_bytes, &CactiRow::leakage_mw);
}

double sram_area_mm2(Bytes bank_bytes) {
    return of_size(bank_bytes, &CactiRow::area_mm2);
}

}  // namespace palimpsest
