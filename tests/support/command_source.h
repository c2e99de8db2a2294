#pragma once
// Stands in for the sequencer in a test of one unit: sends commands at given cycles, as far as the unit's queue has
// room, and notes when each was sent and when it was complete.

#include <deque>
#include <memory>
#include <vector>

#include <tlm_utils/simple_initiator_socket.h>
#include <systemc>
#include <tlm>

#include "hardware/clock.h"
#include "hardware/unit.h"

namespace palimpsest {

class CommandSource : public sc_core::sc_module {
  public:
    struct Entry {
        Cycles earliest = 0;  ///< to be sent not before
        Command command;
        Cycles sent = 0;
        Cycles complete = 0;
        bool is_complete = false;
    };

    tlm_utils::simple_initiator_socket<CommandSource> socket;

    /// `tells_idle`: calls the unit drained whenever it has no command, as the sequencer does.
    CommandSource(const sc_core::sc_module_name& name, const ClockDomain& clock, Unit& unit, std::vector<Entry> entries,
                  bool tells_idle = false)
        : sc_module(name),
          socket("socket"),
          clock_(clock),
          unit_(unit),
          entries_(std::move(entries)),
          tells_idle_(tells_idle) {
        socket.register_nb_transport_bw(this, &CommandSource::nb_transport_bw);
        socket.bind(unit.command_socket);
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.set_sensitivity(&send_);
        sc_core::sc_spawn([this] { send(); }, "send", &options);
    }

    const std::vector<Entry>& entries() const { return entries_; }

  private:
    struct Payload {
        tlm::tlm_generic_payload payload;
        CommandExtension extension;
        ~Payload() { payload.clear_extension(&extension); }
    };

    void send() {
        while (next_ < entries_.size() && next_ - completed_ < unit_.queue_capacity()) {
            Entry& entry = entries_[next_];
            if (entry.earliest > clock_.now()) {
                send_.notify(clock_.until(entry.earliest));
                return;
            }
            entry.sent = clock_.now();
            ++next_;
            payloads_.push_back(std::make_unique<Payload>());
            Payload& p = *payloads_.back();
            p.extension.command = entry.command;
            p.payload.set_extension(&p.extension);
            tlm::tlm_phase phase = tlm::BEGIN_REQ;
            sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
            socket->nb_transport_fw(p.payload, phase, delay);
        }
    }

    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        if (&payload != &payloads_[completed_]->payload) {
            SC_REPORT_ERROR("test", "commands complete out of order");
        }
        Entry& entry = entries_[completed_++];
        entry.complete = clock_.now();
        entry.is_complete = true;
        if (tells_idle_) {
            unit_.idle_cause(UnitState::drained, clock_.now());
        }
        send_.notify(sc_core::SC_ZERO_TIME);
        return tlm::TLM_COMPLETED;
    }

    const ClockDomain& clock_;
    Unit& unit_;
    std::vector<Entry> entries_;
    bool tells_idle_;
    std::deque<std::unique_ptr<Payload>> payloads_;
    std::size_t next_ = 0;
    std::size_t completed_ = 0;
    sc_core::sc_event send_;
};

}  // namespace palimpsest
