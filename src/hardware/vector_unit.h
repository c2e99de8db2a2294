#pragma once
// The vector unit: row-wise work (softmax, norms, RoPE, activations, residual, requantise) in a pipeline of three
// stages, read - execute - write, on consecutive blocks of rows. Per-cycle specification: docs/blocks/vector_unit.md.

#include <array>
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
    std::uint64_t blocks() const { return blocks_; }

    std::string diagnose() const override;

  protected:
    void accept(tlm::tlm_generic_payload& payload, const Command& command) override;

  private:
    /// A command in flight and how far each stage is with it.
    struct InFlight {
        tlm::tlm_generic_payload* payload;
        BlockPlan plan;
        std::uint64_t read = 0;  ///< blocks whose read has started, and so on
        std::uint64_t executed = 0;
        std::uint64_t written = 0;
    };
    /// What a stage is doing.
    struct Stage {
        bool working = false;
        Cycles since = 0;
    };

    void stream_done(std::uint64_t tag, Cycles conflict_cycles) override;
    void start_read();
    void start_execute();
    void start_write();
    void read_part_done();
    void execute_done();
    void write_done();
    void book_conflict(Cycles stream_since, Cycles conflict_cycles);

    SramBuffers& buffers_;
    VectorUnitConfig config_;
    BuffersConfig buffers_config_;
    std::deque<InFlight> in_flight_;
    Stage read_, execute_, write_;
    unsigned read_parts_ = 0;      ///< of the block being read: SRAM stream, accumulator (both for some kinds)
    std::uint64_t read_done_ = 0;  ///< blocks through each stage since reset
    std::uint64_t execute_done_ = 0;
    std::uint64_t write_done_ = 0;
    std::uint64_t blocks_ = 0;
    Cycles execute_idle_since_ = 0;
    Cycles booked_in_gap_ = 0;  ///< conflict cycles already booked since the execute stage went idle
    sc_core::sc_event accumulator_read_event_;
    sc_core::sc_event execute_event_;
    sc_core::sc_event empty_write_event_;
};

}  // namespace palimpsest
