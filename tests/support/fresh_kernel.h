#pragma once
// A SystemC kernel of one test's own. SystemC elaborates once per kernel, and a test program runs many small machines.

#include <stdexcept>
#include <string>

#include <systemc>

#include "hardware/kernel.h"

namespace palimpsest {

/// First local of a test: everything built after it lives in a new kernel, and any SystemC warning or error throws.
class FreshKernel {
  public:
    FreshKernel() {
        sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_THROW);
        sc_core::sc_report_handler::set_actions(sc_core::SC_ERROR, sc_core::SC_THROW);
    }

  private:
    SimulationKernel kernel_;
};

}  // namespace palimpsest
