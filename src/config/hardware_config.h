#pragma once
// The accelerator's parameters, as a hardware JSON gives them (configs/hardware/*.json). Every number there carries its
// unit and source; here the values alone.

#include <cstdint>
#include <string>

#include "palimpsest/types.h"

namespace palimpsest {

/// Which operand the PEs hold while the others stream (names as in the literature on systolic arrays).
enum class Dataflow : std::uint8_t { weight_stationary, output_stationary, input_stationary };

struct PeArrayConfig {
    std::uint32_t rows = 32;     ///< PEs along the reduction dimension
    std::uint32_t columns = 32;  ///< PEs along the output dimension
    Dataflow dataflow = Dataflow::weight_stationary;
    bool double_buffered_weights = true;  ///< shadow registers: the next fold's weights load while this one streams
    std::uint32_t accumulator_rows =
        512;                          ///< INT32 rows of `columns` partial sums in each of the two accumulator halves
    std::uint32_t command_queue = 4;  ///< commands waiting at the unit
};

struct VectorUnitConfig {
    std::uint32_t lanes = 32;
    std::uint32_t register_file_bytes = 8192;  ///< operand block held on chip between passes, each of three such blocks
    std::uint32_t add_latency_cycles = 2;
    std::uint32_t multiply_latency_cycles = 4;
    std::uint32_t special_latency_cycles = 8;  ///< exponential, reciprocal, root, activation tables
    std::uint32_t command_queue = 4;
};

/// One SRAM buffer: two halves (ping, pong) of `banks / 2` single-port banks each.
struct BufferConfig {
    std::uint32_t banks = 8;
    Bytes bank_bytes = 32 * 1024;
    std::uint32_t word_bytes = 32;  ///< width of a bank's one port

    Bytes bytes() const { return Bytes{banks} * bank_bytes; }
    Bytes half_bytes() const { return bytes() / 2; }
    std::uint32_t banks_per_half() const { return banks / 2; }
    std::uint32_t words_per_bank() const { return static_cast<std::uint32_t>(bank_bytes / word_bytes); }
};

struct BuffersConfig {
    BufferConfig weight{.banks = 8};
    BufferConfig activation{.banks = 16};
    BufferConfig kv{.banks = 8};
    BufferConfig score{.banks = 4};
};

struct DmaConfig {
    Bytes request_bytes = 2048;       ///< largest single request to memory, and the size of one line buffer
    std::uint32_t outstanding = 16;   ///< requests in flight per stream (load, store)
    std::uint32_t command_queue = 8;  ///< commands waiting at each stream
};

/// When the KV-MMU's write-combining buffer gives entries up without being asked.
enum class WriteCombineFlush : std::uint8_t {
    step,  ///< complete bursts at once, all others at the end of each step
    full,  ///< only when a new one needs the room, and at the end of the run
};
/// What leaves together with an entry that has to leave.
enum class WriteCombineDrain : std::uint8_t {
    entry,     ///< nothing
    row,       ///< all entries of its DRAM row
    open_row,  ///< the same, and a read takes the entries of the rows it opens along behind it
};
/// What a read of bytes that the buffer holds does.
enum class WriteCombineReads : std::uint8_t {
    drain,    ///< sends them to DRAM first
    forward,  ///< takes them from the buffer
};

/// How the KV-MMU finds victims.
enum class VictimUnitKind : std::uint8_t {
    running_minimum,  ///< a running minimum in each lane, a pass of the scores a victim
    tree,             ///< a tree over a word's lanes; the least of each word is kept for the next victims
};

struct KvMmuConfig {
    Bytes slot_table_bytes = 4 * 1024;  ///< slot table that is paid for; look-ups take no longer where a run needs more
    Bytes score_store_bytes = 64 * 1024;      ///< on-chip score memory; what does not fit lives in DRAM
    std::uint32_t score_word_bytes = 32;      ///< port width of the score store
    std::uint32_t lookup_latency_cycles = 2;  ///< slot table and address generator, request in to first address out
    VictimUnitKind victim_unit = VictimUnitKind::running_minimum;
    std::uint32_t victim_latency_cycles = 4;      ///< running minimum: from the last score to the victim
    std::uint32_t victim_compares_per_stage = 2;  ///< tree: compares one behind the other in a cycle
    bool score_prefetch = true;  ///< a second row accumulator: the next command's spilled scores come while one works
    std::uint32_t write_combine_entries = 16;  ///< burst-sized entries
    WriteCombineFlush write_combine_flush = WriteCombineFlush::step;
    WriteCombineDrain write_combine_drain = WriteCombineDrain::entry;
    WriteCombineReads write_combine_reads = WriteCombineReads::drain;
    std::uint32_t command_queue = 8;
};

struct SequencerConfig {
    std::uint32_t issue_latency_cycles = 1;  ///< token seen to command at the unit
};

struct HardwareConfig {
    std::string name = "default";
    Picoseconds core_clock_ps = 1000;  ///< core clock period
    PeArrayConfig pe_array;
    VectorUnitConfig vector_unit;
    BuffersConfig buffers;
    DmaConfig dma;
    KvMmuConfig kv_mmu;
    SequencerConfig sequencer;
};

}  // namespace palimpsest
