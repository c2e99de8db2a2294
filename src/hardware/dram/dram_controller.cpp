#include "hardware/dram/dram_controller.h"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/dram/dram_waveform.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

Picoseconds now_ps() {
    return sc_core::sc_time_stamp().value();
}

}  // namespace

DramController::DramController(const sc_core::sc_module_name& name, const DramConfig& config,
                               const ClockDomain& core_clock, std::uint64_t drop_response)
    : sc_module(name),
      memory_socket("memory_socket"),
      core_clock_(core_clock),
      dram_clock_(config.timing.tCK_ps),
      system_(config),
      drop_response_(drop_response),
      wake_event_("wake_event"),
      idle_event_("idle") {
    memory_socket.register_nb_transport_fw(this, &DramController::nb_transport_fw);
    SC_HAS_PROCESS(DramController);
    SC_METHOD(wake);
    sensitive << wake_event_;
    dont_initialize();
}

DramController::~DramController() = default;

tlm::tlm_sync_enum DramController::nb_transport_fw(int socket, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                                   sc_core::sc_time&) {
    const auto* request = payload.get_extension<MemoryRequest>();
    if (phase != tlm::BEGIN_REQ || request == nullptr || request->segments.empty()) {
        throw SimulationError(fmt::format("{}: expects BEGIN_REQ with resolved addresses", name()));
    }
    Request& taken = take_request();
    taken.payload = &payload;
    taken.socket = socket;
    taken.arrived_ps = now_ps();
    taken.number = arrivals_++;
    taken.transaction.segments = request->segments;
    taken.transaction.write = payload.is_write();
    taken.transaction.traffic = request->traffic;
    ++in_flight_;
    system_.send(taken.transaction, dram_clock_.edge_at_or_after(now_ps()));
    // What was under way is not done earlier for it: a wake-up that is soon enough for it stays.
    if (!waking_ && wake_ps_ > dram_clock_.time_of(system_.latest_floor())) {
        sleep();
    }
    return tlm::TLM_ACCEPTED;
}

DramController::Request& DramController::take_request() {
    if (free_requests_.empty()) {
        Request& request = requests_.emplace_back();
        request.transaction.user = requests_.size() - 1;
        return request;
    }
    Request* const request = free_requests_.back();
    free_requests_.pop_back();
    return *request;
}

void DramController::wake() {
    waking_ = true;
    wake_ps_ = kNoWake;
    collect();
    while (!responses_due_.empty() && responses_due_.top().time_ps <= now_ps()) {
        Request& request = *responses_due_.top().request;
        responses_due_.pop();
        respond(request);
    }
    waking_ = false;
    if (idle_wanted_ && idle()) {
        report_idle();
    }
    sleep();
}

void DramController::collect() {
    finished_.clear();
    system_.advance_to(now_ps() / dram_clock_.period_ps(), finished_);
    for (const DramTransaction* transaction : finished_) {
        const Picoseconds ready_ps = dram_clock_.time_of(transaction->completion);
        const Picoseconds edge_ps = core_clock_.time_of(core_clock_.edge_at_or_after(ready_ps));
        if (edge_ps < now_ps()) {
            throw SimulationError(fmt::format("{}: a response of {} ps found at {} ps", name(), edge_ps, now_ps()));
        }
        responses_due_.push({edge_ps, transaction->completion, &requests_[transaction->user]});
    }
}

void DramController::respond(Request& request) {
    tlm::tlm_generic_payload& payload = *request.payload;
    const int socket = request.socket;
    if (++responses_ == drop_response_) {
        return;  // the fault: the request stays in flight for ever
    }
    auto* const extension = payload.get_extension<MemoryRequest>();
    extension->refresh_wait_ps = dram_clock_.time_of(request.transaction.refresh_wait);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    --in_flight_;
    free_requests_.push_back(&request);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    memory_socket[socket]->nb_transport_bw(payload, phase, delay);
}

void DramController::sleep() {
    const auto wake_at_edge = [this](Picoseconds edge_ps) {
        if (edge_ps < wake_ps_) {  // else a wake-up is due that is soon enough
            wake_ps_ = edge_ps;
            wake_event_.notify(sc_core::sc_time::from_value(std::max(edge_ps, now_ps()) - now_ps()));
        }
    };
    const auto wake_at = [&](DramClock clock) {
        wake_at_edge(core_clock_.time_of(core_clock_.edge_at_or_after(dram_clock_.time_of(clock))));
    };
    DramClock known = kNever;
    if (!responses_due_.empty()) {
        wake_at_edge(responses_due_.top().time_ps);
        known = responses_due_.top().completion;
    }
    if (const DramClock clock = system_.next_wakeup(known); clock < known) {
        wake_at(clock);
    }
    if (idle_wanted_ && in_flight_ == 0) {
        wake_at(system_.idle_bound());
    }
}

DramCounts DramController::counts_at(Picoseconds time_ps) {
    return system_.counts_at(clocks_at(time_ps));
}

bool DramController::idle() {
    return in_flight_ == 0 && system_.idle_at(clocks_at(now_ps()));
}

const sc_core::sc_event& DramController::when_idle() {
    if (idle()) {
        report_idle();
    } else {
        idle_wanted_ = true;
        sleep();
    }
    return idle_event_;
}

void DramController::report_idle() {
    idle_wanted_ = false;
    idle_event_.notify(sc_core::SC_ZERO_TIME);
}

void DramController::trace(SignalSink& sink, const std::string& hierarchy) {
    waveform_ = std::make_unique<DramWaveform>(config(), sink, hierarchy);
    if (waveform_->shown()) {
        system_.add_sink(*waveform_);
    }
}

std::string DramController::diagnose() const {
    std::string text = fmt::format("dram: {} request(s) in flight", in_flight_);
    const Request* oldest = nullptr;
    for (const Request& request : requests_) {
        const bool free = std::find(free_requests_.begin(), free_requests_.end(), &request) != free_requests_.end();
        if (!free && (oldest == nullptr || request.arrived_ps < oldest->arrived_ps)) {
            oldest = &request;
        }
    }
    if (oldest != nullptr) {
        text += fmt::format(", the oldest a {} since {} ps", oldest->transaction.write ? "write" : "read",
                            oldest->arrived_ps);
    }
    return text + "; " + system_.diagnose();
}

}  // namespace palimpsest
