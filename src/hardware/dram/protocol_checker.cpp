#include "hardware/dram/protocol_checker.h"

#include <fmt/format.h>

namespace palimpsest {

ProtocolChecker::ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, bool refresh)
    : timing_(timing), organisation_(organisation), check_interval_(refresh) {
    Rank rank;
    rank.banks.resize(organisation.banks());
    rank.groups.resize(organisation.bank_groups);
    Channel channel;
    channel.ranks.assign(organisation.ranks, rank);
    channels_.assign(organisation.channels, channel);
}

void ProtocolChecker::report(const char* rule, const DramCommand& command, std::string detail) {
    violations_.push_back({rule, command, std::move(detail)});
}

void ProtocolChecker::apart(const char* rule, const DramCommand& command, const When& earlier, std::uint64_t clocks) {
    if (earlier && command.clock < *earlier + clocks) {
        report(
            rule, command,
            fmt::format("{} clock(s) after clock {}, at least {} needed", command.clock - *earlier, *earlier, clocks));
    }
}

void ProtocolChecker::command(const DramCommand& command) {
    ++commands_checked_;
    if (command.channel >= organisation_.channels || command.rank >= organisation_.ranks ||
        command.bank_group >= organisation_.bank_groups || command.bank >= organisation_.banks_per_group ||
        command.row >= organisation_.rows || command.column >= organisation_.columns) {
        report("address", command, "beyond the organisation");
        return;
    }
    Channel& channel = channels_[command.channel];
    if (channel.last_command && command.clock <= *channel.last_command) {
        report("command bus", command, fmt::format("the command before it is of clock {}", *channel.last_command));
    }
    channel.last_command = command.clock;
    Rank& rank = channel.ranks[command.rank];
    Group& group = rank.groups[command.bank_group];
    Bank& bank = rank.banks[command.bank_group * organisation_.banks_per_group + command.bank];
    apart("tRFC", command, rank.refreshed, timing_.nRFC);

    switch (command.kind) {
        case DramCommandKind::activate:
            check_activate(rank, group, bank, command);
            break;
        case DramCommandKind::precharge:
            check_precharge(rank, bank, command);
            break;
        case DramCommandKind::precharge_all:
            for (Bank& each : rank.banks) {
                if (each.open) {
                    check_precharge(rank, each, command);
                }
            }
            break;
        case DramCommandKind::read:
        case DramCommandKind::write:
            check_column(channel, rank, group, bank, command);
            break;
        default:
            break;
        case DramCommandKind::refresh:
            check_refresh(rank, command);
            break;
    }
}

void ProtocolChecker::check_activate(Rank& rank, Group& group, Bank& bank, const DramCommand& command) {
    if (bank.open) {
        report("ACT to open bank", command, fmt::format("row {} is open", bank.row));
    }
    apart("tRC", command, bank.activated, timing_.nRC);
    apart("tRP", command, bank.precharged, timing_.nRP);
    apart("tRRD_L", command, group.activated, timing_.nRRD_L);
    apart("tRRD_S", command, rank.activated, timing_.nRRD_S);
    if (rank.activates.size() == 4) {
        apart("tFAW", command, rank.activates.front(), timing_.nFAW);
        rank.activates.pop_front();
    }
    rank.activates.push_back(command.clock);
    rank.activated = group.activated = bank.activated = command.clock;
    bank.open = true;
    bank.row = command.row;
}

void ProtocolChecker::check_precharge(Rank& rank, Bank& bank, const DramCommand& command) {
    if (!bank.open) {
        report("PRE to closed bank", command, "nothing is open");
    }
    apart("tRAS", command, bank.activated, timing_.nRAS);
    apart("tRTP", command, bank.read, timing_.nRTP);
    apart("tWR", command, bank.written, timing_.nCWL + timing_.burst_clocks() + std::uint64_t{timing_.nWR});
    bank.open = false;
    bank.read.reset();
    bank.written.reset();
    bank.precharged = rank.precharged = command.clock;
}

void ProtocolChecker::check_column(Channel& channel, Rank& rank, Group& group, Bank& bank, const DramCommand& command) {
    const bool write = command.kind == DramCommandKind::write;
    if (!bank.open) {
        report("column command to closed bank", command, "no row is open");
    } else if (bank.row != command.row) {
        report("column command to other row", command, fmt::format("row {} is open", bank.row));
    }
    if (command.column % timing_.burst_length != 0) {
        report("address", command, "the column is not the first of a burst");
    }
    apart("tRCD", command, bank.activated, timing_.nRCD);
    if (write) {
        apart("tCCD_L", command, group.written, timing_.nCCD_L);
        apart("tCCD_S", command, rank.written, timing_.nCCD_S);
        bank.written = group.written = rank.written = command.clock;
    } else {
        apart("tCCD_L", command, group.read, timing_.nCCD_L);
        apart("tCCD_S", command, rank.read, timing_.nCCD_S);
        const std::uint64_t written = std::uint64_t{timing_.nCWL} + timing_.burst_clocks();
        apart("tWTR_L", command, group.written, written + timing_.nWTR_L);
        apart("tWTR_S", command, rank.written, written + timing_.nWTR_S);
        bank.read = group.read = rank.read = command.clock;
    }
    check_data_bus(channel, command);
}

/// Bursts do not overlap; a burst of another rank leaves nRTRS clocks free, a write after a read of the same rank two.
void ProtocolChecker::check_data_bus(Channel& channel, const DramCommand& command) {
    const bool write = command.kind == DramCommandKind::write;
    const DramClock begin = command.clock + (write ? timing_.nCWL : timing_.nCL);
    if (channel.data_seen) {
        const auto behind = [&](const char* rule, std::uint32_t gap) {
            if (begin < channel.data_end + gap) {
                report(rule, command,
                       fmt::format("data from clock {}, the bus is busy to {} and {} clock(s) are left free", begin,
                                   channel.data_end, gap));
                return true;
            }
            return false;
        };
        if (!behind("data bus", 0)) {
            if (command.rank != channel.data_rank) {
                behind("tRTRS", timing_.nRTRS);
            } else if (write && !channel.data_write) {
                behind("read-to-write turnaround", 2);
            }
        }
    }
    channel.data_end = begin + timing_.burst_clocks();
    channel.data_rank = command.rank;
    channel.data_write = write;
    channel.data_seen = true;
}

void ProtocolChecker::check_refresh(Rank& rank, const DramCommand& command) {
    for (const Bank& bank : rank.banks) {
        if (bank.open) {
            report("REF with open bank", command, fmt::format("row {} is open", bank.row));
        }
        apart("tRP before REF", command, bank.precharged, timing_.nRP);
        apart("tRC before REF", command, bank.activated, timing_.nRC);
    }
    if (check_interval_ && command.clock > rank.refresh_reference + std::uint64_t{9} * timing_.nREFI) {
        report("tREFI", command, fmt::format("{} clocks after the REF before", command.clock - rank.refresh_reference));
    }
    rank.refreshed = command.clock;
    rank.refresh_reference = command.clock;
}

void ProtocolChecker::finish(DramClock clock) {
    for (std::uint32_t c = 0; c < organisation_.channels && check_interval_; ++c) {
        for (std::uint32_t r = 0; r < organisation_.ranks; ++r) {
            const DramClock last = channels_[c].ranks[r].refresh_reference;
            if (clock > last + std::uint64_t{9} * timing_.nREFI) {
                DramCommand none;
                none.clock = clock;
                none.kind = DramCommandKind::refresh;
                none.channel = static_cast<std::uint8_t>(c);
                none.rank = static_cast<std::uint8_t>(r);
                report("tREFI", none, fmt::format("no REF since clock {}", last));
            }
        }
    }
}

std::string to_string(const ProtocolViolation& violation) {
    const DramCommand& c = violation.command;
    return fmt::format("{}: {} at clock {}, channel {} rank {} group {} bank {} row {} column {}: {}", violation.rule,
                       name_of(c.kind), c.clock, c.channel, c.rank, c.bank_group, c.bank, c.row, c.column,
                       violation.detail);
}

}  // namespace palimpsest
