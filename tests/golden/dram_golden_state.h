#pragma once
// Part of the golden DRAM controller (dram_golden.h): what it knows about its channels, and the words of
// docs/blocks/dram.md for it: what a rank owes, whether it is idle, which banks are held back.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "config/dram_config.h"
#include "golden/dram_golden_legal.h"
#include "golden/dram_golden_place.h"
#include "hardware/dram/command_sink.h"
#include "palimpsest/result.h"

namespace palimpsest {

struct GoldenTransaction {
    std::vector<DramSegment> segments;
    bool write = false;
    bool urgent = false;
    Traffic traffic = Traffic::weights;
    DramClock completion = 0, refresh_wait = 0, taken = 0;  ///< answers, valid when `open_bursts` is 0
    std::uint64_t open_bursts = 0;
};

class GoldenDramState {
  public:
    DramClock now = 0;
    std::vector<DramCommand> commands;
    DramCounts counts;

  protected:
    using enum DramCommandKind;
    enum class Power { awake, down, self_refresh };
    struct Burst {
        GoldenPlace place;
        GoldenTransaction* transaction = nullptr;
        Traffic traffic = Traffic::weights;
        bool write = false, urgent = false, activated = false, precharged = false;
        DramClock refresh_before = 0;
    };
    struct Bank {
        bool open = false;
        std::uint64_t row = 0;
        std::uint32_t passed = 0;                 ///< hits that passed an older burst since the ACT
        std::optional<DramClock> last_column;     ///< since the ACT
        DramClock timeout = 0;                    ///< 0: as configured
        std::optional<std::uint64_t> closed_row;  ///< that (f) closed, until the next ACT
        DramClock refresh_end = 0;
    };
    struct Rank {
        std::vector<Bank> banks;
        DramClock first_due = 0;
        std::uint64_t refreshed = 0;  ///< refreshes issued since the one that was due at `first_due`, it included
        Power power = Power::awake;
        DramClock idle_since = 0;  ///< if it is idle
    };
    struct Channel {
        std::uint8_t number = 0;
        std::deque<Burst> fifo;
        std::vector<Burst> reads, writes;  ///< oldest first
        std::vector<Rank> ranks;
        std::vector<DramCommand> history;
        bool forced_writes = false;
        DramClock bus_end = 0, refresh_clocks = 0;
        std::vector<std::pair<DramClock, DramClock>> data;
    };

    explicit GoldenDramState(const DramConfig& config) : config_(config), channels_(config.organisation.channels) {
        for (std::size_t c = 0; c < channels_.size(); ++c) {
            channels_[c].number = static_cast<std::uint8_t>(c);
            for (std::uint32_t rank = 0; rank < config.organisation.ranks; ++rank) {
                Rank state;
                state.banks.resize(config.organisation.banks());
                state.first_due = std::uint64_t{config.timing.nREFI} * (rank + 1) / config.organisation.ranks;
                channels_[c].ranks.push_back(state);
            }
        }
    }

    const DramTiming& t() const { return config_.timing; }
    std::uint64_t bank_of(const GoldenPlace& p) const {
        return p.bankgroup * config_.organisation.banks_per_group + p.bank;
    }
    GoldenPlace place_of(std::uint32_t rank, std::uint64_t bank = 0) const {
        GoldenPlace p;
        p.rank = rank;
        p.bankgroup = bank / config_.organisation.banks_per_group;
        p.bank = bank % config_.organisation.banks_per_group;
        return p;
    }
    Bank& bank_at(Channel& channel, const GoldenPlace& p) const { return channel.ranks[p.rank].banks[bank_of(p)]; }
    static bool same_bank(const GoldenPlace& a, const GoldenPlace& b) {
        return a.rank == b.rank && a.bankgroup == b.bankgroup && a.bank == b.bank;
    }

    DramCommand command_for(DramCommandKind kind, const Channel& channel, const GoldenPlace& p) const {
        DramCommand c;
        c.clock = now;
        c.kind = kind;
        c.channel = channel.number;
        c.rank = static_cast<std::uint8_t>(p.rank);
        c.bank_group = static_cast<std::uint8_t>(p.bankgroup);
        c.bank = static_cast<std::uint8_t>(p.bank);
        return c;
    }
    bool legal(const Channel& channel, const DramCommand& c) const { return golden_legal(t(), channel.history, c); }
    bool legal(const Channel& channel, DramCommandKind kind, const GoldenPlace& p) const {
        return legal(channel, command_for(kind, channel, p));
    }
    void issue(Channel& channel, const DramCommand& c) {
        channel.history.push_back(c);
        commands.push_back(c);
        const bool for_bursts = c.kind == activate || c.kind == read || c.kind == write || c.kind == precharge;
        if (for_bursts || c.kind == self_refresh_enter || c.kind == self_refresh_exit) {
            channel.ranks[c.rank].idle_since = now + 1;
        }
    }
    void issue(Channel& channel, DramCommandKind kind, const GoldenPlace& p) {
        issue(channel, command_for(kind, channel, p));
    }
    void close(Channel& channel, const GoldenPlace& p) {
        bank_at(channel, p).open = false;
        ++counts.precharges;
    }

    // Refresh and idleness.

    /// Refreshes that are due and not issued.
    std::uint64_t owed(const Rank& rank) const {
        if (config_.refresh.mode == RefreshMode::none || rank.power == Power::self_refresh) {
            return 0;
        }
        const std::uint64_t banks = config_.refresh.mode == RefreshMode::per_bank ? rank.banks.size() : 1;
        std::uint64_t due = 0;
        while (rank.first_due + std::uint64_t{t().nREFI} * (rank.refreshed + due) / banks <= now) {
            ++due;
        }
        return due;
    }
    bool must_refresh(const Rank& rank) const { return owed(rank) > config_.refresh.postpone; }
    std::uint64_t next_in_turn(const Rank& rank) const { return rank.refreshed % rank.banks.size(); }
    bool has_bursts(const Channel& channel, std::uint32_t rank) const {
        const auto of_rank = [&](const Burst& burst) { return burst.place.rank == rank; };
        return std::any_of(channel.reads.begin(), channel.reads.end(), of_rank) ||
               std::any_of(channel.writes.begin(), channel.writes.end(), of_rank);
    }
    bool held_back(const Channel& channel, const GoldenPlace& p) const {
        const Rank& rank = channel.ranks[p.rank];
        const bool concerned = config_.refresh.mode != RefreshMode::per_bank || next_in_turn(rank) == bank_of(p);
        return (concerned && must_refresh(rank)) || now < rank.banks[bank_of(p)].refresh_end;
    }
    /// For (c) to (f).
    bool left_out(const Channel& channel, const GoldenPlace& p) const {
        return channel.ranks[p.rank].power != Power::awake || held_back(channel, p);
    }

    bool is_idle(const Channel& channel, std::uint32_t rank) const {
        return !has_bursts(channel, rank) && owed(channel.ranks[rank]) == 0;
    }
    bool idle_for(const Channel& channel, std::uint32_t rank, std::uint32_t clocks) const {
        return clocks != 0 && is_idle(channel, rank) && now >= channel.ranks[rank].idle_since + clocks;
    }
    bool for_self_refresh(const Channel& channel, std::uint32_t rank) const {
        return idle_for(channel, rank, config_.power_down.self_refresh_after);
    }

    static bool any_open(const Rank& rank) {
        return std::any_of(rank.banks.begin(), rank.banks.end(), [](const Bank& bank) { return bank.open; });
    }
    /// PREA, if there is something to close and all of it may be closed.
    bool close_all(Channel& channel, std::uint32_t r) {
        Rank& rank = channel.ranks[r];
        if (!any_open(rank)) {
            return false;
        }
        for (std::uint32_t b = 0; b < rank.banks.size(); ++b) {
            if (rank.banks[b].open && !legal(channel, precharge, place_of(r, b))) {
                return false;
            }
        }
        for (std::uint32_t b = 0; b < rank.banks.size(); ++b) {
            if (rank.banks[b].open) {
                close(channel, place_of(r, b));
            }
        }
        issue(channel, precharge_all, place_of(r));
        return true;
    }

    DramConfig config_;
    std::vector<Channel> channels_;
};

}  // namespace palimpsest
