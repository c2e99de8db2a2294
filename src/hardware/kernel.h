#pragma once
// One SystemC kernel per simulation.
//
// SystemC elaborates once per simulation context. A program that runs several machines one after another gives each a
// context of its own; Accellera's kernel keeps the current one in a global that may be exchanged between simulations.

namespace sc_core {
class sc_simcontext;
}

namespace palimpsest {

/// While it lives, modules are built and simulated in a context of its own. Nest them in scope order only; modules must
/// be destroyed before it.
class SimulationKernel {
  public:
    SimulationKernel();
    ~SimulationKernel();
    SimulationKernel(const SimulationKernel&) = delete;
    SimulationKernel& operator=(const SimulationKernel&) = delete;

  private:
    sc_core::sc_simcontext* context_;
    sc_core::sc_simcontext* previous_current_;
    sc_core::sc_simcontext* previous_default_;
};

}  // namespace palimpsest
