#include "hardware/kernel.h"

#include <systemc>

namespace palimpsest {

SimulationKernel::SimulationKernel()
    : context_(new sc_core::sc_simcontext),
      previous_current_(sc_core::sc_curr_simcontext),
      previous_default_(sc_core::sc_default_global_context) {
    sc_core::sc_curr_simcontext = context_;
    sc_core::sc_default_global_context = context_;
}

SimulationKernel::~SimulationKernel() {
    delete context_;
    sc_core::sc_curr_simcontext = previous_current_;
    sc_core::sc_default_global_context = previous_default_;
}

}  // namespace palimpsest
