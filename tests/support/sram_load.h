#pragma once
// Other clients of the SRAM in a test: streams of the DMA one after another and timetables of the PE array, as
// scripted.

#include <array>
#include <vector>

#include <systemc>

#include "hardware/clock.h"
#include "hardware/sram_buffers.h"

namespace palimpsest {

struct ScriptedStream {
    SramClientId client;
    Cycles earliest;  ///< starts then, or when the client's stream before is through
    BufferRegion region;
    bool write;
};
struct ScriptedReservation {
    Cycles at;  ///< cycle in which it is made
    BufferHalf half;
    std::uint32_t bank;
    AccessPattern pattern;
};

/// Plays the script on real buffers. Reservations are in time order, streams in time order for each client.
class SramLoad : public sc_core::sc_module, private SramClient {
  public:
    SramLoad(const sc_core::sc_module_name& name, const ClockDomain& clock, SramBuffers& buffers,
             std::vector<ScriptedStream> streams, std::vector<ScriptedReservation> reservations)
        : sc_module(name), clock_(clock), buffers_(buffers), reservations_(std::move(reservations)) {
        for (const ScriptedStream& s : streams) {
            streams_[static_cast<std::size_t>(s.client)].push_back(s);
        }
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.set_sensitivity(&wake_);
        sc_core::sc_spawn([this] { act(); }, "act", &options);
    }

    /// Cycle in which each stream was over and how long it waited, in the order in which they ended.
    struct Ended {
        SramClientId client;
        Cycles cycle;
        Cycles waited;
        bool operator==(const Ended&) const = default;
    };
    const std::vector<Ended>& ended() const { return ended_; }

  private:
    void act() {
        const Cycles now = clock_.now();
        Cycles next = ~Cycles{0};
        while (reserved_ < reservations_.size() && reservations_[reserved_].at <= now) {
            const ScriptedReservation& r = reservations_[reserved_++];
            buffers_.reserve(r.half, r.bank, r.pattern, false);
        }
        if (reserved_ < reservations_.size()) {
            next = reservations_[reserved_].at;
        }
        for (std::size_t i = 0; i < kSramClients; ++i) {
            if (active_[i] || started_[i] == streams_[i].size()) {
                continue;
            }
            const ScriptedStream& s = streams_[i][started_[i]];
            if (s.earliest > now) {
                next = std::min(next, s.earliest);
                continue;
            }
            active_[i] = true;
            ++started_[i];
            buffers_.stream(s.client, s.region, s.write, *this, i);
        }
        if (next != ~Cycles{0}) {
            wake_.notify(clock_.until(next));
        }
    }

    void stream_done(std::uint64_t tag, Cycles conflict_cycles) override {
        active_[tag] = false;
        ended_.push_back({static_cast<SramClientId>(tag), clock_.now(), conflict_cycles});
        wake_.notify(sc_core::SC_ZERO_TIME);
    }

    const ClockDomain& clock_;
    SramBuffers& buffers_;
    std::array<std::vector<ScriptedStream>, kSramClients> streams_;
    std::vector<ScriptedReservation> reservations_;
    std::array<std::size_t, kSramClients> started_{};
    std::array<bool, kSramClients> active_{};
    std::size_t reserved_ = 0;
    std::vector<Ended> ended_;
    sc_core::sc_event wake_;
};

}  // namespace palimpsest
