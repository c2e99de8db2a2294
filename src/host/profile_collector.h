#pragma once
// Books a run's cycles, work and traffic on operators and layers while it goes. Definitions: docs/report.md.
//
// Cycles. Commands are queued in program order and complete unit by unit. Each cycle is booked on the operator and
// layer of the oldest command that is queued and not complete, and on "idle" where there is none; every cycle of the
// run is booked once. Busy cycles of a unit are booked on the command that it completes next: units work in order, and
// what they do ahead for the command behind it goes with it.
//
//   ProfileCollector collector(residency of interest);
//   for (each machine of the run) {
//       collector.begin(machine, ...);
//       at collector.next_sample(): collector.sample(machine);
//       collector.end(machine);
//   }
//   collector.take()

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/command_observer.h"
#include "hardware/machine.h"
#include "host/cycle_series.h"
#include "host/residency_log.h"
#include "palimpsest/profile.h"

namespace palimpsest {

class ProfileCollector final : public CommandObserver {
  public:
    ProfileCollector();

    /// A machine starts, at its cycle 0. `kv_vector_bytes`: of a token's K or V vector of one head in DRAM. With a
    /// `name` all commands are booked on an operator of that name and no layer, else each on its label and layer.
    void begin(Machine& machine, Bytes kv_vector_bytes, std::string name = {});
    /// Cycles from `cycle` of the machine on belong to the phase `name`, new or known.
    void begin_phase(std::string_view name, Cycles cycle);
    /// Follows this (request, layer, KV head) from here on.
    void follow(ResidencyLog log) { residency_ = std::move(log); }
    /// The replay has decided the next step of the run.
    void decided(const CacheReplay& replay, bool prefill);

    /// The machine's cycle at which `sample` is to be called next.
    Cycles next_sample() const { return series_.next_end() - start_; }
    void sample(Machine& machine);
    /// The machine is through.
    void end(Machine& machine);
    /// The whole profile, after the last machine.
    RunProfile take();

    void queued(const Command& command, Cycles cycle) override;
    void issued(const Command& command, Cycles cycle) override;
    void completed(const Command& command, Cycles cycle) override;
    void moves_scores(const Command& command, Bytes bytes, bool to_dram, Cycles cycle) override;

  private:
    static constexpr std::size_t kNone = ~std::size_t{0};

    /// Entries that something is booked on.
    struct Place {
        std::size_t op = 0;
        std::size_t layer = 0;
    };
    struct Outstanding {
        Place place;
        bool complete = false;
    };

    Place place_of(const Command& command);
    std::size_t operator_of(const char* label);
    std::size_t layer_of(std::uint16_t layer);
    /// Calls `book` with the two entries of `place`.
    template <class Book>
    void at(const Place& place, Book&& book);
    void book_cycles_until(Cycles cycle);
    void book_busy(std::size_t unit, const Place& place, Cycles cycle);
    void settle_busy(std::size_t unit, Cycles cycle);
    void hold_until(Cycles cycle);
    SeriesTotals totals(Machine& machine, Cycles cycle);

    RunProfile profile_;
    std::vector<ProfileEntry> operators_, layers_;           ///< entry 0 is of no command, of no layer
    std::vector<std::string> names_;                         ///< of `operators_`
    std::vector<std::pair<const char*, std::size_t>> seen_;  ///< labels met, and their operators
    std::vector<std::size_t> layer_entries_;                 ///< by layer: its entry, or 0 where none has come
    std::size_t phase_ = kNone;
    std::optional<ResidencyLog> residency_;
    CycleSeries series_;

    // Of the machine at hand
    Cycles start_ = 0;  ///< cycles of the machines before
    Bytes kv_vector_bytes_ = 0;
    std::optional<std::size_t> only_operator_;
    std::array<const ActivityMeter*, kUnitCount> meters_{};
    std::array<Cycles, kUnitCount> busy_booked_{};
    std::array<Place, kUnitCount> last_completed_{};
    std::deque<Outstanding> outstanding_;                        ///< in program order
    std::uint64_t retired_ = 0;                                  ///< commands that have left `outstanding_`
    std::array<std::deque<std::uint64_t>, kUnitCount> by_unit_;  ///< places in program order of a unit's commands
    Cycles booked_until_ = 0;
    std::uint64_t held_ = 0;  ///< commands in the sequencer's queues
    Cycles held_until_ = 0;
    SeriesTotals before_;  ///< of the machines before; `held_command_cycles` goes on counting
};

}  // namespace palimpsest
