#include "host/projection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "hardware/array_timing.h"
#include "host/tiling.h"

namespace palimpsest {
namespace {

/// One product over rows [first_row, first_row + rows) of the input.
class ProjectionPass {
  public:
    ProjectionPass(Lowering& lowering, const Projection& projection, std::uint64_t first_row, std::uint64_t rows)
        : lowering_(lowering),
          p_(projection),
          weight_bytes_(lowering.config.model.weight_bits / 8),
          first_row_(first_row),
          shape_{rows, projection.input->columns, projection.outputs * weight_bytes_},
          tile_(choose_tiling(shape_, limits())) {}

    void run() {
        const std::uint64_t row_tiles = ceil_div(shape_.rows, tile_.rows);
        const std::uint64_t column_tiles = ceil_div(shape_.outputs, tile_.outputs);
        for (std::uint64_t i = 0; i < row_tiles * column_tiles; ++i) {
            if (tile_.weights_outer) {
                output_tile(i % row_tiles * tile_.rows, i / row_tiles * tile_.outputs);
            } else {
                output_tile(i / column_tiles * tile_.rows, i % column_tiles * tile_.outputs);
            }
        }
    }

  private:
    TileLimits limits() const {
        const HardwareConfig& hardware = lowering_.config.hardware;
        TileLimits limits;
        limits.array_rows = hardware.pe_array.rows;
        limits.array_columns = hardware.pe_array.columns;
        limits.weight_words = lowering_.buffers.weights().words_each();
        limits.accumulator_rows = hardware.pe_array.accumulator_rows;
        limits.staging_words = lowering_.buffers.staging_in().words_each();
        limits.word_bytes = lowering_.word_bytes();
        limits.input_in_dram = !p_.input->on_chip;
        limits.output_in_dram = !p_.output->on_chip;
        limits.input_layout = p_.input->layout;
        limits.output_layout = p_.output->layout;
        // A 16-bit weight takes two array columns, its halves, whose sums the epilogue combines.
        const double columns_per_output =
            static_cast<double>(p_.columns_per_output) * static_cast<double>(weight_bytes_);
        limits.output_bytes_per_column = p_.output->element_bytes * p_.wide_columns / columns_per_output;
        limits.column_multiple = p_.columns_per_output * weight_bytes_;
        limits.burst_bytes = lowering_.config.dram.burst_bytes();
        limits.dram_bytes_per_cycle = lowering_.dram_bytes_per_cycle();
        return limits;
    }

    const Operand& input_tile(std::uint64_t row, std::uint64_t rows, std::uint64_t deep, std::uint64_t depth) {
        if (!input_ || input_at_ != std::pair{row, deep}) {
            input_ = fetch(lowering_, *p_.input, {first_row_ + row, rows, deep, depth}, lowering_.buffers.staging_in(),
                           Mechanism::projection);
            input_at_ = {row, deep};
        }
        return *input_;
    }

    const Operand& weight_tile(std::uint64_t column, std::uint64_t columns, std::uint64_t deep, std::uint64_t depth) {
        if (!weights_ || weights_at_ != std::pair{column, deep}) {
            const HardwareConfig& hardware = lowering_.config.hardware;
            GemmCommand product;
            product.reduction = depth;
            product.outputs = columns;
            const std::uint64_t words = stationary_words(product, hardware.pe_array, hardware.buffers.weight);
            weights_ = fetch_weights(lowering_, p_.weights + column * shape_.reduction + deep * columns,
                                     depth * columns, static_cast<std::uint32_t>(words));
            weights_at_ = {column, deep};
        }
        return *weights_;
    }

    void output_tile(std::uint64_t row, std::uint64_t column) {
        const std::uint64_t rows = std::min(tile_.rows, shape_.rows - row);
        const std::uint64_t columns = std::min(tile_.outputs, shape_.outputs - column);
        Hazard& sums = lowering_.buffers.next_accumulator();
        for (std::uint64_t deep = 0; deep < shape_.reduction; deep += tile_.reduction) {
            const std::uint64_t depth = std::min(tile_.reduction, shape_.reduction - deep);
            const Operand input = input_tile(row, rows, deep, depth);
            const Operand weights = weight_tile(column, columns, deep, depth);
            GemmCommand product;
            product.stream_rows = rows;
            product.reduction = depth;
            product.outputs = columns;
            product.stationary = weights.region;
            product.streaming = input.region;
            lowering_.program.emit(UnitId::pe_array, product, Mechanism::projection, {weights.hazard, input.hazard},
                                   {&sums});
        }
        epilogue(sums, row, rows, column, columns);
    }

    /// Where an output lies in the output tensor.
    std::uint64_t output_column(std::uint64_t output) const {
        return output <= p_.wide_from ? output : p_.wide_from + (output - p_.wide_from) * p_.wide_columns;
    }

    void epilogue(Hazard& sums, std::uint64_t row, std::uint64_t rows, std::uint64_t column, std::uint64_t columns) {
        const std::uint64_t per_output = p_.columns_per_output * weight_bytes_;
        const std::uint64_t first_output = column / per_output;
        const std::uint64_t first_column = output_column(first_output);
        const Block block{first_row_ + row, rows, first_column,
                          output_column(first_output + ceil_div(columns, per_output)) - first_column};
        VectorCommand command;
        command.kind = p_.add_residual                  ? VectorKind::residual_add
                       : first_output < p_.rope_columns ? VectorKind::rope
                                                        : p_.epilogue;
        command.rows = rows;
        command.columns = columns;
        command.source_in_accumulator = true;
        Operand result = destination(lowering_, *p_.output, block);
        if (p_.add_residual) {
            if (!p_.output->on_chip) {  // the old values come into the place that the new ones leave from
                lowering_.program.emit(
                    UnitId::dma_load,
                    DmaCommand{dram_region_of(*p_.output, block), result.region, Traffic::activations, false},
                    Mechanism::projection, {&p_.output->hazard}, {result.hazard});
            }
            command.source = result.region;
        }
        command.destination = result.region;
        lowering_.program.emit(UnitId::vector_unit, command, Mechanism::projection,
                               {&sums, p_.add_residual ? result.hazard : nullptr}, {result.hazard});
        write_back(lowering_, *p_.output, block, result, Mechanism::projection);
    }

    Lowering& lowering_;
    const Projection& p_;
    std::uint64_t weight_bytes_;
    std::uint64_t first_row_;
    ProductShape shape_;
    Tiling tile_;
    std::optional<Operand> input_, weights_;  ///< the tiles fetched last, and which they are
    std::pair<std::uint64_t, std::uint64_t> input_at_, weights_at_;
};

}  // namespace

void lower_projection(Lowering& lowering, const Projection& projection, std::span<const RequestRows> requests) {
    if (lowering.config.pipeline.batched_projections) {
        lowering.program.label(projection.label, projection.layer, 0);
        ProjectionPass(lowering, projection, 0, projection.input->rows).run();
        return;
    }
    std::uint64_t row = 0;
    for (const RequestRows& request : requests) {
        lowering.program.label(projection.label, projection.layer, request.request);
        ProjectionPass(lowering, projection, row, request.rows).run();
        row += request.rows;
    }
}

void lower_projection(Lowering& lowering, const Projection& projection) {
    const RequestRows all{0, projection.input->rows};
    lower_projection(lowering, projection, {&all, 1});
}

}  // namespace palimpsest
