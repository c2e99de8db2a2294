#pragma once
// How the energy, leakage and area of an SRAM bank change with its size and width: what makes the configured buffers
// cost what they would. The cost table holds one figure a word for a reference bank; this gives the factor for another
// bank.

#include <cstdint>

#include "palimpsest/types.h"

namespace palimpsest {

enum class SramAccess : std::uint8_t { read, write };

/// Energy of one access in pJ by CACTI 7 (65 nm, itrs-hp, 360 K, one RW port, one bank): 1 kB to 2 MB, words of 8 to 64
/// B. Between the table's points both axes are interpolated on logarithmic scales; smaller banks and words cost as the
/// smallest, larger words in proportion to their width, larger banks as the square root of their size.
double sram_access_pj(SramAccess access, Bytes bank_bytes, std::uint32_t word_bytes);

/// Leakage of one bank in mW, same conditions; beyond the table in proportion to the size.
double sram_leakage_mw(Bytes bank_bytes);

/// Area of one bank in mm2, same conditions; beyond the table in proportion to the size.
double sram_area_mm2(Bytes bank_bytes);

}  // namespace palimpsest
