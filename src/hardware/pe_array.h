#pragma once
// The PE array as a unit of the machine: takes products from the sequencer, holds SRAM ports for them, and reports each
// complete in the cycle after its last result. All timing is ArrayTiming's; per-cycle specification:
// docs/blocks/pe_array.md.

#include <cstdint>
#include <deque>
#include <string>

#include "config/hardware_config.h"
#include "hardware/array_timing.h"
#include "hardware/sram_buffers.h"
#include "hardware/unit.h"

namespace palimpsest {

/// Accepts a GemmCommand in any cycle, also while earlier ones compute: its first weights load as soon as the shadow
/// registers are free. One event a command. Busy while a command is in flight.
///
/// Counts pe_mac, pe_weight_load, pe_register_hop and accumulator_access when a command is accepted; its SRAM words are
/// counted by the buffers.
class PeArray : public Unit {
  public:
    PeArray(const sc_core::sc_module_name& name, const HardwareConfig& config, const ClockDomain& clock,
            SramBuffers& buffers);

    /// Useful multiply-accumulates of all accepted commands (no padding).
    std::uint64_t macs() const { return macs_; }
    /// Cycles in which the array held a command, from its first weight load to its last result; overlap counts once.
    Cycles array_cycles() const { return array_cycles_; }
    /// Timetable of the command accepted last.
    const ArraySchedule& latest() const { return latest_; }

    std::string diagnose() const override;

  protected:
    void accept(tlm::tlm_generic_payload& payload, const Command& command) override;

  private:
    struct InFlight {
        tlm::tlm_generic_payload* payload;
        Cycles done;
    };

    void finish_oldest();

    SramBuffers& buffers_;
    ArrayTiming timing_;
    ArraySchedule latest_;
    std::deque<InFlight> in_flight_;
    sc_core::sc_event oldest_done_;
    std::uint64_t macs_ = 0;
    Cycles array_cycles_ = 0;
    Cycles counted_until_ = 0;  ///< array_cycles_ covers all commands up to here
};

}  // namespace palimpsest
