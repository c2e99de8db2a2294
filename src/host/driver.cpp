#include "host/driver.h"

#include <utility>

namespace palimpsest {

HostDriver::HostDriver(const sc_core::sc_module_name& name, const PipelineConfig& pipeline, Machine& machine,
                       Software software)
    : sc_module(name),
      command_socket("command_socket"),
      machine_(machine),
      software_(std::move(software)),
      program_(pipeline, [this](Command&& command) { send(std::move(command)); }),
      extension_(new CommandExtension) {
    SC_HAS_PROCESS(HostDriver);
    payload_.set_extension(extension_);  // owned by the payload from here on
    command_socket.bind(machine.sequencer().command_socket);
    SC_THREAD(run);
}

void HostDriver::run() {
    software_(*this);
    finished_ = true;
    sc_core::sc_pause();  // back to whoever started the simulation, with nothing left to do
}

void HostDriver::send(Command&& command) {
    extension_->command = std::move(command);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    command_socket->b_transport(payload_, delay);
}

void HostDriver::end_step() {
    while (!machine_.sequencer().all_complete()) {
        wait(machine_.sequencer().all_complete_event());
    }
    machine_.kv_mmu().end_step();
    while (!machine_.quiet()) {
        wait(machine_.dram().when_idle());
    }
    const Cycles now = machine_.clock().now();
    step_cycles_.push_back(now - step_start_);
    step_begins_.push_back(step_start_);
    step_start_ = now;
}

void HostDriver::drain() {
    machine_.kv_mmu().flush_writes();
    while (!machine_.dram().idle()) {
        wait(machine_.dram().when_idle());
    }
    extend_step();
}

void HostDriver::extend_step() {
    if (!step_cycles_.empty()) {
        step_cycles_.back() += machine_.clock().now() - step_start_;
        step_start_ = machine_.clock().now();
    }
}

void HostDriver::release(std::span<const RequestId> requests) {
    if (requests.empty()) {
        return;
    }
    Cycles through = 0;
    for (const RequestId request : requests) {
        through = machine_.kv_mmu().release(request);
    }
    wait(machine_.clock().until(through));
    machine_.kv_mmu().end_release();
    extend_step();
}

void HostDriver::sleep_until(Cycles cycle) {
    if (cycle <= machine_.clock().now()) {
        return;
    }
    asleep_ = true;
    wait(machine_.clock().until(cycle));
    asleep_ = false;
    step_start_ = machine_.clock().now();
}

void HostDriver::begin_phase(std::string_view name) {
    if (profile_ != nullptr) {
        profile_->begin_phase(name, machine_.clock().now());
    }
}

void HostDriver::follow(const ResidencyLog& log) {
    if (profile_ != nullptr) {
        profile_->follow(log);
    }
}

void HostDriver::decided(const CacheReplay& replay, bool prefill) {
    if (profile_ != nullptr) {
        profile_->decided(replay, prefill);
    }
}

Interval HostDriver::interval() {
    const Interval now = machine_.snapshot();
    Interval difference;
    difference.cycles = now.cycles - last_.cycles;
    difference.actions = now.actions - last_.actions;
    difference.dram = now.dram - last_.dram;
    difference.macs = now.macs - last_.macs;
    last_ = now;
    return difference;
}

}  // namespace palimpsest
