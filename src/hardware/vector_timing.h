#pragma once
// What the vector unit does for each kind of work, and how a command is cut into blocks. Exact cycle arithmetic without
// SystemC; per-cycle specification: docs/blocks/vector_unit.md.

#include <cstdint>
#include <span>
#include <string_view>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "palimpsest/counters.h"

namespace palimpsest {

/// Bytes an element takes in the register file: operands are widened or scaled to 16 bits as they are read.
inline constexpr std::uint32_t kRegisterBytesPerElement = 2;

/// One walk over a block's elements, `lanes` elements a cycle. A lane is a chain: adder, special-function unit, two
/// multiply-adders, accumulator; a pass uses each at most once an element.
struct VectorPass {
    std::string_view name;
    std::uint8_t adds = 0;            ///< per element, before the special unit
    std::uint8_t specials = 0;        ///< per element
    std::uint8_t multiplies = 0;      ///< per element
    bool reduces = false;             ///< accumulates over the row: one add an element, then a tree over the lanes
    std::uint8_t row_multiplies = 0;  ///< per row, before the pass: multiply by 1/n
    std::uint8_t row_specials = 0;    ///< per row, before the pass: reciprocal, reciprocal root
};

/// What a kind of work is made of.
struct VectorWork {
    std::span<const VectorPass> passes;
    unsigned operands = 1;   ///< 2: residual_add, silu_gate
    bool needs_row = false;  ///< a pass needs a result of the pass before over the whole row
};
VectorWork work_of(VectorKind kind);

/// Cycles from a pass's first element in to its last element out, beyond one cycle a group of `lanes` elements.
Cycles pass_latency(const VectorPass& pass, const VectorUnitConfig& config);

/// One block on its way through the three stages.
struct VectorBlock {
    std::uint32_t source_offset = 0;  ///< words from the start of the source region
    std::uint32_t source_words = 0;   ///< words streamed from SRAM
    Cycles accumulator_cycles = 0;    ///< cycles of reading partial sums, in parallel to the words
    std::uint64_t accumulator_reads = 0;
    Cycles execute_cycles = 0;
    std::uint32_t destination_offset = 0;
    std::uint32_t destination_words = 0;
    std::uint64_t lane_adds = 0, lane_multiplies = 0, lane_specials = 0;
};

/// The blocks of one command: as many whole rows as fit the register file; a row that does not fit is cut into
/// segments, and kinds that need the whole row read all segments again in each pass and write in the last.
class BlockPlan {
  public:
    /// Throws SimulationError for a command without elements.
    BlockPlan(const VectorCommand& command, const VectorUnitConfig& config);

    std::uint64_t size() const { return size_; }
    VectorBlock block(std::uint64_t i) const;
    const VectorCommand& command() const { return command_; }

  private:
    VectorBlock block_of(std::uint64_t first_element, std::uint64_t rows, std::uint64_t columns,
                         std::span<const VectorPass> passes, bool writes) const;

    VectorCommand command_;
    VectorUnitConfig config_;
    VectorWork work_;
    std::uint64_t rows_per_block_ = 0;  ///< 0: rows are cut into segments
    std::uint64_t segment_columns_ = 0;
    std::uint64_t segments_ = 1;
    std::uint64_t walks_ = 1;  ///< times a cut row is read
    std::uint64_t size_ = 0;
};

}  // namespace palimpsest
