#pragma once
// Data hazards of one piece of storage: which commands wrote it, which still read it.

#include <array>
#include <cstdint>

#include "hardware/command.h"

namespace palimpsest {

/// Per unit the number of the last command that wrote, and that read, this storage.
struct Hazard {
    std::array<std::uint64_t, kUnitCount> writers{};
    std::array<std::uint64_t, kUnitCount> readers{};
};

}  // namespace palimpsest
