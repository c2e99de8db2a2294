#pragma once
// Where a channel's clocks go: data, refresh, waiting or idle, each clock in exactly one.

#include <algorithm>
#include <cstdint>
#include <span>

#include "hardware/dram/ring.h"
#include "hardware/dram/transaction.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// Books clocks in spans. The owner calls count_to(k) before it changes anything that holds from clock k on.
class ChannelClocks {
  public:
    /// Books every clock before `now`.
    void count_to(DramClock now) {
        if (now <= counted_) {
            return;
        }
        const DramClock occupied_to = occupied_ ? now : std::clamp(bus_end_, counted_, now);
        busy_ += occupied_to - counted_;
        const DramClock stalled_to = std::clamp(stalled_until_, counted_, now);
        DramClock data_while_stalled = 0;
        while (!bursts_.empty()) {
            const Interval& burst = bursts_.front();
            const DramClock begin = std::max(burst.begin, counted_), end = std::min(burst.end, now);
            if (end > begin) {
                data_ += end - begin;
                data_while_stalled += std::min(end, stalled_to) - std::min(begin, stalled_to);
            }
            if (burst.end > now) {
                break;
            }
            bursts_.pop_front();
        }
        refresh_ += stalled_to - counted_ - data_while_stalled;
        counted_ = now;
    }

    /// Bursts are in the FIFO or a queue.
    void set_occupied(bool occupied) { occupied_ = occupied; }
    /// A queued burst waits for a refresh up to this clock, kNever while its end is not known; 0: none does.
    void set_stalled_until(DramClock clock) { stalled_until_ = clock; }
    /// Clocks of such waiting may have passed that are not in refresh_clocks() yet.
    bool stall_unbooked() const { return stalled_until_ > counted_; }
    /// The data bus moves a burst in [begin, end), not before the one before it ends.
    void add_data(DramClock begin, DramClock end) {
        bus_end_ = end;
        if (!bursts_.empty() && bursts_.back().end == begin) {
            bursts_.back().end = end;
        } else {
            bursts_.push_back({begin, end});
        }
    }
    /// The same for many column commands, all before the clock booked last, whose data begin `latency` later.
    void add_data_of(std::span<const DramClock> commands, std::uint32_t latency, std::uint32_t burst_clocks) {
        std::size_t first = commands.size();  // the first one whose data are not over
        while (first > 0 && commands[first - 1] + latency + burst_clocks > counted_) {
            --first;
        }
        data_ += first * burst_clocks;
        for (const DramClock command : commands.subspan(first)) {
            const DramClock begin = command + latency;
            data_ += begin < counted_ ? counted_ - begin : 0;
            add_data(begin, begin + burst_clocks);
        }
        bus_end_ = commands.back() + latency + burst_clocks;
    }
    /// The same for `bursts` that begin at `first` and every `spacing` clocks after.
    void add_even_data(DramClock first, DramClock spacing, std::uint32_t bursts, std::uint32_t burst_clocks) {
        const DramClock over = first + burst_clocks <= counted_ ? (counted_ - first - burst_clocks) / spacing + 1 : 0;
        const auto done = static_cast<std::uint32_t>(std::min<DramClock>(over, bursts));
        data_ += DramClock{done} * burst_clocks;
        const DramClock end = first + (bursts - 1) * spacing + burst_clocks;
        if (spacing == burst_clocks && done < bursts) {  // no gap between them
            const DramClock begin = first + done * spacing;
            data_ += begin < counted_ ? counted_ - begin : 0;
            add_data(begin, end);
            return;
        }
        for (std::uint32_t i = done; i < bursts; ++i) {
            const DramClock begin = first + i * spacing;
            data_ += begin < counted_ ? counted_ - begin : 0;
            add_data(begin, begin + burst_clocks);
        }
        bus_end_ = end;
    }
    DramClock bus_end() const { return bus_end_; }
    /// Bursts not yet booked; count_to() takes off what has passed.
    std::size_t pending() const { return bursts_.size(); }

    DramClock refresh_clocks() const { return refresh_; }
    void add_to(DramCounts& counts) const {
        counts.data_bus_clocks += data_;
        counts.refresh_clocks += refresh_;
        counts.waiting_clocks += busy_ - data_ - refresh_;
        counts.idle_clocks += counted_ - busy_;
    }

  private:
    struct Interval {
        DramClock begin, end;
    };

    DramClock counted_ = 0, bus_end_ = 0, stalled_until_ = 0;
    DramClock busy_ = 0, data_ = 0, refresh_ = 0;
    bool occupied_ = false;
    detail::Ring<Interval> bursts_;
};

}  // namespace palimpsest
