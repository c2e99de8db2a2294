#pragma once
// What all lowering functions share, and the small pieces they are made of: moving a block between DRAM and a place.

#include <span>

#include "config/run_config.h"
#include "host/buffer_plan.h"
#include "host/program.h"
#include "host/tensor.h"

namespace palimpsest {

struct Lowering {
    const RunConfig& config;
    Program& program;
    BufferPlan& buffers;

    std::uint32_t word_bytes() const { return buffers.word_bytes(); }
    /// Of what the array streams.
    BlockLayout streamed_layout() const { return block_layout(config.hardware.pe_array.rows, word_bytes()); }
    /// Of what only the vector unit touches.
    BlockLayout vector_layout() const { return block_layout(word_bytes(), word_bytes()); }
    /// DRAM bytes a core cycle at peak.
    double dram_bytes_per_cycle() const {
        return config.dram.peak_bandwidth() * static_cast<double>(config.hardware.core_clock_ps) * 1e-12;
    }
};

/// A block where a unit can read it: its words and the hazards of where they lie.
struct Operand {
    BufferRegion region;
    Hazard* hazard = nullptr;
};

/// The first `words` of a place.
inline BufferRegion front_of(const Place& place, std::uint32_t words) {
    return {place.region.where, place.region.first_word, words};
}

/// `region` as an operand of which the array reads `words` words. The array pads rows to its own width, so an operand
/// that is stored without that padding (queries held stationary, keys of the step) is read over more words than it has;
/// near the end of a half the reads are moved down, so that they stay inside. InputError when a half is smaller.
BufferRegion array_operand(const Lowering& lowering, const BufferRegion& region, std::uint64_t words);

/// Makes a block of `tensor` readable: where it lies when on chip, else loaded into the next place of `ring`.
Operand fetch(Lowering& lowering, Tensor& tensor, const Block& block, PlaceRing& ring, Mechanism mechanism);

/// Where the vector unit writes a block of `tensor`: its own words when on chip, else a staging place that `write_back`
/// stores afterwards.
Operand destination(Lowering& lowering, Tensor& tensor, const Block& block);
/// Stores what `destination` gave when the tensor lies in DRAM; nothing otherwise.
void write_back(Lowering& lowering, Tensor& tensor, const Block& block, const Operand& written, Mechanism mechanism);

/// Loads `bytes` contiguous weight bytes into the next weight half.
Operand fetch_weights(Lowering& lowering, Bytes address, Bytes bytes, std::uint32_t words);

/// Neighbouring rows of a tensor.
struct RowRun {
    std::uint64_t first = 0;
    std::uint64_t rows = 0;
};
/// Row-wise vector work from one tensor to another (norms), in tiles of rows where either lies in DRAM. The rows of
/// `output`, one after another, are those of `runs` of `input`.
void lower_rowwise(Lowering& lowering, VectorKind kind, Tensor& input, std::span<const RowRun> runs, Tensor& output);
/// Of all rows.
void lower_rowwise(Lowering& lowering, VectorKind kind, Tensor& input, Tensor& output);

}  // namespace palimpsest
