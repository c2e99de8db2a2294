#include "hardware/vector_timing.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::array<VectorPass, 3> kSoftmax{{
    {.name = "maximum", .reduces = true},
    {.name = "exp(x - maximum), sum", .adds = 1, .specials = 1, .reduces = true},
    {.name = "times 1/sum", .multiplies = 1, .row_specials = 1},
}};
constexpr std::array<VectorPass, 3> kLayerNorm{{
    {.name = "sum", .reduces = true},
    {.name = "sum of (x - mean)^2", .adds = 1, .multiplies = 1, .reduces = true, .row_multiplies = 1},
    {.name = "(x - mean) * gamma/deviation + beta", .adds = 1, .multiplies = 2, .row_multiplies = 1, .row_specials = 1},
}};
constexpr std::array<VectorPass, 2> kRmsNorm{{
    {.name = "sum of x^2", .multiplies = 1, .reduces = true},
    {.name = "x * gamma/deviation", .multiplies = 2, .row_multiplies = 1, .row_specials = 1},
}};
constexpr std::array<VectorPass, 1> kRope{{{.name = "x * cos + rotated x * sin", .multiplies = 2}}};
constexpr std::array<VectorPass, 1> kGelu{{{.name = "x * table(x)", .specials = 1, .multiplies = 1}}};
constexpr std::array<VectorPass, 1> kRelu{{{.name = "max(x, 0)", .adds = 1}}};
constexpr std::array<VectorPass, 1> kSiluGate{{{.name = "x * sigmoid(x) * gate", .specials = 1, .multiplies = 2}}};
constexpr std::array<VectorPass, 1> kResidualAdd{{{.name = "x + y", .adds = 1}}};
constexpr std::array<VectorPass, 1> kRequantise{{{.name = "round(x * scale + bias)", .adds = 1, .multiplies = 1}}};
constexpr std::array<VectorPass, 1> kCopy{{{.name = "move", .adds = 1}}};

// Where an element begins in a region of `words` words, so that all blocks together have each word once. A word that
// two blocks share is read with the first and written with the second, as its data are needed and complete then.
std::uint32_t read_from(std::uint64_t element, std::uint64_t elements, std::uint32_t words) {
    return static_cast<std::uint32_t>(ceil_div(element * words, elements));
}
std::uint32_t write_from(std::uint64_t element, std::uint64_t elements, std::uint32_t words) {
    return static_cast<std::uint32_t>(element * words / elements);
}

}  // namespace

VectorWork work_of(VectorKind kind) {
    switch (kind) {
        case VectorKind::softmax:
            return {.passes = kSoftmax, .needs_row = true};
        case VectorKind::layer_norm:
            return {.passes = kLayerNorm, .needs_row = true};
        case VectorKind::rms_norm:
            return {.passes = kRmsNorm, .needs_row = true};
        case VectorKind::rope:
            return {.passes = kRope};
        case VectorKind::gelu:
            return {.passes = kGelu};
        case VectorKind::relu:
            return {.passes = kRelu};
        case VectorKind::silu_gate:
            return {.passes = kSiluGate, .operands = 2};
        case VectorKind::residual_add:
            return {.passes = kResidualAdd, .operands = 2};
        case VectorKind::requantise:
            return {.passes = kRequantise};
        case VectorKind::copy:
            break;
    }
    return {.passes = kCopy};
}

Cycles pass_latency(const VectorPass& pass, const VectorUnitConfig& config) {
    const Cycles tree_levels = static_cast<Cycles>(std::bit_width(config.lanes - 1));
    const Cycles adds = pass.adds + (pass.reduces ? 1 + tree_levels : 0);
    const Cycles multiplies = Cycles{pass.multiplies} + pass.row_multiplies;
    const Cycles specials = Cycles{pass.specials} + pass.row_specials;
    return adds * config.add_latency_cycles + multiplies * config.multiply_latency_cycles +
           specials * config.special_latency_cycles;
}

BlockPlan::BlockPlan(const VectorCommand& command, const VectorUnitConfig& config)
    : command_(command), config_(config), work_(work_of(command.kind)) {
    if (command.rows == 0 || command.columns == 0) {
        throw SimulationError(fmt::format("vector unit: {} of {} rows of {} elements", name_of(command.kind),
                                          command.rows, command.columns));
    }
    const std::uint64_t elements = config.register_file_bytes / (kRegisterBytesPerElement * work_.operands);
    if (elements == 0) {
        throw SimulationError("vector unit: the register file holds no element");
    }
    rows_per_block_ = std::min(elements / command.columns, command.rows);
    if (rows_per_block_ > 0) {
        size_ = ceil_div(command.rows, rows_per_block_);
    } else {
        segment_columns_ = elements;
        segments_ = ceil_div(command.columns, elements);
        walks_ = work_.needs_row ? work_.passes.size() : 1;
        size_ = command.rows * walks_ * segments_;
    }
}

VectorBlock BlockPlan::block(std::uint64_t i) const {
    if (rows_per_block_ > 0) {
        const std::uint64_t first_row = i * rows_per_block_;
        const std::uint64_t rows = std::min(rows_per_block_, command_.rows - first_row);
        return block_of(first_row * command_.columns, rows, command_.columns, work_.passes, true);
    }
    const std::uint64_t segment = i % segments_;
    const std::uint64_t walk = i / segments_ % walks_;
    const std::uint64_t row = i / (segments_ * walks_);
    const std::uint64_t first_column = segment * segment_columns_;
    const std::uint64_t columns = std::min(segment_columns_, command_.columns - first_column);
    const auto passes = walks_ == 1 ? work_.passes : work_.passes.subspan(walk, 1);
    return block_of(row * command_.columns + first_column, 1, columns, passes, walk + 1 == walks_);
}

VectorBlock BlockPlan::block_of(std::uint64_t first_element, std::uint64_t rows, std::uint64_t columns,
                                std::span<const VectorPass> passes, bool writes) const {
    VectorBlock block;
    const std::uint64_t all = command_.rows * command_.columns;
    const std::uint64_t elements = rows * columns;
    const std::uint64_t groups = rows * ceil_div<std::uint64_t>(columns, config_.lanes);

    // With two operands one may be in the accumulator and the other in SRAM.
    const bool sram = !command_.source_in_accumulator || work_.operands > 1;
    const unsigned in_accumulator =
        !command_.source_in_accumulator ? 0 : (command_.source.words > 0 ? 1 : work_.operands);
    if (sram) {
        block.source_offset = read_from(first_element, all, command_.source.words);
        block.source_words = read_from(first_element + elements, all, command_.source.words) - block.source_offset;
    }
    block.accumulator_cycles = groups * in_accumulator;
    block.accumulator_reads = elements * in_accumulator;
    if (writes) {
        block.destination_offset = write_from(first_element, all, command_.destination.words);
        block.destination_words =
            write_from(first_element + elements, all, command_.destination.words) - block.destination_offset;
    }
    for (const VectorPass& pass : passes) {
        block.execute_cycles += groups + pass_latency(pass, config_);
        block.lane_adds += elements * (pass.adds + (pass.reduces ? 1U : 0U));
        block.lane_adds += pass.reduces ? rows * (config_.lanes - 1) : 0;
        block.lane_multiplies += elements * pass.multiplies + rows * pass.row_multiplies;
        block.lane_specials += elements * pass.specials + rows * pass.row_specials;
    }
    return block;
}

}  // namespace palimpsest
