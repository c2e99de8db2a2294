#pragma once
// Turns what happens in a machine into a timeline: a slice for each command on its unit's track, steps and phases on
// theirs, counters, and an arrow from a load to the tile that stood waiting for it. What each is: docs/timeline.md.
// Watching changes nothing.

#include <deque>
#include <optional>
#include <string>

#include "common/timeline_sink.h"
#include "config/run_config.h"
#include "hardware/command_observer.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/machine.h"
#include "host/driver.h"

namespace palimpsest {

class TimelineRecorder : public CommandObserver {
  public:
    /// DRAM bandwidth is averaged over at least this long.
    static constexpr Picoseconds kBandwidthPeriod_ps = 1'000'000;

    /// Watches `machine` from its reset on, which is at `start_cycle` of the timeline.
    TimelineRecorder(TimelineSink& sink, Machine& machine, const RunConfig& config, const KvGeometry& geometry,
                     Cycles start_cycle);

    void queued(const Command& command, Cycles cycle) override;
    void issued(const Command& command, Cycles cycle) override;
    void completed(const Command& command, Cycles cycle) override;

    /// The host is at `phase` ("prefill 3/4"); `driver` knows the steps that are over.
    void progress(const std::string& phase, const HostDriver& driver);
    /// The run is over.
    void finish(const HostDriver& driver);

  private:
    /// What a unit stood still for before it was given a command.
    struct Wait {
        UnitId on = UnitId::dma_load;
        UnitState cause = UnitState::dependency;
        Cycles cycles = 0;
    };
    /// A command in its unit.
    struct Inside {
        Cycles issued = 0;
        std::optional<Wait> wait;
        std::uint64_t flow = 0;
    };
    /// A command whose token is on its way to the sequencer. Whoever waits for nothing else is issued when it gets
    /// there: until then it is open whether an arrow leaves the slice.
    struct Done {
        std::uint64_t number = 0;
        Cycles cycle = 0;
        std::optional<TimelineSlice> slice;
    };
    struct UnitTrack {
        TimelineSink::TrackId track = 0;
        TimelineSink::CounterId queue = 0;
        std::deque<Cycles> queued;  ///< cycles in which the commands in the sequencer's queue came
        std::deque<Inside> inside;
        Cycles free_since = 0;
        std::deque<Done> done;
    };

    UnitTrack& of(const Command& command) { return units_[static_cast<std::size_t>(command.unit)]; }
    Picoseconds time_of(Cycles cycle) const { return (start_cycle_ + cycle) * period_ps_; }
    void note_queue(const UnitTrack& unit, Cycles now);
    void find_wait(const Command& command, Cycles free, Cycles now, Inside& inside);
    TimelineSlice slice_of(const Command& command, const Inside& inside, Cycles begin, Cycles end) const;
    /// Writes the slices whose tokens are there.
    void release(Cycles now);
    void sample_dram(Cycles now, Picoseconds least_ps);
    void close_steps(const HostDriver& driver);
    void close_phase();

    TimelineSink& sink_;
    Machine& machine_;
    Cycles start_cycle_;
    Picoseconds period_ps_;
    Cycles issue_latency_;
    Bytes kv_vector_bytes_;
    TimelineSink::TrackId phases_, steps_;
    std::array<UnitTrack, kUnitCount> units_;
    TimelineSink::CounterId bandwidth_, residents_;
    Cycles sampled_ = 0;
    DramCounts sampled_counts_;
    std::string step_name_, phase_name_;
    std::size_t steps_closed_ = 0;
    std::optional<Cycles> phase_begin_;  ///< none before its first step is over
    Cycles phase_end_ = 0;
};

}  // namespace palimpsest
