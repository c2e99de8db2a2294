#pragma once
// The sequencer: takes tile commands from the host driver in program order, holds them in one queue a unit, and issues
// each when its dependency tokens are there. Units run ahead of each other as far as tokens and queues allow (decoupled
// access/execute).
//
//   command_socket     target, b_transport: blocks the host while the unit's queue is full
//   unit_sockets[u]    initiator to unit u: BEGIN_REQ issues, BEGIN_RESP back is the completion (its token)
//
// Timing: IssueQueues; per-cycle specification: docs/blocks/sequencer.md. Counts: sequencer_command per command. Its
// own meter: busy in cycles in which it issues, else dependency while a command is queued, else drained.

#include <array>
#include <memory>
#include <vector>

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <systemc>
#include <tlm>

#include "common/signal_sink.h"
#include "hardware/buffer_occupancy.h"
#include "hardware/clock.h"
#include "hardware/command_observer.h"
#include "hardware/issue_queues.h"
#include "hardware/unit.h"

namespace palimpsest {

class Sequencer : public sc_core::sc_module {
  public:
    tlm_utils::simple_target_socket<Sequencer> command_socket;
    std::array<std::unique_ptr<tlm_utils::simple_initiator_socket_tagged<Sequencer>>, kUnitCount> unit_sockets;

    /// Commands each queue holds: deep enough that loads of the next tiles are seen in time.
    static constexpr std::size_t kQueueCapacity = 64;

    /// `units` in the order of UnitId; they are told their idle causes.
    Sequencer(const sc_core::sc_module_name& name, const SequencerConfig& config, const ClockDomain& clock,
              std::array<Unit*, kUnitCount> units);
    ~Sequencer() override;

    /// Notified whenever everything that was pushed is complete.
    const sc_core::sc_event& all_complete_event() const { return all_complete_; }
    bool all_complete() const { return queues_.all_complete(); }
    std::uint64_t commands_completed() const { return completed_total_; }
    const ActivityCounts& close_accounts(Cycles cycle);
    const ActionCounts& actions() const { return actions_; }
    void trace(SignalSink& sink, const std::string& hierarchy);
    /// Tells `buffers` how full its halves are, for waveforms; before the simulation starts.
    void watch_occupancy(SramBuffers& buffers) { occupancy_ = std::make_unique<BufferOccupancy>(buffers); }
    /// `observer` sees all commands from here on, and outlives the simulation.
    void add_observer(CommandObserver& observer) { observers_.push_back(&observer); }
    std::vector<std::string> diagnose() const { return queues_.describe_waits(); }

  private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    tlm::tlm_sync_enum nb_transport_bw(int unit, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
    void dispatch();
    void send(Command command);
    void schedule(Cycles cycle);
    void tell_idle_cause(std::size_t unit, Cycles now);
    void note_queue(std::size_t unit);
    /// Ends a busy cycle that is over: what followed it is known only when something happens again.
    void follow_meter(Cycles now);

    const ClockDomain& clock_;
    std::array<Unit*, kUnitCount> units_;
    IssueQueues queues_;
    sc_core::sc_event dispatch_event_;
    sc_core::sc_event room_;
    sc_core::sc_event all_complete_;
    std::vector<std::unique_ptr<tlm::tlm_generic_payload>> payloads_;
    std::vector<tlm::tlm_generic_payload*> free_payloads_;
    std::uint64_t completed_total_ = 0;
    Cycles latency_;
    Cycles last_dispatch_ = ~Cycles{0};
    ActivityMeter meter_;
    ActionCounts actions_;
    SignalSink* sink_ = nullptr;
    std::array<SignalSink::SignalId, kUnitCount> queue_signals_{};
    std::vector<CommandObserver*> observers_;
    std::unique_ptr<BufferOccupancy> occupancy_;  ///< only while waveforms are taken
};

}  // namespace palimpsest
