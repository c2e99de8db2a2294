#include "hardware/pe_array.h"

#include <algorithm>

#include <fmt/format.h>

namespace palimpsest {

PeArray::PeArray(const sc_core::sc_module_name& name, const HardwareConfig& config, const ClockDomain& clock,
                 SramBuffers& buffers)
    : Unit(name, UnitId::pe_array, clock, config.pe_array.command_queue),
      buffers_(buffers),
      timing_(config.pe_array, config.buffers) {
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.dont_initialize();
    options.set_sensitivity(&oldest_done_);
    sc_core::sc_spawn([this] { finish_oldest(); }, "finish_oldest", &options);
}

void PeArray::accept(tlm::tlm_generic_payload& payload, const Command& command) {
    const Cycles now = clock().now();
    if (in_flight_.empty()) {
        set_state(UnitState::busy, now);
    }
    latest_ = timing_.issue(std::get<GemmCommand>(command.work), now);
    for (const PortUse& use : latest_.reads) {
        buffers_.reserve(use.where, use.bank, use.pattern, false);
    }
    count() += latest_.actions;
    macs_ += latest_.macs;
    array_cycles_ += latest_.done - std::max(latest_.first_load, counted_until_);
    counted_until_ = latest_.done;

    in_flight_.push_back({&payload, latest_.done});
    if (in_flight_.size() == 1) {
        oldest_done_.notify(clock().until(latest_.done));
    }
}

void PeArray::finish_oldest() {
    tlm::tlm_generic_payload& payload = *in_flight_.front().payload;
    in_flight_.pop_front();
    if (in_flight_.empty()) {
        set_state(UnitState::drained);  // until the sequencer names the cause
    } else {
        oldest_done_.notify(clock().until(in_flight_.front().done));
    }
    complete(payload);
}

std::string PeArray::diagnose() const {
    return in_flight_.empty() ? Unit::diagnose()
                              : fmt::format("{}, oldest done in cycle {}", Unit::diagnose(), in_flight_.front().done);
}

}  // namespace palimpsest
