#pragma once
// What every unit of the machine has: a TLM-2.0 socket for commands, a short queue, and its cycle accounting.

#include <cstdint>
#include <deque>

#include <tlm_utils/simple_target_socket.h>
#include <systemc>
#include <tlm>

#include "common/signal_sink.h"
#include "hardware/clock.h"
#include "hardware/command.h"
#include "palimpsest/activity.h"
#include "palimpsest/counters.h"

namespace palimpsest {

/// Carries one command over the command sockets; the sequencer owns and pools the payloads.
struct CommandExtension : tlm::tlm_extension<CommandExtension> {
    Command command;

    tlm::tlm_extension_base* clone() const override { return new CommandExtension(*this); }
    void copy_from(const tlm::tlm_extension_base& other) override {
        *this = static_cast<const CommandExtension&>(other);
    }
};

/// Base of the five units.
///
/// Protocol: the sequencer sends BEGIN_REQ only while it holds a credit for the unit's queue and only when the
/// command's tokens are there, so a unit always accepts (TLM_ACCEPTED). The unit answers BEGIN_RESP on the backward
/// path in the cycle the command is complete, in issue order; the sequencer returns TLM_COMPLETED.
///
/// Accounting: the unit's meter is set by the unit from `begin_activity` to `end_activity`; in between it says what it
/// is doing. While it has no command the sequencer sets the cause through `idle_cause`.
class Unit : public sc_core::sc_module {
  public:
    tlm_utils::simple_target_socket<Unit> command_socket;

    UnitId id() const { return id_; }
    const ActivityMeter& meter() const { return meter_; }
    const ActionCounts& actions() const { return actions_; }
    unsigned queue_capacity() const { return queue_capacity_; }
    bool has_work() const { return in_flight_ > 0; }
    /// Counts all cycles up to `cycle`.
    const ActivityCounts& close_accounts(Cycles cycle) { return meter_.close(cycle); }
    /// The sequencer's word on why the unit has nothing to do from `cycle` on. Ignored while it has work.
    void idle_cause(UnitState cause, Cycles cycle);
    /// Waveform signals under `hierarchy`; called before the simulation starts. Overriders call the base.
    virtual void trace(SignalSink& sink, const std::string& hierarchy);
    /// One line for the watchdog: what the unit is doing and waits for.
    virtual std::string diagnose() const;

  protected:
    Unit(const sc_core::sc_module_name& name, UnitId id, const ClockDomain& clock, unsigned queue_capacity);

    /// A command has arrived. Called at most `queue_capacity` ahead of completions.
    virtual void accept(tlm::tlm_generic_payload& payload, const Command& command) = 0;
    /// Reports the oldest accepted command complete now.
    void complete(tlm::tlm_generic_payload& payload);
    /// Sets the meter and the state signal from the current cycle, or from a given one not before the last change.
    void set_state(UnitState state) { set_state(state, clock_.now()); }
    void set_state(UnitState state, Cycles cycle);

    const ClockDomain& clock() const { return clock_; }
    ActivityMeter& meter_mutable() { return meter_; }
    ActionCounts& count() { return actions_; }
    SignalSink* sink() { return sink_; }

  private:
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);

    UnitId id_;
    const ClockDomain& clock_;
    unsigned queue_capacity_;
    unsigned in_flight_ = 0;
    ActivityMeter meter_;
    ActionCounts actions_;
    SignalSink* sink_ = nullptr;
    SignalSink::SignalId state_signal_ = 0;
    SignalSink::SignalId queue_signal_ = 0;
};

}  // namespace palimpsest
