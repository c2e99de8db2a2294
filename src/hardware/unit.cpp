#include "hardware/unit.h"

#include <fmt/format.h>

namespace palimpsest {

Unit::Unit(const sc_core::sc_module_name& name, UnitId id, const ClockDomain& clock, unsigned queue_capacity)
    : sc_module(name), command_socket("command_socket"), id_(id), clock_(clock), queue_capacity_(queue_capacity) {
    command_socket.register_nb_transport_fw(this, &Unit::nb_transport_fw);
}

tlm::tlm_sync_enum Unit::nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time&) {
    if (phase != tlm::BEGIN_REQ) {
        SC_REPORT_ERROR("palimpsest/unit", "unexpected phase on a command socket");
    }
    const auto* extension = payload.get_extension<CommandExtension>();
    ++in_flight_;
    if (sink_ != nullptr) {
        sink_->change(queue_signal_, clock_.time_of(clock_.now()), in_flight_);
    }
    accept(payload, extension->command);
    return tlm::TLM_ACCEPTED;
}

void Unit::complete(tlm::tlm_generic_payload& payload) {
    --in_flight_;
    if (sink_ != nullptr) {
        sink_->change(queue_signal_, clock_.time_of(clock_.now()), in_flight_);
    }
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    command_socket->nb_transport_bw(payload, phase, delay);
}

void Unit::idle_cause(UnitState cause, Cycles cycle) {
    if (!has_work() && meter_.state() != cause) {
        set_state(cause, cycle);
    }
}

void Unit::set_state(UnitState state, Cycles cycle) {
    meter_.set(state, cycle);
    if (sink_ != nullptr) {
        sink_->change(state_signal_, clock_.time_of(cycle), static_cast<std::uint64_t>(state));
    }
}

void Unit::trace(SignalSink& sink, const std::string& hierarchy) {
    std::string states;
    for (std::size_t i = 0; i < kUnitStates; ++i) {
        states += fmt::format("{}{}", i == 0 ? "" : ",", name_of(static_cast<UnitState>(i)));
    }
    sink_ = &sink;
    state_signal_ = sink.declare(hierarchy + ".state", SignalKind::state, 4, states);
    queue_signal_ = sink.declare(hierarchy + ".commands", SignalKind::level, 8);
    sink.change(state_signal_, 0, static_cast<std::uint64_t>(meter_.state()));
    sink.change(queue_signal_, 0, 0);
}

std::string Unit::diagnose() const {
    return fmt::format("{}: {} command(s) in the unit, state {}", name_of(id_), in_flight_, name_of(meter_.state()));
}

}  // namespace palimpsest
