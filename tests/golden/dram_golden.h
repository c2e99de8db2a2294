#pragma once
// The DRAM controller of docs/blocks/dram.md, clock by clock and as plainly as it is written there: every clock looks
// at every queued burst and at the whole recent command history. Slow on purpose; shares no code with src/hardware/dram
// but the types of its interface.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"
#include "palimpsest/result.h"

namespace palimpsest {

struct GoldenTransaction {
    std::vector<DramSegment> segments;
    bool write = false;
    Traffic traffic = Traffic::weights;
    DramClock completion = 0, refresh_wait = 0, taken = 0;  ///< answers, valid when `open_bursts` is 0
    std::uint64_t open_bursts = 0;
};

/// Where a byte address lies, found bit by bit.
struct GoldenPlace {
    std::uint64_t channel = 0, rank = 0, bankgroup = 0, bank = 0, row = 0, column = 0;  ///< column in bursts
    std::uint64_t& operator[](const std::string& name) {
        return name == "channel"     ? channel
               : name == "rank"      ? rank
               : name == "bankgroup" ? bankgroup
               : name == "bank"      ? bank
               : name == "row"       ? row
                                     : column;
    }
    bool operator==(const GoldenPlace&) const = default;
};

inline std::uint32_t golden_bits(std::uint64_t count) {
    std::uint32_t bits = 0;
    while ((std::uint64_t{1} << bits) < count) {
        ++bits;
    }
    return bits;
}

inline GoldenPlace golden_place(const DramConfig& config, Bytes address) {
    const DramOrganisation& o = config.organisation;
    std::map<std::string, std::uint32_t> width{{"channel", golden_bits(o.channels)},
                                               {"rank", golden_bits(o.ranks)},
                                               {"bankgroup", golden_bits(o.bank_groups)},
                                               {"bank", golden_bits(o.banks_per_group)},
                                               {"row", golden_bits(o.rows)},
                                               {"column", golden_bits(o.columns / config.timing.burst_length)}};
    std::vector<std::pair<std::string, int>> pieces;  // -1: the rest of the field
    std::string text = config.mapping + "|";
    while (!text.empty()) {
        const std::string word = text.substr(0, text.find('|'));
        text = text.substr(word.size() + 1);
        const std::size_t colon = word.find(':');
        pieces.emplace_back(word.substr(0, colon), colon == std::string::npos ? -1 : std::stoi(word.substr(colon + 1)));
    }
    for (auto& [name, bits] : pieces) {
        if (bits < 0) {
            int named = 0;
            for (const auto& [other, its_bits] : pieces) {
                named += other == name && its_bits > 0 ? its_bits : 0;
            }
            bits = static_cast<int>(width[name]) - named;
        }
    }
    std::uint64_t rest = address / config.burst_bytes();
    GoldenPlace place;
    std::map<std::string, std::uint32_t> next;
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        for (int i = 0; i < piece->second; ++i) {
            place[piece->first] |= (rest & 1) << next[piece->first]++;
            rest >>= 1;
        }
    }
    return place;
}

class GoldenDram {
  public:
    explicit GoldenDram(const DramConfig& config) : config_(config), channels_(config.organisation.channels) {
        for (Channel& channel : channels_) {
            for (std::uint32_t rank = 0; rank < config.organisation.ranks; ++rank) {
                Rank state;
                state.banks.resize(config.organisation.banks());
                state.due = std::uint64_t{config.timing.nREFI} * (rank + 1) / config.organisation.ranks;
                channel.ranks.push_back(state);
            }
        }
    }

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
            Channel& channel = channels_[burst.place.channel];
            burst.refresh_before = channel.refresh_clocks;
            channel.fifo.push_back(burst);
        }
    }

    /// Decides clock `now` of all channels.
    void step() {
        for (std::size_t c = 0; c < channels_.size(); ++c) {
            clock(channels_[c], static_cast<std::uint8_t>(c));
        }
        ++now;
    }

    bool idle() const {
        return std::all_of(channels_.begin(), channels_.end(), [&](const Channel& channel) {
            return channel.fifo.empty() && channel.reads.empty() && channel.writes.empty() && channel.bus_end <= now;
        });
    }

    DramClock now = 0;
    std::vector<DramCommand> commands;
    DramCounts counts;

  private:
    struct Burst {
        GoldenPlace place;
        GoldenTransaction* transaction = nullptr;
        Traffic traffic = Traffic::weights;
        bool write = false, activated = false, precharged = false;
        DramClock refresh_before = 0;
    };
    struct Bank {
        bool open = false;
        std::uint64_t row = 0;
        std::uint32_t passed = 0;
    };
    struct Rank {
        std::vector<Bank> banks;
        DramClock due = 0, refresh_end = 0;
    };
    struct Channel {
        std::deque<Burst> fifo;
        std::vector<Burst> reads, writes;  ///< oldest first
        std::vector<Rank> ranks;
        std::vector<DramCommand> history;
        bool forced_writes = false;
        DramClock bus_end = 0, refresh_clocks = 0;
        std::vector<std::pair<DramClock, DramClock>> data;
    };

    const DramTiming& t() const { return config_.timing; }
    std::uint64_t bank_of(const GoldenPlace& p) const {
        return p.bankgroup * config_.organisation.banks_per_group + p.bank;
    }
    bool refreshing() const { return config_.refresh.mode != RefreshMode::none; }
    bool pending(const Rank& rank) const { return refreshing() && now >= rank.due; }
    Bank& bank_at(Channel& channel, const GoldenPlace& p) const { return channel.ranks[p.rank].banks[bank_of(p)]; }
    bool hits(Channel& channel, const Burst& burst) const {
        const Bank& bank = bank_at(channel, burst.place);
        return bank.open && bank.row == burst.place.row;
    }
    static bool same_bank(const GoldenPlace& a, const GoldenPlace& b) {
        return a.rank == b.rank && a.bankgroup == b.bankgroup && a.bank == b.bank;
    }

    void clock(Channel& channel, std::uint8_t number) {
        account(channel);
        take_in(channel);
        const bool write = !channel.writes.empty() && (channel.forced_writes || channel.reads.empty());
        if (!refresh(channel, number)) {
            std::vector<Burst>& queue = write ? channel.writes : channel.reads;
            if (!column(channel, number, queue) && !activate(channel, number, queue) &&
                !precharge(channel, number, queue)) {
                close_unwanted(channel, number);
            }
        }
        for (const Rank& rank : channel.ranks) {
            const bool open = std::any_of(rank.banks.begin(), rank.banks.end(), [](const Bank& b) { return b.open; });
            ++(open ? counts.active_clocks : counts.precharged_clocks);
        }
    }

    void account(Channel& channel) {
        const bool held = !channel.fifo.empty() || !channel.reads.empty() || !channel.writes.empty();
        bool data = false;
        for (const auto& [begin, end] : channel.data) {
            data = data || (begin <= now && now < end);
        }
        bool stalled = false;
        for (const std::vector<Burst>* queue : {&channel.reads, &channel.writes}) {
            for (const Burst& burst : *queue) {
                const Rank& rank = channel.ranks[burst.place.rank];
                stalled = stalled || pending(rank) || now < rank.refresh_end;
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
                channel.writes.push_back(burst);
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
                channel.reads.push_back(burst);
            }
        }
        burst.transaction->taken = std::max(burst.transaction->taken, now);
        channel.fifo.pop_front();
    }

    void done(Channel& channel, const Burst& burst, DramClock completion) {
        GoldenTransaction& transaction = *burst.transaction;
        transaction.completion = std::max(transaction.completion, completion);
        transaction.refresh_wait = std::max(transaction.refresh_wait, channel.refresh_clocks - burst.refresh_before);
        --transaction.open_bursts;
    }

    /// Whether `c` is legal now after all that came before.
    bool legal(const Channel& channel, const DramCommand& c) const {
        using enum DramCommandKind;
        const std::uint64_t burst = t().burst_length / t().beats_per_clock;
        int activates_in_window = 0;
        for (auto e = channel.history.rbegin(); e != channel.history.rend(); ++e) {
            const std::uint64_t past = now - e->clock;
            if (past > 4000) {
                break;
            }
            const bool rank = e->rank == c.rank, group = rank && e->bank_group == c.bank_group;
            const bool bank = group && e->bank == c.bank;
            const bool closed = (e->kind == precharge && bank) || (e->kind == precharge_all && rank);
            std::int64_t need = 0;
            const auto needs = [&need](std::int64_t clocks) { need = std::max(need, clocks); };
            if (e->kind == activate) {
                if (bank && (c.kind == read || c.kind == write))
                    needs(t().nRCD);
                if (bank && c.kind == precharge)
                    needs(t().nRAS);
                if (bank && c.kind == activate)
                    needs(t().nRC);
                if (group && c.kind == activate)
                    needs(t().nRRD_L);
                if (rank && c.kind == activate)
                    needs(t().nRRD_S);
                if (rank && c.kind == refresh)
                    needs(t().nRC);
                if (rank && c.kind == activate && past < t().nFAW && ++activates_in_window == 4)
                    return false;
            }
            if (closed && c.kind == activate)
                needs(t().nRP);
            if ((e->kind == precharge || e->kind == precharge_all) && rank && c.kind == refresh)
                needs(t().nRP);
            if (e->kind == read) {
                if (bank && c.kind == precharge)
                    needs(t().nRTP);
                if (group && c.kind == read)
                    needs(t().nCCD_L);
                if (rank && c.kind == read)
                    needs(t().nCCD_S);
                const std::int64_t data_end = std::int64_t{t().nCL} + static_cast<std::int64_t>(burst);
                if (c.kind == write)
                    needs(data_end + (rank ? 2 : t().nRTRS) - t().nCWL);
                if (!rank && c.kind == read)
                    needs(static_cast<std::int64_t>(burst) + t().nRTRS);
            }
            if (e->kind == write) {
                const std::int64_t data_end = std::int64_t{t().nCWL} + static_cast<std::int64_t>(burst);
                if (bank && c.kind == precharge)
                    needs(data_end + t().nWR);
                if (group && c.kind == write)
                    needs(t().nCCD_L);
                if (rank && c.kind == write)
                    needs(t().nCCD_S);
                if (group && c.kind == read)
                    needs(data_end + t().nWTR_L);
                if (rank && c.kind == read)
                    needs(data_end + t().nWTR_S);
                if (!rank && c.kind == write)
                    needs(static_cast<std::int64_t>(burst) + t().nRTRS);
                if (!rank && c.kind == read)
                    needs(data_end + t().nRTRS - t().nCL);
            }
            if (e->kind == refresh && rank && (c.kind == activate || c.kind == refresh))
                needs(t().nRFC);
            if (static_cast<std::int64_t>(past) < need) {
                return false;
            }
        }
        return true;
    }

    DramCommand command_for(DramCommandKind kind, std::uint8_t channel, const GoldenPlace& p) const {
        DramCommand c;
        c.clock = now;
        c.kind = kind;
        c.channel = channel;
        c.rank = static_cast<std::uint8_t>(p.rank);
        c.bank_group = static_cast<std::uint8_t>(p.bankgroup);
        c.bank = static_cast<std::uint8_t>(p.bank);
        return c;
    }
    void issue(Channel& channel, const DramCommand& c) {
        channel.history.push_back(c);
        commands.push_back(c);
    }

    bool refresh(Channel& channel, std::uint8_t number) {
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            Rank& rank = channel.ranks[r];
            if (!pending(rank)) {
                continue;
            }
            bool any_open = false, all_closable = true;
            for (std::uint32_t b = 0; b < rank.banks.size(); ++b) {
                GoldenPlace p;
                p.rank = r;
                p.bankgroup = b / config_.organisation.banks_per_group;
                p.bank = b % config_.organisation.banks_per_group;
                if (rank.banks[b].open) {
                    any_open = true;
                    all_closable = all_closable && legal(channel, command_for(DramCommandKind::precharge, number, p));
                }
            }
            GoldenPlace p;
            p.rank = r;
            if (any_open && all_closable) {
                for (Bank& bank : rank.banks) {
                    counts.precharges += bank.open;
                    bank.open = false;
                }
                issue(channel, command_for(DramCommandKind::precharge_all, number, p));
                return true;
            }
            const DramCommand ref = command_for(DramCommandKind::refresh, number, p);
            if (!any_open && legal(channel, ref)) {
                issue(channel, ref);
                rank.due += t().nREFI;
                rank.refresh_end = now + t().nRFC;
                ++counts.refreshes;
                return true;
            }
        }
        return false;
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

    bool column(Channel& channel, std::uint8_t number, std::vector<Burst>& queue) {
        for (std::size_t i = 0; i < queue.size(); ++i) {
            Burst& burst = queue[i];
            DramCommand c =
                command_for(burst.write ? DramCommandKind::write : DramCommandKind::read, number, burst.place);
            if (pending(channel.ranks[c.rank]) || !eligible(channel, queue, burst) || !legal(channel, c)) {
                continue;
            }
            c.row = static_cast<std::uint32_t>(burst.place.row);
            c.column = static_cast<std::uint32_t>(burst.place.column * t().burst_length);
            if (!oldest_of_bank(queue, burst)) {
                ++bank_at(channel, burst.place).passed;
            }
            const DramClock begin = now + (burst.write ? t().nCWL : t().nCL);
            const DramClock end = begin + t().burst_length / t().beats_per_clock;
            channel.data.emplace_back(begin, end);
            channel.bus_end = end;
            ++(burst.precharged ? counts.row_conflicts : burst.activated ? counts.row_misses : counts.row_hits);
            const auto traffic = static_cast<std::size_t>(burst.traffic);
            if (!burst.precharged && !burst.activated) {
                ++(burst.write ? counts.write_row_hits_by_class : counts.read_row_hits_by_class)[traffic];
            }
            const Burst served = burst;
            queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
            if (served.write) {
                ++counts.writes;
                ++counts.write_bursts_by_class[traffic];
                counts.bytes_written += config_.burst_bytes();
                if (queue.size() <= config_.controller.write_low) {
                    channel.forced_writes = false;
                }
            } else {
                ++counts.reads;
                ++counts.read_bursts_by_class[traffic];
                counts.bytes_read += config_.burst_bytes();
                done(channel, served, end + config_.controller.pipeline_latency);
            }
            issue(channel, c);
            return true;
        }
        return false;
    }

    bool activate(Channel& channel, std::uint8_t number, std::vector<Burst>& queue) {
        for (Burst& burst : queue) {
            DramCommand c = command_for(DramCommandKind::activate, number, burst.place);
            Bank& bank = bank_at(channel, burst.place);
            if (pending(channel.ranks[c.rank]) || bank.open || !oldest_of_bank(queue, burst) || !legal(channel, c)) {
                continue;
            }
            c.row = static_cast<std::uint32_t>(burst.place.row);
            bank = Bank{true, burst.place.row, 0};
            burst.activated = true;
            ++counts.activates;
            ++counts.activates_by_class[static_cast<std::size_t>(burst.traffic)];
            issue(channel, c);
            return true;
        }
        return false;
    }

    bool precharge(Channel& channel, std::uint8_t number, std::vector<Burst>& queue) {
        for (Burst& burst : queue) {
            const DramCommand c = command_for(DramCommandKind::precharge, number, burst.place);
            Bank& bank = bank_at(channel, burst.place);
            if (pending(channel.ranks[c.rank]) || !bank.open || !oldest_of_bank(queue, burst)) {
                continue;
            }
            const bool wanted = std::any_of(queue.begin(), queue.end(), [&](const Burst& other) {
                return same_bank(other.place, burst.place) && eligible(channel, queue, other);
            });
            if (wanted || !legal(channel, c)) {
                continue;
            }
            bank.open = false;
            burst.precharged = true;
            ++counts.precharges;
            issue(channel, c);
            return true;
        }
        return false;
    }

    void close_unwanted(Channel& channel, std::uint8_t number) {
        if (config_.controller.page_policy != PagePolicy::closed) {
            return;
        }
        for (std::uint32_t r = 0; r < channel.ranks.size(); ++r) {
            for (std::uint32_t b = 0; b < channel.ranks[r].banks.size(); ++b) {
                Bank& bank = channel.ranks[r].banks[b];
                GoldenPlace p;
                p.rank = r;
                p.bankgroup = b / config_.organisation.banks_per_group;
                p.bank = b % config_.organisation.banks_per_group;
                const DramCommand c = command_for(DramCommandKind::precharge, number, p);
                if (!bank.open || pending(channel.ranks[r]) || !legal(channel, c)) {
                    continue;
                }
                bool wanted = false;
                for (const std::vector<Burst>* queue : {&channel.reads, &channel.writes}) {
                    for (const Burst& burst : *queue) {
                        wanted = wanted || (same_bank(burst.place, p) && burst.place.row == bank.row);
                    }
                }
                if (!wanted) {
                    bank.open = false;
                    ++counts.precharges;
                    issue(channel, c);
                    return;
                }
            }
        }
    }

    DramConfig config_;
    std::vector<Channel> channels_;
};

}  // namespace palimpsest
