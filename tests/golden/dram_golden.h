#pragma once
// The DRAM controller of docs/blocks/dram.md, clock by clock and as plainly as it is written there: every clock looks
// at every queued burst and at the whole recent command history. Slow on purpose; shares no code with src/hardware/dram
// but the types of its interface.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "golden/dram_golden_ranks.h"

namespace palimpsest {

class GoldenDram : public GoldenDramRanks {
  public:
    explicit GoldenDram(const DramConfig& config) : GoldenDramRanks(config) {}

    /// Arrives at the clock that step() decides next.
    void send(GoldenTransaction& transaction) {
        std::vector<std::uint64_t> bursts;
        for (const DramSegment& segment : transaction.segments) {
            for (Bytes byte = 0; byte < segment.bytes; ++byte) {
                const std::uint64_t burst = (segment.address + byte) / config_.burst_bytes();
                if (bursts.empty() || bursts.back() != burst) {
                    bursts.push_back(burst);
                }
            }
            auto& requested = transaction.write ? counts.written_by_class : counts.read_by_class;
            requested[static_cast<std::size_t>(transaction.traffic)] += segment.bytes;
        }
        transaction.completion = transaction.taken = now;
        transaction.refresh_wait = 0;
        transaction.open_bursts = bursts.size();
        for (const std::uint64_t number : bursts) {
            Burst burst;
            burst.place = golden_place(config_, number * config_.burst_bytes());
            burst.transaction = &transaction;
            burst.traffic = transaction.traffic;
            burst.write = transaction.write;
            burst.urgent = transaction.urgent;
            Channel& channel = channels_[burst.place.channel];
            burst.refresh_before = channel.refresh_clocks;
            channel.fifo.push_back(burst);
        }
    }

    /// Decides clock `now` of all channels.
    void step() {
        for (Channel& channel : channels_) {
            account(channel);
            take_in(channel);
            command(channel);
            account_ranks(channel);
        }
        ++now;
    }

    bool idle() const {
        return std::all_of(channels_.begin(), channels_.end(), [&](const Channel& channel) {
            return channel.fifo.empty() && channel.reads.empty() && channel.writes.empty() && channel.bus_end <= now;
        });
    }

  private:
    // Clocks of a channel: accounts, intake, answers.

    void account(Channel& channel) {
        const bool held = !channel.fifo.empty() || !channel.reads.empty() || !channel.writes.empty();
        bool data = false;
        for (const auto& [begin, end] : channel.data) {
            data = data || (begin <= now && now < end);
        }
        bool stalled = false;
        for (const std::vector<Burst>* queue : {&channel.reads, &channel.writes}) {
            for (const Burst& burst : *queue) {
                stalled = stalled || held_back(channel, burst.place);
            }
        }
        if (data) {
            ++counts.data_bus_clocks;
        } else if (stalled) {
            ++counts.refresh_clocks;
            ++channel.refresh_clocks;
        } else if (held || channel.bus_end > now) {
            ++counts.waiting_clocks;
        } else {
            ++counts.idle_clocks;
        }
    }

    void account_ranks(const Channel& channel) {
        for (const Rank& rank : channel.ranks) {
            const bool open = std::any_of(rank.banks.begin(), rank.banks.end(), [](const Bank& b) { return b.open; });
            if (rank.power == Power::self_refresh) {
                ++counts.self_refresh_clocks;
            } else if (rank.power == Power::down) {
                ++(open ? counts.active_power_down_clocks : counts.precharged_power_down_clocks);
            } else {
                ++(open ? counts.active_clocks : counts.precharged_clocks);
            }
        }
    }

    void take_in(Channel& channel) {
        if (channel.fifo.empty()) {
            return;
        }
        Burst burst = channel.fifo.front();
        const auto same = [&](const Burst& other) { return other.place == burst.place; };
        const bool written = std::any_of(channel.writes.begin(), channel.writes.end(), same);
        const bool being_read = std::any_of(channel.reads.begin(), channel.reads.end(), same);
        if (burst.write) {
            if (channel.writes.size() == config_.controller.write_queue || being_read) {
                return;
            }
            if (written) {
                ++counts.merged_writes;
            } else {
                enter(channel.writes, burst);
                if (channel.writes.size() >= config_.controller.write_high) {
                    channel.forced_writes = true;
                }
            }
            done(channel, burst, now + 1);
        } else {
            if (channel.reads.size() == config_.controller.read_queue) {
                return;
            }
            if (written) {
                ++counts.forwarded_reads;
                done(channel, burst, now + 1 + config_.controller.pipeline_latency);
            } else {
                enter(channel.reads, burst);
            }
        }
        burst.transaction->taken = std::max(burst.transaction->taken, now);
        channel.fifo.pop_front();
    }

    /// Behind all others, but before those that are not urgent if it is.
    static void enter(std::vector<Burst>& queue, const Burst& burst) {
        auto place = queue.end();
        if (burst.urgent) {
            place = std::find_if(queue.begin(), queue.end(), [](const Burst& other) { return !other.urgent; });
        }
        queue.insert(place, burst);
    }

    void done(Channel& channel, const Burst& burst, DramClock completion) {
        GoldenTransaction& transaction = *burst.transaction;
        transaction.completion = std::max(transaction.completion, completion);
        transaction.refresh_wait = std::max(transaction.refresh_wait, channel.refresh_clocks - burst.refresh_before);
        --transaction.open_bursts;
    }

    // The command of a clock, (a) to (g).

    void command(Channel& channel) {
        const bool writing = !channel.writes.empty() && (channel.forced_writes || channel.reads.empty());
        std::vector<Burst>& queue = writing ? channel.writes : channel.reads;
        // The first that is legal.
        static_cast<void>(wake(channel) || refresh_one(channel) || column(channel, queue) ||
                          activate_one(channel, queue) || precharge_one(channel, queue) || close_unwanted(channel) ||
                          sleep(channel));
    }

    // Bursts. A queue is in the order of age.

    bool hits(Channel& channel, const Burst& burst) const {
        const Bank& bank = bank_at(channel, burst.place);
        return bank.open && bank.row == burst.place.row;
    }
    bool oldest_of_bank(const std::vector<Burst>& queue, const Burst& burst) const {
        for (const Burst& other : queue) {
            if (same_bank(other.place, burst.place)) {
                return &other == &burst;
            }
        }
        return false;
    }
    /// A hit that may be served: the oldest of its bank, or the cap is not reached yet.
    bool eligible(Channel& channel, const std::vector<Burst>& queue, const Burst& burst) {
        return hits(channel, burst) && (oldest_of_bank(queue, burst) ||
                                        bank_at(channel, burst.place).passed < config_.controller.starvation_cap);
    }
    bool row_wanted(const Channel& channel, const GoldenPlace& p, std::uint64_t row) const {
        const auto wants = [&](const Burst& burst) { return same_bank(burst.place, p) && burst.place.row == row; };
        return std::any_of(channel.reads.begin(), channel.reads.end(), wants) ||
               std::any_of(channel.writes.begin(), channel.writes.end(), wants);
    }
    /// How many bursts of the queue (c), (d) and (e) look at.
    std::size_t in_view(const std::vector<Burst>& queue) const {
        return config_.controller.scheduling == DramScheduling::fcfs ? std::min<std::size_t>(queue.size(), 1)
                                                                     : queue.size();
    }

    bool column(Channel& channel, std::vector<Burst>& queue) {
        for (std::size_t i = 0; i < in_view(queue); ++i) {
            Burst& burst = queue[i];
            DramCommand c = command_for(burst.write ? write : read, channel, burst.place);
            if (left_out(channel, burst.place) || !eligible(channel, queue, burst) || !legal(channel, c)) {
                continue;
            }
            c.row = static_cast<std::uint32_t>(burst.place.row);
            c.column = static_cast<std::uint32_t>(burst.place.column * t().burst_length);
            Bank& bank = bank_at(channel, burst.place);
            if (!oldest_of_bank(queue, burst)) {
                ++bank.passed;
            }
            bank.last_column = now;
            const DramClock begin = now + (burst.write ? t().nCWL : t().nCL);
            const DramClock end = begin + t().burst_length / t().beats_per_clock;
            channel.data.emplace_back(begin, end);
            channel.bus_end = end;
            const Burst served = burst;
            queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
            count_column(served);
            if (!served.write) {
                done(channel, served, end + config_.controller.pipeline_latency);
            } else if (queue.size() <= config_.controller.write_low) {
                channel.forced_writes = false;
            }
            issue(channel, c);
            return true;
        }
        return false;
    }

    void count_column(const Burst& burst) {
        ++(burst.precharged ? counts.row_conflicts : burst.activated ? counts.row_misses : counts.row_hits);
        const auto traffic = static_cast<std::size_t>(burst.traffic);
        if (!burst.precharged && !burst.activated) {
            ++(burst.write ? counts.write_row_hits_by_class : counts.read_row_hits_by_class)[traffic];
        }
        ++(burst.write ? counts.writes : counts.reads);
        ++(burst.write ? counts.write_bursts_by_class : counts.read_bursts_by_class)[traffic];
        (burst.write ? counts.bytes_written : counts.bytes_read) += config_.burst_bytes();
    }

    bool activate_one(Channel& channel, std::vector<Burst>& queue) {
        for (std::size_t i = 0; i < in_view(queue); ++i) {
            Burst& burst = queue[i];
            DramCommand c = command_for(activate, channel, burst.place);
            Bank& bank = bank_at(channel, burst.place);
            if (left_out(channel, burst.place) || bank.open || !oldest_of_bank(queue, burst) || !legal(channel, c)) {
                continue;
            }
            c.row = static_cast<std::uint32_t>(burst.place.row);
            if (bank.closed_row == burst.place.row) {
                set_timeout(bank, std::min<DramClock>(2 * timeout_of(bank), 65536));
            }
            bank.closed_row.reset();
            bank.open = true;
            bank.row = burst.place.row;
            bank.passed = 0;
            bank.last_column.reset();
            burst.activated = true;
            ++counts.activates;
            ++counts.activates_by_class[static_cast<std::size_t>(burst.traffic)];
            issue(channel, c);
            return true;
        }
        return false;
    }

    bool precharge_one(Channel& channel, std::vector<Burst>& queue) {
        for (std::size_t i = 0; i < in_view(queue); ++i) {
            Burst& burst = queue[i];
            Bank& bank = bank_at(channel, burst.place);
            if (left_out(channel, burst.place) || !bank.open || bank.row == burst.place.row ||
                !oldest_of_bank(queue, burst)) {
                continue;
            }
            const bool hit_in_view = std::any_of(
                queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(in_view(queue)), [&](const Burst& other) {
                    return same_bank(other.place, burst.place) && eligible(channel, queue, other);
                });
            if (hit_in_view || !legal(channel, precharge, burst.place)) {
                continue;
            }
            if (!row_wanted(channel, burst.place, bank.row)) {
                set_timeout(bank, std::max<DramClock>(timeout_of(bank) / 2, 1));
            }
            burst.precharged = true;
            close(channel, burst.place);
            issue(channel, precharge, burst.place);
            return true;
        }
        return false;
    }

    // Pages.

    DramClock timeout_of(const Bank& bank) const {
        return bank.timeout != 0 ? bank.timeout : config_.controller.page_timeout;
    }
    static void set_timeout(Bank& bank, DramClock clocks) { bank.timeout = clocks; }

    bool close_unwanted(Channel& channel) {
        const PagePolicy policy = config_.controller.page_policy;
        if (policy == PagePolicy::open) {
            return false;
        }
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            for (std::uint32_t b = 0; b < channel.ranks[r].banks.size(); ++b) {
                const GoldenPlace p = place_of(r, b);
                Bank& bank = bank_at(channel, p);
                const bool up =
                    policy == PagePolicy::closed || (bank.last_column && now >= *bank.last_column + timeout_of(bank));
                if (!bank.open || !up || left_out(channel, p) || row_wanted(channel, p, bank.row) ||
                    !legal(channel, precharge, p)) {
                    continue;
                }
                bank.closed_row = bank.row;
                close(channel, p);
                issue(channel, precharge, p);
                return true;
            }
        }
        return false;
    }
};

}  // namespace palimpsest
