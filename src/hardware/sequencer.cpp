#include "hardware/sequencer.h"

#include <string>
#include <utility>

#include <fmt/format.h>

namespace palimpsest {
namespace {

std::array<unsigned, kUnitCount> credits_of(const std::array<Unit*, kUnitCount>& units) {
    std::array<unsigned, kUnitCount> credits{};
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        credits[u] = units[u]->queue_capacity();
    }
    return credits;
}

}  // namespace

Sequencer::Sequencer(const sc_core::sc_module_name& name, const SequencerConfig& config, const ClockDomain& clock,
                     std::array<Unit*, kUnitCount> units)
    : sc_module(name),
      command_socket("command_socket"),
      clock_(clock),
      units_(units),
      queues_(config.issue_latency_cycles, credits_of(units), kQueueCapacity),
      latency_(config.issue_latency_cycles) {
    SC_HAS_PROCESS(Sequencer);
    command_socket.register_b_transport(this, &Sequencer::b_transport);
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        const std::string socket = fmt::format("unit_socket_{}", name_of(static_cast<UnitId>(u)));
        unit_sockets[u] = std::make_unique<tlm_utils::simple_initiator_socket_tagged<Sequencer>>(socket.c_str());
        unit_sockets[u]->register_nb_transport_bw(this, &Sequencer::nb_transport_bw, static_cast<int>(u));
        unit_sockets[u]->bind(units[u]->command_socket);
    }
    SC_METHOD(dispatch);
    sensitive << dispatch_event_;
    dont_initialize();
}

Sequencer::~Sequencer() = default;

void Sequencer::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    auto* extension = payload.get_extension<CommandExtension>();
    const UnitId unit = extension->command.unit;
    while (!queues_.has_room(unit)) {
        sc_core::wait(room_);
    }
    const Cycles now = clock_.now();
    follow_meter(now);
    if (occupancy_) {
        occupancy_->queued(extension->command);
    }
    for (CommandObserver* observer : observers_) {
        observer->queued(extension->command, now);
    }
    queues_.push(std::move(extension->command), now);
    if (meter_.state() == UnitState::drained) {
        meter_.set(UnitState::dependency, now);
    }
    note_queue(static_cast<std::size_t>(unit));
    tell_idle_cause(static_cast<std::size_t>(unit), now);
    schedule(now + latency_);
}

void Sequencer::schedule(Cycles cycle) {
    // An earlier pending notification stands: sc_event keeps the earliest.
    dispatch_event_.notify(clock_.until(cycle));
}

tlm::tlm_sync_enum Sequencer::nb_transport_bw(int unit, tlm::tlm_generic_payload& payload, tlm::tlm_phase&,
                                              sc_core::sc_time&) {
    const Cycles now = clock_.now();
    const Command& command = payload.get_extension<CommandExtension>()->command;
    queues_.completed(static_cast<UnitId>(unit), command.number, now);
    if (occupancy_) {
        occupancy_->completed(command);
    }
    for (CommandObserver* observer : observers_) {
        observer->completed(command, now);
    }
    free_payloads_.push_back(&payload);
    ++completed_total_;
    tell_idle_cause(static_cast<std::size_t>(unit), now);
    if (queues_.all_complete()) {
        all_complete_.notify(sc_core::SC_ZERO_TIME);
    }
    // Even when nothing is left: a command that comes before the token is seen waits for it until then.
    schedule(now + latency_);
    return tlm::TLM_COMPLETED;
}

void Sequencer::dispatch() {
    const Cycles now = clock_.now();
    if (now == last_dispatch_) {
        return;  // one command a unit a cycle
    }
    follow_meter(now);
    last_dispatch_ = now;
    bool issued = false;
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        if (auto command = queues_.issue(static_cast<UnitId>(u), now)) {
            issued = true;
            note_queue(u);
            send(std::move(*command));
        } else {
            tell_idle_cause(u, now);
        }
    }
    if (issued) {
        room_.notify(sc_core::SC_ZERO_TIME);
        meter_.set(UnitState::busy, now);
    }
    if (const auto next = queues_.next_chance(now)) {
        schedule(*next);
    }
}

void Sequencer::send(Command command) {
    if (free_payloads_.empty()) {
        payloads_.push_back(std::make_unique<tlm::tlm_generic_payload>());
        payloads_.back()->set_extension(new CommandExtension);
        free_payloads_.push_back(payloads_.back().get());
    }
    tlm::tlm_generic_payload* payload = free_payloads_.back();
    free_payloads_.pop_back();
    const auto unit = static_cast<std::size_t>(command.unit);
    if (occupancy_) {
        occupancy_->issued(command);
    }
    for (CommandObserver* observer : observers_) {
        observer->issued(command, clock_.now());
    }
    payload->get_extension<CommandExtension>()->command = std::move(command);
    ++actions_[Action::sequencer_command];
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (*unit_sockets[unit])->nb_transport_fw(*payload, phase, delay);
}

void Sequencer::tell_idle_cause(std::size_t unit, Cycles now) {
    if (!units_[unit]->has_work()) {
        units_[unit]->idle_cause(queues_.idle_cause(static_cast<UnitId>(unit), now), now);
    }
}

void Sequencer::follow_meter(Cycles now) {
    if (meter_.state() == UnitState::busy && now > last_dispatch_) {
        meter_.set(queues_.waiting() > 0 ? UnitState::dependency : UnitState::drained, last_dispatch_ + 1);
    }
}

const ActivityCounts& Sequencer::close_accounts(Cycles cycle) {
    follow_meter(cycle);
    return meter_.close(cycle);
}

void Sequencer::note_queue(std::size_t unit) {
    if (sink_ != nullptr) {
        sink_->change(queue_signals_[unit], clock_.time_of(clock_.now()), queues_.waiting(static_cast<UnitId>(unit)));
    }
}

void Sequencer::trace(SignalSink& sink, const std::string& hierarchy) {
    sink_ = &sink;
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        queue_signals_[u] =
            sink.declare(fmt::format("{}.queue_{}", hierarchy, name_of(static_cast<UnitId>(u))), SignalKind::level, 8);
        sink.change(queue_signals_[u], 0, 0);
    }
}

}  // namespace palimpsest
