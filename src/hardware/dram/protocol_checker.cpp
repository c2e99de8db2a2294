#include "hardware/dram/protocol_checker.h"

#include <fmt/format.h>

namespace palimpsest {

ProtocolChecker::ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, RefreshMode refresh)
    : timing_(timing), organisation_(organisation), refresh_(refresh) {
    Rank rank;
    rank.banks.resize(organisation.banks());
    rank.groups.resize(organisation.bank_groups);
    Channel channel;
    channel.ranks.assign(organisation.ranks, rank);
    channels_.assign(organisation.channels, channel);
}

ProtocolChecker::ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, bool refresh)
    : ProtocolChecker(timing, organisation, refresh ? RefreshMode::all_bank : RefreshMode::none) {}

void ProtocolChecker::report(ProtocolRule rule, const DramCommand& command, std::string detail) {
    violations_.push_back({std::string(name_of(rule)), command, std::move(detail)});
}

void ProtocolChecker::apart(ProtocolRule rule, const DramCommand& command, const When& earlier, std::uint64_t clocks) {
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
        report(ProtocolRule::address, command, "beyond the organisation");
        return;
    }
    Channel& channel = channels_[command.channel];
    if (channel.last_command && command.clock <= *channel.last_command) {
        report(ProtocolRule::command_bus, command,
               fmt::format("the command before it is of clock {}", *channel.last_command));
    }
    channel.last_command = command.clock;
    Rank& rank = channel.ranks[command.rank];
    if (rank.power != Power::awake) {
        check_wake(rank, command);
        return;
    }
    Group& group = rank.groups[command.bank_group];
    Bank& bank = rank.banks[bank_number(command)];
    apart(ProtocolRule::tXP, command, rank.up, timing_.nXP);
    apart(ProtocolRule::tXS, command, rank.self_refresh_end, timing_.nXS);
    if (command.kind != DramCommandKind::power_down_enter) {
        apart(ProtocolRule::tRFC, command, rank.refreshed, timing_.nRFC);
    }

    switch (command.kind) {
        case DramCommandKind::activate:
            check_activate(rank, group, bank, command);
            break;
        case DramCommandKind::precharge:
            check_precharge(bank, command);
            break;
        case DramCommandKind::precharge_all:
            for (Bank& each : rank.banks) {
                if (each.open) {
                    check_precharge(each, command);
                }
            }
            break;
        case DramCommandKind::read:
        case DramCommandKind::write:
            check_column(channel, rank, group, bank, command);
            break;
        case DramCommandKind::refresh:
            check_refresh(rank, command);
            break;
        case DramCommandKind::refresh_bank:
            check_refresh_bank(rank, bank, command);
            break;
        case DramCommandKind::power_down_enter:
            check_power_down(rank, command);
            break;
        case DramCommandKind::self_refresh_enter:
            check_self_refresh(rank, command);
            break;
        case DramCommandKind::power_down_exit:
            report(ProtocolRule::exit_without_power_down, command, "the rank is awake");
            break;
        case DramCommandKind::self_refresh_exit:
            report(ProtocolRule::exit_without_self_refresh, command, "the rank is awake");
            break;
    }
}

void ProtocolChecker::check_activate(Rank& rank, Group& group, Bank& bank, const DramCommand& command) {
    if (bank.open) {
        report(ProtocolRule::activate_open, command, fmt::format("row {} is open", bank.row));
    }
    apart(ProtocolRule::tRFCpb, command, bank.refreshed, timing_.nRFCpb);
    if (!bank.refreshed || rank.bank_refreshed != bank.refreshed) {
        apart(ProtocolRule::tRRD_after_refresh_bank, command, rank.bank_refreshed, timing_.nRRD_S);
    }
    apart(ProtocolRule::tRC, command, bank.activated, timing_.nRC);
    apart(ProtocolRule::tRP, command, bank.precharged, timing_.nRP);
    apart(ProtocolRule::tRRD_L, command, group.activated, timing_.nRRD_L);
    apart(ProtocolRule::tRRD_S, command, rank.activated, timing_.nRRD_S);
    if (rank.activates.size() == 4) {
        apart(ProtocolRule::tFAW, command, rank.activates.front(), timing_.nFAW);
        rank.activates.pop_front();
    }
    rank.activates.push_back(command.clock);
    rank.activated = group.activated = bank.activated = command.clock;
    bank.open = true;
    bank.row = command.row;
}

void ProtocolChecker::check_precharge(Bank& bank, const DramCommand& command) {
    if (!bank.open) {
        report(ProtocolRule::precharge_closed, command, "nothing is open");
    }
    apart(ProtocolRule::tRAS, command, bank.activated, timing_.nRAS);
    apart(ProtocolRule::tRTP, command, bank.read, timing_.nRTP);
    apart(ProtocolRule::tWR, command, bank.written, timing_.nCWL + timing_.burst_clocks() + std::uint64_t{timing_.nWR});
    bank.open = false;
    bank.read.reset();
    bank.written.reset();
    bank.precharged = command.clock;
}

void ProtocolChecker::check_column(Channel& channel, Rank& rank, Group& group, Bank& bank, const DramCommand& command) {
    const bool write = command.kind == DramCommandKind::write;
    if (!bank.open) {
        report(ProtocolRule::column_closed, command, "no row is open");
    } else if (bank.row != command.row) {
        report(ProtocolRule::column_other_row, command, fmt::format("row {} is open", bank.row));
    }
    if (command.column % timing_.burst_length != 0) {
        report(ProtocolRule::address, command, "the column is not the first of a burst");
    }
    apart(ProtocolRule::tRCD, command, bank.activated, timing_.nRCD);
    if (write) {
        apart(ProtocolRule::tCCD_L, command, group.written, timing_.nCCD_L);
        apart(ProtocolRule::tCCD_S, command, rank.written, timing_.nCCD_S);
        bank.written = group.written = rank.written = command.clock;
    } else {
        apart(ProtocolRule::tCCD_L, command, group.read, timing_.nCCD_L);
        apart(ProtocolRule::tCCD_S, command, rank.read, timing_.nCCD_S);
        const std::uint64_t written = std::uint64_t{timing_.nCWL} + timing_.burst_clocks();
        apart(ProtocolRule::tWTR_L, command, group.written, written + timing_.nWTR_L);
        apart(ProtocolRule::tWTR_S, command, rank.written, written + timing_.nWTR_S);
        bank.read = group.read = rank.read = command.clock;
    }
    check_data_bus(channel, command);
}

/// Bursts do not overlap; a burst of another rank leaves nRTRS clocks free, a write after a read of the same rank two.
void ProtocolChecker::check_data_bus(Channel& channel, const DramCommand& command) {
    const bool write = command.kind == DramCommandKind::write;
    const DramClock begin = command.clock + (write ? timing_.nCWL : timing_.nCL);
    if (channel.data_seen) {
        const auto behind = [&](ProtocolRule rule, std::uint32_t gap) {
            if (begin < channel.data_end + gap) {
                report(rule, command,
                       fmt::format("data from clock {}, the bus is busy to {} and {} clock(s) are left free", begin,
                                   channel.data_end, gap));
                return true;
            }
            return false;
        };
        if (!behind(ProtocolRule::data_bus, 0)) {
            if (command.rank != channel.data_rank) {
                behind(ProtocolRule::tRTRS, timing_.nRTRS);
            } else if (write && !channel.data_write) {
                behind(ProtocolRule::turnaround, 2);
            }
        }
    }
    channel.data_end = begin + timing_.burst_clocks();
    channel.data_rank = command.rank;
    channel.data_write = write;
    channel.data_seen = true;
}

std::string to_string(const ProtocolViolation& violation) {
    const DramCommand& c = violation.command;
    return fmt::format("{}: {} at clock {}, channel {} rank {} group {} bank {} row {} column {}: {}", violation.rule,
                       name_of(c.kind), c.clock, c.channel, c.rank, c.bank_group, c.bank, c.row, c.column,
                       violation.detail);
}

}  // namespace palimpsest
