#include "host/lowering.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

BufferRegion array_operand(const Lowering& lowering, const BufferRegion& region, std::uint64_t words) {
    const std::uint32_t half = lowering.buffers.half_words(region.where.buffer);
    if (words > half) {
        throw InputError("", fmt::format("hardware.buffers.{}.banks", name_of(region.where.buffer)),
                         fmt::format("an operand of {} words does not fit half of the buffer ({} words)", words, half),
                         "more or larger banks, or a smaller array");
    }
    const auto count = static_cast<std::uint32_t>(words);
    return {region.where, std::min(region.first_word, half - count), count};
}

Operand fetch(Lowering& lowering, Tensor& tensor, const Block& block, PlaceRing& ring, Mechanism mechanism) {
    if (tensor.on_chip) {
        return {region_of(tensor, block), &tensor.hazard};
    }
    Place& place = ring.next();
    const BufferRegion words = front_of(place, tensor.words(block.rows, block.columns));
    lowering.program.emit(UnitId::dma_load,
                          DmaCommand{dram_region_of(tensor, block), words, Traffic::activations, false}, mechanism,
                          {&tensor.hazard}, {&place.hazard});
    return {words, &place.hazard};
}

Operand destination(Lowering& lowering, Tensor& tensor, const Block& block) {
    if (tensor.on_chip) {
        return {region_of(tensor, block), &tensor.hazard};
    }
    Place& place = lowering.buffers.staging_out().next();
    return {front_of(place, tensor.words(block.rows, block.columns)), &place.hazard};
}

void write_back(Lowering& lowering, Tensor& tensor, const Block& block, const Operand& written, Mechanism mechanism) {
    if (tensor.on_chip) {
        return;
    }
    lowering.program.emit(UnitId::dma_store,
                          DmaCommand{dram_region_of(tensor, block), written.region, Traffic::activations, true},
                          mechanism, {written.hazard}, {&tensor.hazard});
}

Operand fetch_weights(Lowering& lowering, Bytes address, Bytes bytes, std::uint32_t words) {
    Place& place = lowering.buffers.weights().next();
    const BufferRegion region = front_of(place, words);
    lowering.program.emit(UnitId::dma_load,
                          DmaCommand{DramRegion{address, bytes, 1, bytes}, region, Traffic::weights, false},
                          Mechanism::projection, {}, {&place.hazard});
    return {region, &place.hazard};
}

void lower_rowwise(Lowering& lowering, VectorKind kind, Tensor& input, std::span<const RowRun> runs, Tensor& output) {
    const std::uint32_t row_words = std::max(input.words(1, input.columns), output.words(1, output.columns));
    std::uint64_t tile_rows = output.rows;
    if (!input.on_chip || !output.on_chip) {
        const std::uint32_t place_words = lowering.buffers.staging_in().words_each();
        if (row_words > place_words) {
            throw InputError(
                "", "hardware.buffers.activation.banks",
                fmt::format("a row of {} words does not fit a staging place of {} words", row_words, place_words),
                "more activation banks");
        }
        tile_rows = std::min<std::uint64_t>(tile_rows, place_words / row_words);
    }
    std::uint64_t done = 0;
    for (const RowRun& run : runs) {
        for (std::uint64_t row = 0; row < run.rows; row += tile_rows) {
            const std::uint64_t rows = std::min(tile_rows, run.rows - row);
            const Operand source = fetch(lowering, input, {run.first + row, rows, 0, input.columns},
                                         lowering.buffers.staging_in(), Mechanism::projection);
            const Block block{done + row, rows, 0, output.columns};
            const Operand result = destination(lowering, output, block);
            lowering.program.emit(UnitId::vector_unit,
                                  VectorCommand{kind, rows, input.columns, false, source.region, result.region},
                                  Mechanism::projection, {source.hazard}, {result.hazard});
            write_back(lowering, output, block, result, Mechanism::projection);
        }
        done += run.rows;
    }
}

void lower_rowwise(Lowering& lowering, VectorKind kind, Tensor& input, Tensor& output) {
    const RowRun all{0, output.rows};
    lower_rowwise(lowering, kind, input, {&all, 1}, output);
}

}  // namespace palimpsest
