#pragma once
// The machine's SRAM: four buffers (weight, activation, KV, score) of two halves, each half a row of single-port banks.
// Per-cycle specification: docs/blocks/sram.md.

#include <cstdint>
#include <memory>
#include <string>

#include <systemc>

#include "common/signal_sink.h"
#include "config/hardware_config.h"
#include "hardware/clock.h"
#include "hardware/command.h"
#include "hardware/sram_arbiter.h"

namespace palimpsest {

/// Hears that a stream is through.
class SramClient {
  public:
    virtual ~SramClient() = default;
    /// The last word moved in the cycle before this one. `conflict_cycles`: cycles in which the stream waited for a
    /// port.
    virtual void stream_done(std::uint64_t tag, Cycles conflict_cycles) = 0;
};

class SramBuffers : public sc_core::sc_module {
  public:
    SramBuffers(const sc_core::sc_module_name& name, const BuffersConfig& config, const ClockDomain& clock);
    ~SramBuffers() override;

    /// Moves the region's words one a cycle, bank after bank, from this cycle on, pausing while the bank's port serves
    /// a client of higher priority. One stream a client at a time. `client.stream_done(tag)` comes when the last is
    /// through.
    void stream(SramClientId id, const BufferRegion& region, bool write, SramClient& client, std::uint64_t tag);
    /// Reserves ports for the PE array: bank `bank` of the half follows `pattern`. Streams under way make room.
    void reserve(BufferHalf half, std::uint32_t bank, const AccessPattern& pattern, bool write);

    /// Accesses so far, by Action.
    const ActionCounts& actions() const;
    const BufferConfig& config_of(BufferId buffer) const;
    /// Waveforms: per half the words in use and per bank who holds the port.
    void trace(SignalSink& sink, const std::string& hierarchy);
    /// The host driver's word on how many words of a half hold live data, for waveforms.
    void set_occupancy(BufferHalf half, std::uint32_t words);

  private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace palimpsest
