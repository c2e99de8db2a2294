#pragma once
// Reads the commands of DRAM channels and reports every rule of the standard that they break, by its JEDEC name.
//
// It knows the device's timing and organisation and keeps plain histories; it shares nothing with the scheduler or its
// timing table, so that a mistake there does not hide itself here. Commands of one channel must come in clock order;
// channels may interleave. Of commands that cannot be (beyond the organisation, to a rank that is asleep) nothing but
// that is reported, and they change nothing. Rules: hardware/dram/protocol_rules.h.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"
#include "hardware/dram/protocol_rules.h"

namespace palimpsest {

struct ProtocolViolation {
    std::string rule;     ///< tRCD, tFAW, "ACT to open bank" ...
    DramCommand command;  ///< the one that came too early or should not have come
    std::string detail;   ///< in words: what preceded it and how far it had to stay away
};

class ProtocolChecker : public DramCommandSink {
  public:
    /// `refresh`: whose intervals are checked, those of REF or those of each bank's REFPB. The standards let up to 8
    /// refreshes be postponed, so two may be at most 9 nREFI apart, time in self-refresh not counted.
    ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, RefreshMode refresh);
    /// `refresh`: RefreshMode::all_bank or none.
    ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, bool refresh = true);

    void command(const DramCommand& command) override;
    /// The stream ends before `clock`: checks that no refresh is missing.
    void finish(DramClock clock);

    const std::vector<ProtocolViolation>& violations() const { return violations_; }
    std::uint64_t commands_checked() const { return commands_checked_; }

  private:
    using When = std::optional<DramClock>;
    enum class Power : std::uint8_t { awake, down, self_refresh };
    struct Bank {
        bool open = false;
        std::uint32_t row = 0;
        When activated, precharged, read, written, refreshed;  ///< last of each; read and written since the ACT
        DramClock refresh_reference = 0;                       ///< as the rank's, of REFPB
    };
    struct Group {
        When activated, read, written;
    };
    struct Rank {
        std::vector<Bank> banks;
        std::vector<Group> groups;
        std::deque<DramClock> activates;  ///< last four
        When read, written, refreshed, bank_refreshed, activated;
        DramClock refresh_reference = 0;  ///< last REF, or reset; later by the time in self-refresh since
        std::uint32_t next_bank = 0;      ///< whose turn the next REFPB is
        Power power = Power::awake;
        When down, up, self_refresh, self_refresh_end;  ///< last PDE, PDX, SRE, SRX
        bool refresh_needed = false;                    ///< no REF since the SRX
    };
    struct Channel {
        std::vector<Rank> ranks;
        When last_command;
        DramClock data_end = 0;  ///< end of the last burst on the data bus
        std::uint32_t data_rank = 0;
        bool data_seen = false;
        bool data_write = false;
    };

    std::uint32_t bank_number(const DramCommand& command) const {
        return command.bank_group * organisation_.banks_per_group + command.bank;
    }
    void apart(ProtocolRule rule, const DramCommand& command, const When& earlier, std::uint64_t clocks);
    void report(ProtocolRule rule, const DramCommand& command, std::string detail);

    // protocol_checker.cpp: rows, columns and their data
    void check_activate(Rank& rank, Group& group, Bank& bank, const DramCommand& command);
    void check_precharge(Bank& bank, const DramCommand& command);
    void check_column(Channel& channel, Rank& rank, Group& group, Bank& bank, const DramCommand& command);
    void check_data_bus(Channel& channel, const DramCommand& command);
    // protocol_checker_rank.cpp: refresh and sleep
    void check_refresh(Rank& rank, const DramCommand& command);
    void check_refresh_bank(Rank& rank, Bank& bank, const DramCommand& command);
    void check_interval(ProtocolRule rule, DramClock reference, const DramCommand& command);
    void check_power_down(Rank& rank, const DramCommand& command);
    void check_self_refresh(Rank& rank, const DramCommand& command);
    void check_wake(Rank& rank, const DramCommand& command);

    DramTiming timing_;
    DramOrganisation organisation_;
    RefreshMode refresh_;
    std::vector<Channel> channels_;
    std::vector<ProtocolViolation> violations_;
    std::uint64_t commands_checked_ = 0;
};

/// "tRCD: RD at clock 25, channel 0 rank 0 group 1 bank 2: ..."
std::string to_string(const ProtocolViolation& violation);

}  // namespace palimpsest
