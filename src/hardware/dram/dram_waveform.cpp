#include "hardware/dram/dram_waveform.h"

#include <bit>

#include <fmt/format.h>

namespace palimpsest {

DramWaveform::DramWaveform(const DramConfig& config, SignalSink& sink, const std::string& hierarchy)
    : timing_(config.timing), organisation_(config.organisation), sink_(sink) {
    const auto row_bits = static_cast<unsigned>(std::bit_width(organisation_.rows));
    const auto declare = [&](const std::string& name, SignalKind kind, unsigned bits, std::string_view states = {}) {
        const SignalSink::SignalId signal = sink.declare(name, kind, bits, states);
        shown_ = shown_ || signal != SignalSink::kLeftOut;
        return signal;
    };
    for (std::uint32_t c = 0; c < organisation_.channels; ++c) {
        const std::string channel = fmt::format("{}.channel{}", hierarchy, c);
        ChannelSignals signals;
        signals.reads = declare(channel + ".read_queue", SignalKind::level, 8);
        signals.writes = declare(channel + ".write_queue", SignalKind::level, 8);
        sink.change(signals.reads, 0, 0);
        sink.change(signals.writes, 0, 0);
        for (std::uint32_t r = 0; r < organisation_.ranks; ++r) {
            const std::string rank = fmt::format("{}.rank{}", channel, r);
            signals.refreshes.push_back(declare(rank + ".refresh", SignalKind::event, 32));
            signals.powers.push_back(declare(rank + ".power", SignalKind::state, 2, "awake,power_down,self_refresh"));
            sink.change(signals.powers.back(), 0, static_cast<std::uint64_t>(RankPower::awake));
            for (std::uint32_t b = 0; b < organisation_.banks(); ++b) {
                const std::string bank = fmt::format("{}.bank{}", rank, b);
                BankSignals of_bank{};
                of_bank.state = declare(bank + ".state", SignalKind::state, 3, "closed,opening,open,closing,refresh");
                of_bank.row = declare(bank + ".row", SignalKind::level, row_bits);
                sink.change(of_bank.state, 0, static_cast<std::uint64_t>(BankState::closed));
                signals.banks.push_back(of_bank);
            }
        }
        signals.refresh_count.assign(organisation_.ranks, 0);
        channels_.push_back(std::move(signals));
    }
}

void DramWaveform::set(BankSignals& bank, BankState state, DramClock clock) {
    bank.now = state;
    sink_.change(bank.state, time_of(clock), static_cast<std::uint64_t>(state));
}

void DramWaveform::set_power(const ChannelSignals& channel, const DramCommand& command, RankPower power) {
    sink_.change(channel.powers[command.rank], time_of(command.clock), static_cast<std::uint64_t>(power));
}

void DramWaveform::close(BankSignals& bank, DramClock clock) {
    set(bank, BankState::closing, clock);
    set(bank, BankState::closed, clock + timing_.nRP);
}

void DramWaveform::command(const DramCommand& command) {
    ChannelSignals& channel = channels_[command.channel];
    const std::uint32_t first = command.rank * organisation_.banks();
    BankSignals& bank = channel.banks[first + command.bank_group * organisation_.banks_per_group + command.bank];
    switch (command.kind) {
        case DramCommandKind::activate:
            sink_.change(bank.row, time_of(command.clock), command.row);
            set(bank, BankState::opening, command.clock);
            set(bank, BankState::open, command.clock + timing_.nRCD);
            break;
        case DramCommandKind::precharge:
            close(bank, command.clock);
            break;
        case DramCommandKind::precharge_all:
            for (std::uint32_t b = 0; b < organisation_.banks(); ++b) {
                if (channel.banks[first + b].now == BankState::open) {
                    close(channel.banks[first + b], command.clock);
                }
            }
            break;
        case DramCommandKind::refresh_bank:
            sink_.change(channel.refreshes[command.rank], time_of(command.clock),
                         ++channel.refresh_count[command.rank]);
            set(bank, BankState::refresh, command.clock);
            set(bank, BankState::closed, command.clock + timing_.nRFCpb);
            break;
        case DramCommandKind::refresh:
            sink_.change(channel.refreshes[command.rank], time_of(command.clock),
                         ++channel.refresh_count[command.rank]);
            for (std::uint32_t b = 0; b < organisation_.banks(); ++b) {
                set(channel.banks[first + b], BankState::refresh, command.clock);
                set(channel.banks[first + b], BankState::closed, command.clock + timing_.nRFC);
            }
            break;
        case DramCommandKind::power_down_enter:
            set_power(channel, command, RankPower::power_down);
            break;
        case DramCommandKind::self_refresh_enter:
            set_power(channel, command, RankPower::self_refresh);
            break;
        case DramCommandKind::power_down_exit:
        case DramCommandKind::self_refresh_exit:
            set_power(channel, command, RankPower::awake);
            break;
        case DramCommandKind::read:
        case DramCommandKind::write:
            break;
    }
}

void DramWaveform::queue_depths(DramClock clock, std::uint32_t channel, std::uint32_t reads, std::uint32_t writes) {
    sink_.change(channels_[channel].reads, time_of(clock), reads);
    sink_.change(channels_[channel].writes, time_of(clock), writes);
}

}  // namespace palimpsest
