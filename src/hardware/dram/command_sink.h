#pragma once
// The commands on the DRAM command buses, for whoever wants to see them: traces, waveforms, the protocol checker.

#include <cstdint>
#include <string_view>

#include "hardware/dram/transaction.h"

namespace palimpsest {

enum class DramCommandKind : std::uint8_t {
    activate,
    precharge,
    precharge_all,
    read,
    write,
    refresh,
    refresh_bank,
    power_down_enter,
    power_down_exit,
    self_refresh_enter,
    self_refresh_exit,
};
inline constexpr std::size_t kDramCommandKinds = 11;
/// ACT, PRE, PREA, RD, WR, REF, REFPB, PDE, PDX, SRE, SRX.
std::string_view name_of(DramCommandKind kind);

/// One command of one clock. Fields that a command does not carry are zero (bank of PREA, REF, PDE ..., row of PRE
/// ...).
struct DramCommand {
    DramClock clock = 0;
    DramCommandKind kind = DramCommandKind::activate;
    std::uint8_t channel = 0;
    std::uint8_t rank = 0;
    std::uint8_t bank_group = 0;
    std::uint8_t bank = 0;     ///< within its group
    std::uint32_t row = 0;     ///< of ACT, RD and WR
    std::uint32_t column = 0;  ///< of RD and WR: first column address of the burst
    bool operator==(const DramCommand&) const = default;
};

/// Hears every command of a channel in clock order; channels are told one after another, so that their clocks
/// interleave.
class DramCommandSink {
  public:
    virtual ~DramCommandSink() = default;
    virtual void command(const DramCommand& command) = 0;
    /// Bursts in the queues of a channel from the end of `clock` on.
    virtual void queue_depths(DramClock clock, std::uint32_t channel, std::uint32_t reads, std::uint32_t writes) {
        (void)clock, (void)channel, (void)reads, (void)writes;
    }
};

}  // namespace palimpsest
