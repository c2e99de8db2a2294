#include "hardware/machine.h"

#include <fmt/format.h>

namespace palimpsest {

Machine::Machine(const sc_core::sc_module_name& name, const RunConfig& config, const KvGeometry& geometry)
    : sc_module(name),
      clock_(config.hardware.core_clock_ps),
      buffers_(std::make_unique<SramBuffers>("buffers", config.hardware.buffers, clock_)),
      dram_(std::make_unique<DramController>("dram", config.dram, clock_, config.simulation.drop_dram_response)),
      kv_mmu_(std::make_unique<KvMmu>("kv_mmu", clock_, config.hardware, config.cache, geometry)),
      dma_load_(std::make_unique<DmaStream>("dma_load", UnitId::dma_load, config.hardware.dma, clock_, *buffers_,
                                            kv_vector_bytes(config.cache, geometry))),
      dma_store_(std::make_unique<DmaStream>("dma_store", UnitId::dma_store, config.hardware.dma, clock_, *buffers_,
                                             kv_vector_bytes(config.cache, geometry))),
      pe_array_(std::make_unique<PeArray>("pe_array", config.hardware, clock_, *buffers_)),
      vector_unit_(std::make_unique<VectorUnit>("vector_unit", config.hardware, clock_, *buffers_)),
      units_{dma_load_.get(), dma_store_.get(), pe_array_.get(), vector_unit_.get(), kv_mmu_.get()},
      sequencer_(std::make_unique<Sequencer>("sequencer", config.hardware.sequencer, clock_, units_)) {
    for (DmaStream* stream : {dma_load_.get(), dma_store_.get()}) {
        stream->memory_socket.bind(dram_->memory_socket);
        stream->kv_socket.bind(kv_mmu_->request_socket);
    }
    kv_mmu_->memory_socket.bind(dram_->memory_socket);
}

Machine::~Machine() = default;

bool Machine::quiet() const {
    return sequencer_->all_complete() && kv_mmu_->quiet();
}

Interval Machine::snapshot() {
    Interval interval;
    interval.cycles = clock_.now();
    for (const Unit* unit : {static_cast<const Unit*>(dma_load_.get()), static_cast<const Unit*>(dma_store_.get()),
                             static_cast<const Unit*>(pe_array_.get()), static_cast<const Unit*>(vector_unit_.get()),
                             static_cast<const Unit*>(kv_mmu_.get())}) {
        interval.actions += unit->actions();
    }
    interval.actions += sequencer_->actions();
    interval.actions += buffers_->actions();
    interval.dram = dram_->counts_at(clock_.time_of(interval.cycles));
    interval.macs = pe_array_->macs();
    return interval;
}

std::vector<UnitResult> Machine::unit_results() {
    const Cycles now = clock_.now();
    std::vector<UnitResult> results;
    for (Unit* unit : {static_cast<Unit*>(pe_array_.get()), static_cast<Unit*>(vector_unit_.get()),
                       static_cast<Unit*>(dma_load_.get()), static_cast<Unit*>(dma_store_.get()),
                       static_cast<Unit*>(kv_mmu_.get())}) {
        results.push_back({std::string(name_of(unit->id())), unit->close_accounts(now)});
    }
    results.push_back({"sequencer", sequencer_->close_accounts(now)});
    return results;
}

void Machine::add_observer(CommandObserver& observer) {
    sequencer_->add_observer(observer);
    kv_mmu_->add_observer(observer);
}

void Machine::trace(SignalSink& sink) {
    sequencer_->trace(sink, "machine.sequencer");
    sequencer_->watch_occupancy(*buffers_);
    pe_array_->trace(sink, "machine.pe_array");
    vector_unit_->trace(sink, "machine.vector_unit");
    dma_load_->trace(sink, "machine.dma_load");
    dma_store_->trace(sink, "machine.dma_store");
    kv_mmu_->trace(sink, "machine.kv_mmu");
    buffers_->trace(sink, "machine.buffers");
    dram_->trace(sink, "machine.dram");
}

std::string Machine::diagnose() const {
    std::string text;
    for (const std::string& line : sequencer_->diagnose()) {
        text += "\n  " + line;
    }
    for (const Unit* unit : {static_cast<const Unit*>(dma_load_.get()), static_cast<const Unit*>(dma_store_.get()),
                             static_cast<const Unit*>(pe_array_.get()), static_cast<const Unit*>(vector_unit_.get()),
                             static_cast<const Unit*>(kv_mmu_.get())}) {
        if (unit->has_work()) {
            text += "\n  " + unit->diagnose();
        }
    }
    text += "\n  " + dram_->diagnose();
    return text;
}

}  // namespace palimpsest
