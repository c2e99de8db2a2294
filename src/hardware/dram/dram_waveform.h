#pragma once
// Turns DRAM commands into waveform signals: per channel the queue depths and refreshes, per bank its state and row.

#include <cstdint>
#include <string>
#include <vector>

#include "common/signal_sink.h"
#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"

namespace palimpsest {

/// State of a bank in waveforms.
enum class BankState : std::uint8_t { closed, opening, open, closing, refresh };
enum class RankPower : std::uint8_t { awake, power_down, self_refresh };

class DramWaveform : public DramCommandSink {
  public:
    DramWaveform(const DramConfig& config, SignalSink& sink, const std::string& hierarchy);

    /// Whether the sink shows any of the signals. Else there is nothing to listen for.
    bool shown() const { return shown_; }

    void command(const DramCommand& command) override;
    void queue_depths(DramClock clock, std::uint32_t channel, std::uint32_t reads, std::uint32_t writes) override;

  private:
    struct BankSignals {
        SignalSink::SignalId state, row;
        BankState now = BankState::closed;
    };
    struct ChannelSignals {
        SignalSink::SignalId reads, writes;
        std::vector<SignalSink::SignalId> refreshes, powers;  ///< by rank
        std::vector<std::uint64_t> refresh_count;
        std::vector<BankSignals> banks;  ///< all ranks
    };

    Picoseconds time_of(DramClock clock) const { return clock * timing_.tCK_ps; }
    void set(BankSignals& bank, BankState state, DramClock clock);
    void set_power(const ChannelSignals& channel, const DramCommand& command, RankPower power);
    void close(BankSignals& bank, DramClock clock);

    DramTiming timing_;
    DramOrganisation organisation_;
    SignalSink& sink_;
    std::vector<ChannelSignals> channels_;
    bool shown_ = false;
};

}  // namespace palimpsest
