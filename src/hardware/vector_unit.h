#pragma once
// The vector unit: row-wise work (softmax, norms, RoPE, activations, residual, requantise) in a pipeline of three
// stages, read - execute - write, on consecutive blocks of rows. Per-cycle specification: docs/blocks/vector_unit.md.

#include <cstdint>
#include <deque>
#include <string>

#include "config/hardware_config.h"
#include "hardware/sram_buffers.h"
#include "hardware/unit.h"
#include "hardware/vector_timing.h"

namespace palimpsest {

/// Accepts a VectorCommand in any cycle; its first block follows the last block of the command before directly. A
/// command is complete in the cycle after its last word is written. One event a stage of a block.
///
/// Busy while a command is in flight, but for the cycles by which SRAM ports held by others delayed the execute stage
/// or the last write: those are port_conflict. Counts vector_lane_* and accumulator_access when a block executes.
class VectorUnit : public Unit, private SramClient {
  public:
    VectorUnit(const sc_core::sc_module_name& name, const HardwareConfig& config, const ClockDomain& clock,
               SramBuffers& buffers);

    /// Blocks executed so far.
    std::uint64_t blocks() const { return execute_.ended; }

    std::string diagnose() const override;

  protected:
    void accept(tlm::tlm_generic_payload& payload, const Command& command) override;

  private:
    /// A command in flight and how many of its blocks each stage has begun; `written`: has ended.
    struct InFlight {
        tlm::tlm_generic_payload* payload;
        BlockPlan plan;
        std::uint64_t read = 0;
        std::uint64_t executed = 0;
        std::uint64_t writing = 0;
        std::uint64_t written = 0;
    };
    /// One stage of the pipeline. It works on one block at a time, in order over all commands.
    struct Stage {
        bool working = false;
        Cycles since = 0;         ///< cycle in which it began or ended its latest block
        std::uint64_t begun = 0;  ///< blocks since reset
        std::uint64_t ended = 0;
        void begin(Cycles now) { working = true, since = now, ++begun; }
        void end(Cycles now) { working = false, since = now, ++ended; }
    };

    void stream_done(std::uint64_t tag, Cycles conflict_cycles) override;
    void advance();
    void begin_read(Cycles now);
    void begin_execute(Cycles now);
    void begin_write(Cycles now);
    void end_read_part();
    void end_write(Cycles now);
    void report_complete();
    void book_conflict(Cycles from, Cycles conflict_cycles);
    void on_event(sc_core::sc_event& event, const char* name, void (VectorUnit::*handler)());
    void accumulator_read_done();
    void execute_done();

    SramBuffers& buffers_;
    VectorUnitConfig config_;
    std::deque<InFlight> in_flight_;
    Stage read_, execute_, write_;
    unsigned read_parts_ = 0;      ///< of the block being read: SRAM stream, accumulator (both for some work)
    Cycles accumulator_done_ = 0;  ///< when the accumulator part of the block being read is through
    Cycles booked_in_gap_ = 0;     ///< conflict cycles booked since the execute stage went idle
    sc_core::sc_event accumulator_event_;
    sc_core::sc_event execute_event_;
};

}  // namespace palimpsest
