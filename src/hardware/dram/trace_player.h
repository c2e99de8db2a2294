#pragma once
// Plays requests into a DRAM system as docs/dram-traces.md says, and keeps what there is to report.
//
//     TracePlayer player(dram, 64);
//     while (const auto requests = reader.next(); !requests.empty()) { player.play(requests); }
//     const TraceResult& result = player.finish();
//
// Time    a request is offered at its cycle, or later: at the clock after the one in which the request before it was
//         taken from the FIFO. Without a cycle: at that clock.
// Latency of a read to its last data, of a write until it is in the write queue; from its cycle on, or without one from
//         the clock in which its last burst was taken.
// Cost    a few nanoseconds a request beside the DRAM system's own; memory is bounded by what is under way.

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "common/latency_histogram.h"
#include "hardware/dram/address_trace.h"
#include "hardware/dram/dram_system.h"

namespace palimpsest {

struct TraceResult {
    std::uint64_t reads = 0, writes = 0;  ///< requests
    DramClock first_offer = 0;
    DramClock cycles = 0;  ///< from the first offer until the last read's data is there and the last write's has moved
    DramCounts counts;     ///< of these cycles
    LatencyHistogram read_latency, write_latency;  ///< in DRAM clocks
};

class TracePlayer {
  public:
    /// `dram` is fresh and outlives the player. `interrupted`, where given, ends long waits with a SimulationError.
    TracePlayer(DramSystem& dram, Bytes request_bytes, const std::atomic<bool>* interrupted = nullptr);

    /// The next requests; addresses must be within the capacity.
    void play(std::span<const DramRequest> requests);
    /// Plays until all is done.
    const TraceResult& finish();

  private:
    void send(std::span<const DramRequest> requests);
    void make_room();
    void wait_until(DramClock cycle);
    void settle(std::uint64_t bursts);
    void record_finished();

    DramSystem& dram_;
    const std::atomic<bool>* interrupted_;
    Bytes request_bytes_;
    std::uint64_t fill_to_;       ///< requests in the FIFO
    std::uint64_t drain_to_ = 0;  ///< bursts in the FIFO
    std::uint64_t in_fifo_ = 0;   ///< requests, at most
    DramClock now_ = 0;           ///< first clock at which the next request can be sent
    DramClock latest_ = 0;        ///< completion
    bool begun_ = false;
    DramCounts before_;
    /// What is under way, by number of the request modulo their size; they grow when one request waits for long.
    std::vector<DramRequest> requests_;
    std::vector<DramAnswer> answers_;
    std::uint64_t sent_ = 0, done_ = 0;       ///< requests; those before `done_` are recorded
    std::vector<DramTransaction*> finished_;  ///< stays empty
    TraceResult result_;
};

}  // namespace palimpsest
