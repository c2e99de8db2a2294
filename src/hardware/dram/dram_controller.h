#pragma once
// The DRAM system of the machine as a SystemC module. Per-clock specification: docs/blocks/dram.md.
//
// Port     memory_socket, TLM-2.0, any number of masters; protocol of hardware/memory_request.h; the segments are
// filled in. Clocks   a request enters at the first DRAM clock edge at or after its time; its response goes out at the
// first core
//          clock edge at or after its completion. In between nothing is clocked: one method sleeps until the earliest
//          time at which a completion is possible.
// Counts   DramCounts (palimpsest/result.h), all channels, caught up when asked for.

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <systemc>
#include <tlm>

#include "common/signal_sink.h"
#include "config/dram_config.h"
#include "hardware/clock.h"
#include "hardware/dram/dram_system.h"
#include "hardware/memory_request.h"
#include "palimpsest/result.h"

namespace palimpsest {

class DramWaveform;

class DramController : public sc_core::sc_module {
  public:
    tlm_utils::multi_passthrough_target_socket<DramController> memory_socket;

    /// `drop_response`: fault injection, the n-th response (from 1) is never sent; 0 = none.
    DramController(const sc_core::sc_module_name& name, const DramConfig& config, const ClockDomain& core_clock,
                   std::uint64_t drop_response = 0);
    ~DramController() override;

    const DramConfig& config() const { return system_.config(); }
    /// Everything up to `time_ps`, not after the current time: whole DRAM clocks that began before it.
    DramCounts counts_at(Picoseconds time_ps);
    /// DRAM clocks that began before a time; channels x this = the sum of the channel-clocks of `counts_at`.
    DramClock clocks_at(Picoseconds time_ps) const { return ceil_div(time_ps, dram_clock_.period_ps()); }

    /// No request is under way, no posted write is queued and the last data has moved, as of now.
    bool idle();
    /// Notified at the first core edge from now on at which `idle()` holds (in this delta cycle's successor if it
    /// does).
    const sc_core::sc_event& when_idle();
    /// Requests accepted and not answered.
    std::uint64_t in_flight() const { return in_flight_; }

    /// Hears every command; call before the simulation starts. The sink must outlive the controller.
    void add_command_sink(DramCommandSink& sink) { system_.add_sink(sink); }
    /// Waveforms per channel: queue depths, and per bank its state and row; refreshes as events.
    void trace(SignalSink& sink, const std::string& hierarchy);
    /// One line for the watchdog: what is in flight and what the channels wait for.
    std::string diagnose() const;

  private:
    struct Request {
        DramTransaction transaction;
        tlm::tlm_generic_payload* payload = nullptr;
        int socket = 0;
        Picoseconds arrived_ps = 0;
        std::uint64_t number = 0;  ///< order of arrival
    };
    /// Of one edge: in order of completion, then of arrival; whenever it became known, which a listener changes.
    struct Response {
        Picoseconds time_ps;
        DramClock completion;
        Request* request;
        bool operator>(const Response& other) const {
            return std::tie(time_ps, completion, request->number) >
                   std::tie(other.time_ps, other.completion, other.request->number);
        }
    };

    tlm::tlm_sync_enum nb_transport_fw(int socket, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
    void wake();
    void collect();
    void respond(Request& request);
    void sleep();
    void report_idle();
    Request& take_request();

    const ClockDomain& core_clock_;
    ClockDomain dram_clock_;
    DramSystem system_;
    std::uint64_t drop_response_;
    std::uint64_t responses_ = 0;
    std::uint64_t arrivals_ = 0;
    std::uint64_t in_flight_ = 0;
    static constexpr Picoseconds kNoWake = ~Picoseconds{0};
    Picoseconds wake_ps_ = kNoWake;  ///< of the wake-up that is due
    bool waking_ = false;
    bool idle_wanted_ = false;
    sc_core::sc_event wake_event_;
    sc_core::sc_event idle_event_;
    std::deque<Request> requests_;  ///< stable addresses; grows to the most ever in flight
    std::vector<Request*> free_requests_;
    std::vector<DramTransaction*> finished_;
    std::priority_queue<Response, std::vector<Response>, std::greater<>> responses_due_;
    std::unique_ptr<DramWaveform> waveform_;
};

}  // namespace palimpsest
