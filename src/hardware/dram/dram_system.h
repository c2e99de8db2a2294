#pragma once
// The DRAM of the machine without SystemC: channels with their controllers. Per-clock specification:
// docs/blocks/dram.md.
//
//   DramSystem dram(config);
//   dram.send(transaction, 0);               // enters at clock 0
//   while (dram.next_wakeup() != kNever) {   // nothing can complete before it
//       dram.advance_to(dram.next_wakeup(), finished);
//   }
//
// Time    in DRAM clocks; calls come in time order. State is brought up to date only when asked: advance_to(k) has
//         decided every clock before k, for the channels that somebody waits for; the others follow when they are
//         next used. Channels without a listener may have decided more; answers are as if they had not.
// Cost    grows with bursts, not with clocks; nothing is allocated per burst; memory is bounded by what is under way.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/address_map.h"
#include "hardware/dram/command_sink.h"
#include "hardware/dram/transaction.h"
#include "palimpsest/result.h"

namespace palimpsest {

class DramChannel;

class DramSystem {
  public:
    /// Throws InputError where the config cannot be built (hardware/dram/config_check.h).
    explicit DramSystem(const DramConfig& config, DramCommandSink* sink = nullptr);
    ~DramSystem();
    DramSystem(const DramSystem&) = delete;
    DramSystem& operator=(const DramSystem&) = delete;

    const DramConfig& config() const { return config_; }
    const AddressMap& address_map() const { return map_; }
    /// Hears every command that is not decided yet: all of them, if nothing was sent before. The sink must outlive the
    /// system.
    void add_sink(DramCommandSink& sink);

    /// The transaction arrives at clock `now`, behind all sent before it. Always accepted: senders bound what is under
    /// way. Throws SimulationError for an address beyond the capacity.
    void send(DramTransaction& transaction, DramClock now);
    /// Where the answers of single requests go: of number n at n modulo their count, a power of two. They must outlive
    /// the requests, and may be moved to more room between two calls.
    void set_answers(std::span<DramAnswer> answers);
    /// Requests of `bytes` each, numbered from `first` on, all at `now` and in order: what send() does with a
    /// transaction each, at less cost, but nobody is told of their completion and next_wakeup() knows nothing of them.
    /// The addresses are not checked, and cycles are not looked at.
    void send_each(std::span<const DramRequest> requests, Bytes bytes, std::uint32_t first, DramClock now);

    /// Decides every clock before `now` and appends the transactions whose completion clock has become known since the
    /// last call; a read's may lie after `now`.
    void advance_to(DramClock now, std::vector<DramTransaction*>& finished);
    /// Decides clocks until at most `bursts` of what was sent to each channel wait in front of its queues; the first
    /// clock that is not decided. For senders that offer requests as fast as they are taken.
    DramClock advance_until_taken(std::uint64_t bursts, std::vector<DramTransaction*>& finished);
    /// No transaction that advance_to() has not yet handed out completes before this clock; kNever when there is none.
    /// Posted writes and refreshes alone need no wake-up. `known`: the caller wakes then anyway, and later completions
    /// need no look.
    DramClock next_wakeup(DramClock known = kNever) const;

    /// The transaction sent last does not complete before this clock; looser than next_wakeup(), but known at once.
    DramClock latest_floor() const { return latest_floor_; }

    /// Counts of the clocks before `now`; decides them first.
    DramCounts counts_at(DramClock now);
    /// All channels empty, posted writes too, and no data moves from clock `now` on. Decides the clocks before `now`.
    bool idle_at(DramClock now);
    /// `idle_at` is false before this clock, if nothing else is sent; tight once all bursts have their column command.
    DramClock idle_bound() const;
    /// One line: what each busy channel holds and waits for.
    std::string diagnose() const;

  private:
    void catch_up(DramClock now);

    DramConfig config_;
    AddressMap map_;
    std::vector<DramCommandSink*> sinks_;
    std::vector<std::unique_ptr<DramChannel>> channels_;
    std::vector<DramTransaction*> finished_;      ///< completion known, not yet handed out
    std::vector<std::uint32_t> part_of_channel_;  ///< during send(): the transaction's part in each channel
    std::vector<std::uint32_t> touched_;
    std::span<DramAnswer> answers_;
    DramCounts requested_;
    DramClock now_ = 0;
    DramClock latest_floor_ = 0;
};

}  // namespace palimpsest
