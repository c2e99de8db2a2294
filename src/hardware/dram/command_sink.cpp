#include "hardware/dram/command_sink.h"

#include <array>

namespace palimpsest {

std::string_view name_of(DramCommandKind kind) {
    static constexpr std::array<std::string_view, kDramCommandKinds> names{"ACT",   "PRE", "PREA", "RD",  "WR", "REF",
                                                                           "REFPB", "PDE", "PDX",  "SRE", "SRX"};
    return names[static_cast<std::size_t>(kind)];
}

}  // namespace palimpsest
