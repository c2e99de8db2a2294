#pragma once
// The host driver: software beside the accelerator, in no simulated time. Lowers one step after another into the
// sequencer, waits until the machine is quiet, and keeps the accounts of each step.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tlm_utils/simple_initiator_socket.h>
#include <systemc>
#include <tlm>

#include "hardware/machine.h"
#include "host/profile_collector.h"
#include "host/program.h"
#include "palimpsest/result.h"

namespace palimpsest {

class HostDriver : public sc_core::sc_module {
  public:
    tlm_utils::simple_initiator_socket<HostDriver> command_socket;

    /// The software that runs: emits commands into `program()`, calls `end_step()` after each step.
    using Software = std::function<void(HostDriver&)>;

    HostDriver(const sc_core::sc_module_name& name, const PipelineConfig& pipeline, Machine& machine,
               Software software);

    Program& program() { return program_; }
    Machine& machine() { return machine_; }
    /// Waits until every command of the step is complete and its KV writes are in DRAM, or in the KV-MMU where that
    /// holds them over steps; books the step.
    void end_step();
    /// The requests leave the machine: the KV-MMU empties their slots, in cycles that belong to the step before.
    void release(std::span<const RequestId> requests);
    /// Nothing to do before `cycle`: time passes and no step has it.
    void sleep_until(Cycles cycle);
    /// Whether the software sleeps, so that no command completes.
    bool asleep() const { return asleep_; }
    /// Flushes the KV-MMU and waits until DRAM has written everything.
    void drain();

    // What the software tells the run's profile, if there is one.

    void set_profile(ProfileCollector& profile) { profile_ = &profile; }
    /// From now on cycles belong to the phase `name`: "prefill", "generation" ...
    void begin_phase(std::string_view name);
    /// The cache that the profile follows slot by slot.
    void follow(const ResidencyLog& log);
    /// The replay has decided the step that is lowered next.
    void decided(const CacheReplay& replay, bool prefill);

    const std::vector<Cycles>& step_cycles() const { return step_cycles_; }
    /// The cycle each of these steps began in: where the step before ended, or later where the software slept.
    const std::vector<Cycles>& step_begins() const { return step_begins_; }
    /// Everything counted since the call before this one.
    Interval interval();
    bool finished() const { return finished_; }

  private:
    void run();
    void send(Command&& command);
    void extend_step();

    Machine& machine_;
    Software software_;
    Program program_;
    tlm::tlm_generic_payload payload_;
    CommandExtension* extension_;
    std::vector<Cycles> step_cycles_, step_begins_;
    Cycles step_start_ = 0;
    Interval last_;
    ProfileCollector* profile_ = nullptr;
    bool asleep_ = false;
    bool finished_ = false;
};

}  // namespace palimpsest
