// The protocol checker's rules about whole ranks: refresh, power-down, self-refresh.

#include <fmt/format.h>

#include "hardware/dram/protocol_checker.h"

namespace palimpsest {

void ProtocolChecker::check_interval(ProtocolRule rule, DramClock reference, const DramCommand& command) {
    if (command.clock > reference + std::uint64_t{9} * timing_.nREFI) {
        report(rule, command,
               fmt::format("{} clocks after the one before, self-refresh not counted", command.clock - reference));
    }
}

void ProtocolChecker::check_refresh(Rank& rank, const DramCommand& command) {
    for (const Bank& bank : rank.banks) {
        if (bank.open) {
            report(ProtocolRule::refresh_open, command, fmt::format("row {} is open", bank.row));
        }
        apart(ProtocolRule::tRP_before_refresh, command, bank.precharged, timing_.nRP);
        apart(ProtocolRule::tRC_before_refresh, command, bank.activated, timing_.nRC);
    }
    apart(ProtocolRule::tRFCpb, command, rank.bank_refreshed, timing_.nRFCpb);
    if (refresh_ == RefreshMode::all_bank) {
        check_interval(ProtocolRule::tREFI, rank.refresh_reference, command);
    }
    rank.refreshed = command.clock;
    rank.refresh_reference = command.clock;
    for (Bank& bank : rank.banks) {
        bank.refresh_reference = command.clock;
    }
    rank.next_bank = 0;  // the device's bank counter starts again
    rank.refresh_needed = false;
}

void ProtocolChecker::check_refresh_bank(Rank& rank, Bank& bank, const DramCommand& command) {
    if (timing_.nRFCpb == 0) {
        report(ProtocolRule::refresh_bank_unknown, command, "the device has no refresh of one bank");
        return;
    }
    const std::uint32_t number = bank_number(command);
    if (number != rank.next_bank) {
        report(ProtocolRule::refresh_bank_order, command, fmt::format("it is the turn of bank {}", rank.next_bank));
    }
    if (bank.open) {
        report(ProtocolRule::refresh_bank_open, command, fmt::format("row {} is open", bank.row));
    }
    apart(ProtocolRule::tRP_before_refresh_bank, command, bank.precharged, timing_.nRP);
    apart(ProtocolRule::tRC_before_refresh_bank, command, bank.activated, timing_.nRC);
    for (const Bank& other : rank.banks) {
        if (&other != &bank) {
            apart(ProtocolRule::tRRD_before_refresh_bank, command, other.activated, timing_.nRRD_S);
        }
    }
    apart(ProtocolRule::tRFCpb, command, rank.bank_refreshed, timing_.nRFCpb);
    if (refresh_ == RefreshMode::per_bank) {
        check_interval(ProtocolRule::tREFI_bank, bank.refresh_reference, command);
    }
    rank.bank_refreshed = bank.refreshed = bank.refresh_reference = command.clock;
    rank.next_bank = (number + 1) % organisation_.banks();
}

void ProtocolChecker::check_power_down(Rank& rank, const DramCommand& command) {
    apart(ProtocolRule::tRDPDEN, command, rank.read, timing_.nCL + timing_.burst_clocks() + std::uint64_t{1});
    apart(ProtocolRule::tWRPDEN, command, rank.written,
          timing_.nCWL + timing_.burst_clocks() + std::uint64_t{timing_.nWR});
    rank.down = command.clock;
    rank.power = Power::down;
}

void ProtocolChecker::check_self_refresh(Rank& rank, const DramCommand& command) {
    for (const Bank& bank : rank.banks) {
        if (bank.open) {
            report(ProtocolRule::self_refresh_open, command, fmt::format("row {} is open", bank.row));
        }
        apart(ProtocolRule::tRP_before_self_refresh, command, bank.precharged, timing_.nRP);
    }
    apart(ProtocolRule::read_before_self_refresh, command, rank.read,
          timing_.nCL + timing_.burst_clocks() + std::uint64_t{1});
    apart(ProtocolRule::tRFCpb, command, rank.bank_refreshed, timing_.nRFCpb);
    if (rank.refresh_needed) {
        report(ProtocolRule::self_refresh_twice, command,
               fmt::format("no REF since SRX at clock {}", *rank.self_refresh_end));
    }
    rank.self_refresh = command.clock;
    rank.power = Power::self_refresh;
}

/// A command to a rank that is asleep: only the one that wakes it may come, and not too soon.
void ProtocolChecker::check_wake(Rank& rank, const DramCommand& command) {
    if (rank.power == Power::down) {
        if (command.kind != DramCommandKind::power_down_exit) {
            report(ProtocolRule::command_in_power_down, command, fmt::format("powered down at clock {}", *rank.down));
            return;
        }
        apart(ProtocolRule::tCKE, command, rank.down, timing_.nCKE);
        rank.up = command.clock;
    } else {
        if (command.kind != DramCommandKind::self_refresh_exit) {
            report(ProtocolRule::command_in_self_refresh, command,
                   fmt::format("in self-refresh from clock {}", *rank.self_refresh));
            return;
        }
        apart(ProtocolRule::tCKESR, command, rank.self_refresh, timing_.nCKESR);
        const DramClock asleep = command.clock - *rank.self_refresh;
        rank.refresh_reference += asleep;
        for (Bank& bank : rank.banks) {
            bank.refresh_reference += asleep;
        }
        rank.self_refresh_end = command.clock;
        rank.next_bank = 0;  // the device's bank counter starts again
        rank.refresh_needed = true;
    }
    rank.power = Power::awake;
}

void ProtocolChecker::finish(DramClock clock) {
    DramCommand none;
    none.clock = clock;
    for (std::uint32_t c = 0; c < organisation_.channels; ++c) {
        none.channel = static_cast<std::uint8_t>(c);
        for (std::uint32_t r = 0; r < organisation_.ranks; ++r) {
            const Rank& rank = channels_[c].ranks[r];
            none.rank = static_cast<std::uint8_t>(r);
            const DramClock asleep = rank.power == Power::self_refresh ? clock - *rank.self_refresh : 0;
            if (refresh_ == RefreshMode::all_bank) {
                none.kind = DramCommandKind::refresh;
                check_interval(ProtocolRule::tREFI, rank.refresh_reference + asleep, none);
            }
            for (std::uint32_t b = 0; b < organisation_.banks() && refresh_ == RefreshMode::per_bank; ++b) {
                none.kind = DramCommandKind::refresh_bank;
                none.bank_group = static_cast<std::uint8_t>(b / organisation_.banks_per_group);
                none.bank = static_cast<std::uint8_t>(b % organisation_.banks_per_group);
                check_interval(ProtocolRule::tREFI_bank, rank.banks[b].refresh_reference + asleep, none);
            }
        }
    }
}

}  // namespace palimpsest
