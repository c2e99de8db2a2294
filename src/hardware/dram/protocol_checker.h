#pragma once
// Reads the commands of DRAM channels and reports every rule of the standard that they break, by its JEDEC name.
//
// It knows the device's timing and organisation and keeps plain histories; it shares nothing with the scheduler or its
// timing table, so that a mistake there does not hide itself here. Commands of one channel must come in clock order;
// channels may interleave.

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/command_sink.h"

namespace palimpsest {

struct ProtocolViolation {
    std::string rule;     ///< tRCD, tFAW, "ACT to open bank" ...
    DramCommand command;  ///< the one that came too early or should not have come
    std::string detail;   ///< in words: what preceded it and how far it had to stay away
};

class ProtocolChecker : public DramCommandSink {
  public:
    /// `refresh`: whether the refresh interval is checked. The standards let up to 8 REF be postponed, so two of a rank
    /// may be at most 9 nREFI apart.
    ProtocolChecker(const DramTiming& timing, const DramOrganisation& organisation, bool refresh = true);

    void command(const DramCommand& command) override;
    /// The stream ends before `clock`: checks that no refresh is missing.
    void finish(DramClock clock);

    const std::vector<ProtocolViolation>& violations() const { return violations_; }
    std::uint64_t commands_checked() const { return commands_checked_; }

  private:
    using When = std::optional<DramClock>;
    struct Bank {
        bool open = false;
        std::uint32_t row = 0;
        When activated, precharged, read, written;  ///< last of each
    };
    struct Group {
        When activated, read, written;
    };
    struct Rank {
        std::vector<Bank> banks;
        std::vector<Group> groups;
        std::deque<DramClock> activates;  ///< last four
        When read, written, refreshed, precharged, activated;
        DramClock refresh_reference = 0;  ///< last REF, or reset
    };
    struct Channel {
        std::vector<Rank> ranks;
        When last_command;
        DramClock data_end = 0;  ///< end of the last burst on the data bus
        std::uint32_t data_rank = 0;
        bool data_seen = false;
        bool data_write = false;
    };

    void apart(const char* rule, const DramCommand& command, const When& earlier, std::uint64_t clocks);
    void report(const char* rule, const DramCommand& command, std::string detail);
    void check_activate(Rank& rank, Group& group, Bank& bank, const DramCommand& command);
    void check_precharge(Rank& rank, Bank& bank, const DramCommand& command);
    void check_column(Channel& channel, Rank& rank, Group& group, Bank& bank, const DramCommand& command);
    void check_data_bus(Channel& channel, const DramCommand& command);
    void check_refresh(Rank& rank, const DramCommand& command);

    DramTiming timing_;
    DramOrganisation organisation_;
    bool check_interval_;
    std::vector<Channel> channels_;
    std::vector<ProtocolViolation> violations_;
    std::uint64_t commands_checked_ = 0;
};

/// "tRCD: RD at clock 25, channel 0 rank 0 group 1 bank 2: ..."
std::string to_string(const ProtocolViolation& violation);

}  // namespace palimpsest
