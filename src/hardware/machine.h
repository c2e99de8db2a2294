#pragma once
// The whole accelerator: its modules, and the sockets between them.
//
//   host ──► Sequencer ──► dma_load, dma_store ──► DramController
//                │                └── KV ──► KvMmu ──► DramController
//                ├──► PeArray ◄──► SramBuffers
//                ├──► VectorUnit ◄──► SramBuffers
//                └──► KvMmu

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <systemc>

#include "config/run_config.h"
#include "hardware/clock.h"
#include "hardware/dma.h"
#include "hardware/dram/dram_controller.h"
#include "hardware/kv_mmu/kv_mmu.h"
#include "hardware/pe_array.h"
#include "hardware/sequencer.h"
#include "hardware/sram_buffers.h"
#include "hardware/vector_unit.h"
#include "palimpsest/result.h"

namespace palimpsest {

class Machine : public sc_core::sc_module {
  public:
    Machine(const sc_core::sc_module_name& name, const RunConfig& config, const KvGeometry& geometry);
    ~Machine() override;

    const ClockDomain& clock() const { return clock_; }
    Sequencer& sequencer() { return *sequencer_; }
    KvMmu& kv_mmu() { return *kv_mmu_; }
    const KvMmu& kv_mmu() const { return *kv_mmu_; }
    DramController& dram() { return *dram_; }
    SramBuffers& buffers() { return *buffers_; }

    /// Every command complete, every KV write drained to DRAM; posted DRAM writes may still be queued.
    bool quiet() const;
    /// Everything counted up to the current cycle: cycles, actions, DRAM, multiply-accumulates. Tokens are the host's.
    Interval snapshot();
    /// PE-array cycles so far.
    Cycles array_cycles() const { return pe_array_->array_cycles(); }
    /// Cycle accounts of all units, closed at the current cycle.
    std::vector<UnitResult> unit_results();
    /// Cycle account of a unit, as it is.
    const ActivityMeter& meter(UnitId unit) const { return units_[static_cast<std::size_t>(unit)]->meter(); }
    /// `observer` sees all commands from here on, and outlives the simulation.
    void add_observer(CommandObserver& observer);
    /// Declares all signals of the machine on `sink`; before the simulation starts.
    void trace(SignalSink& sink);
    /// Who waits for whom, a line each.
    std::string diagnose() const;

  private:
    ClockDomain clock_;
    std::unique_ptr<SramBuffers> buffers_;
    std::unique_ptr<DramController> dram_;
    std::unique_ptr<KvMmu> kv_mmu_;
    std::unique_ptr<DmaStream> dma_load_;
    std::unique_ptr<DmaStream> dma_store_;
    std::unique_ptr<PeArray> pe_array_;
    std::unique_ptr<VectorUnit> vector_unit_;
    std::array<Unit*, kUnitCount> units_;  ///< by UnitId
    std::unique_ptr<Sequencer> sequencer_;
};

}  // namespace palimpsest
