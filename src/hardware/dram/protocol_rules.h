#pragma once
// The rules that the protocol checker knows, each with the name under which it is reported.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace palimpsest {

enum class ProtocolRule : std::uint8_t {
    address,      ///< beyond the organisation, or not the first column of a burst
    command_bus,  ///< two commands of a channel in one clock, or back in time
    // One bank.
    activate_open,     ///< ACT while a row is open
    precharge_closed,  ///< PRE while none is
    column_closed,     ///< RD or WR while none is
    column_other_row,  ///< RD or WR to another row than the open one
    tRCD,
    tRAS,
    tRC,
    tRP,
    tRTP,
    tWR,
    // A bank group, a rank.
    tRRD_S,
    tRRD_L,
    tFAW,
    tCCD_S,
    tCCD_L,
    tWTR_S,
    tWTR_L,
    // The data bus.
    data_bus,    ///< two bursts at a time
    turnaround,  ///< fewer than two clocks between read and write data of a rank
    tRTRS,       ///< too few clocks between data of two ranks
    // Refresh of all banks.
    refresh_open,  ///< REF while a row is open
    tRP_before_refresh,
    tRC_before_refresh,
    tRFC,
    tREFI,  ///< more than 9 intervals between two REF of a rank
    // Refresh of one bank.
    refresh_bank_unknown,  ///< REFPB to a device without it (no tRFCpb)
    refresh_bank_open,     ///< REFPB of a bank in which a row is open
    refresh_bank_order,    ///< not the next bank in turn
    tRP_before_refresh_bank,
    tRC_before_refresh_bank,
    tRRD_before_refresh_bank,  ///< REFPB too soon after the ACT of another bank
    tRRD_after_refresh_bank,   ///< ACT too soon after the REFPB of another bank
    tRFCpb,
    tREFI_bank,  ///< more than 9 intervals without a REFPB of a bank
    // Power-down.
    command_in_power_down,  ///< any but PDX
    exit_without_power_down,
    tRDPDEN,  ///< PDE before the end of read data
    tWRPDEN,  ///< PDE before the end of write recovery
    tCKE,
    tXP,
    // Self-refresh.
    command_in_self_refresh,  ///< any but SRX
    exit_without_self_refresh,
    self_refresh_open,   ///< SRE while a row is open
    self_refresh_twice,  ///< no REF since the SRX before
    tRP_before_self_refresh,
    read_before_self_refresh,  ///< SRE before the end of read data
    tCKESR,
    tXS,
};
inline constexpr std::size_t kProtocolRules = static_cast<std::size_t>(ProtocolRule::tXS) + 1;

/// "tRCD", "ACT to open bank" ...
std::string_view name_of(ProtocolRule rule);

}  // namespace palimpsest
