#pragma once
// Who wants to see every tile command come and go: run profiles and timelines. Seeing changes nothing in the machine.

#include "hardware/command.h"

namespace palimpsest {

class CommandObserver {
  public:
    virtual ~CommandObserver() = default;

    /// The sequencer has taken `command` into its unit's queue. Commands come in program order.
    virtual void queued(const Command& command, Cycles cycle) = 0;
    /// Its tokens are there and its unit has been given it; the unit may still be at the one before.
    virtual void issued(const Command& command, Cycles cycle) = 0;
    /// Its unit is through with it. Commands of one unit complete in program order.
    virtual void completed(const Command& command, Cycles cycle) = 0;
    /// The KV-MMU fetches a spilled score vector for the KvCommand `command`, writes it back after it, or makes room
    /// for it so. The command is queued, and not yet reported complete.
    virtual void moves_scores(const Command& /*command*/, Bytes /*bytes*/, bool /*to_dram*/, Cycles /*cycle*/) {}
};

}  // namespace palimpsest
