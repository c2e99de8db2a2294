#include "hardware/dram/protocol_rules.h"

#include <array>

namespace palimpsest {

std::string_view name_of(ProtocolRule rule) {
    static constexpr std::array<std::string_view, kProtocolRules> names{
        "address",
        "command bus",
        "ACT to open bank",
        "PRE to closed bank",
        "column command to closed bank",
        "column command to other row",
        "tRCD",
        "tRAS",
        "tRC",
        "tRP",
        "tRTP",
        "tWR",
        "tRRD_S",
        "tRRD_L",
        "tFAW",
        "tCCD_S",
        "tCCD_L",
        "tWTR_S",
        "tWTR_L",
        "data bus",
        "read-to-write turnaround",
        "tRTRS",
        "REF with open bank",
        "tRP before REF",
        "tRC before REF",
        "tRFC",
        "tREFI",
        "REFPB without tRFCpb",
        "REFPB with open bank",
        "REFPB order",
        "tRP before REFPB",
        "tRC before REFPB",
        "tRRD before REFPB",
        "tRRD after REFPB",
        "tRFCpb",
        "tREFI of a bank",
        "command in power-down",
        "PDX without power-down",
        "tRDPDEN",
        "tWRPDEN",
        "tCKE",
        "tXP",
        "command in self-refresh",
        "SRX without self-refresh",
        "SRE with open bank",
        "SRE without REF since SRX",
        "tRP before SRE",
        "read data before SRE",
        "tCKESR",
        "tXS",
    };
    static_assert(!names.back().empty(), "a rule has no name");
    return names[static_cast<std::size_t>(rule)];
}

}  // namespace palimpsest
