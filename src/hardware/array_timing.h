#pragma once
// When the PE array does what: exact cycle arithmetic without SystemC and without stepping. Per-cycle specification,
// which the golden model in tests/golden steps PE by PE: docs/blocks/pe_array.md.

#include <cstdint>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "hardware/sram_arbiter.h"
#include "palimpsest/counters.h"

namespace palimpsest {

/// The product (M x K) by (K x N) as a command of the given dataflow, operands not yet placed in buffers.
/// Weight stationary: the K x N operand stays and M rows stream. Input stationary: the M x K operand stays (transposed:
/// K x M) and N columns stream; this is also the matrix-vector mode. Output stationary: both stream.
GemmCommand gemm_command(Dataflow dataflow, std::uint64_t m, std::uint64_t k, std::uint64_t n);

/// Words of the command's operands as the array expects them, contiguous from `first_word` of their regions:
/// stationary: fold after fold (for each column fold, for each reduction fold), R rows each, C bytes a row, a row
/// padded to whole words; streaming: reduction fold after reduction fold, `stream_rows` rows each, R bytes a row,
/// padded likewise. Output stationary: stationary is column fold after column fold, `reduction` rows of C bytes;
/// streaming is row fold after row fold, `reduction` rows of R bytes.
std::uint64_t stationary_words(const GemmCommand& command, const PeArrayConfig& array, const BufferConfig& buffer);
std::uint64_t streaming_words(const GemmCommand& command, const PeArrayConfig& array, const BufferConfig& buffer);

/// Reads of one bank that the array makes for a command.
struct PortUse {
    BufferHalf where;
    std::uint32_t bank = 0;
    AccessPattern pattern;
};

/// The timetable of one command. Fold i streams its first row in `first_stream + i * fold_period`.
struct ArraySchedule {
    Cycles first_load = 0;    ///< cycle in which the first stationary word is read (output stationary: first operands)
    Cycles first_stream = 0;  ///< cycle in which the first streaming word is read
    Cycles fold_period = 0;
    std::uint64_t folds = 0;
    Cycles done = 0;         ///< first cycle after the last result
    std::uint64_t macs = 0;  ///< useful multiply-accumulates
    std::vector<PortUse> reads;
    ActionCounts actions;  ///< the array's own, without SRAM words
};

/// Answers for each command, in issue order, what happens when; keeps the state that one command leaves to the next
/// (when the shadow registers are free, when the last row of the fold before has entered).
class ArrayTiming {
  public:
    ArrayTiming(const PeArrayConfig& array, const BuffersConfig& buffers);

    /// The command is at the array from `arrival` on, its operands ready. Arrivals never go back. Throws
    /// SimulationError for an empty product or a tile that is larger than its buffer half.
    ArraySchedule issue(const GemmCommand& command, Cycles arrival);

  private:
    /// Banks of one half, first to last; none where first > last.
    struct BankRange {
        BufferHalf where;
        std::uint32_t first = 1;
        std::uint32_t last = 0;
        bool meets(const BankRange& other) const;
    };
    /// One operand: where its words lie and how many cycles its port needs for a row of the array's width.
    struct Tile {
        bool in_buffer = false;
        BufferHalf where;
        std::uint32_t first_word = 0;
        std::uint32_t words_per_bank = 1;
        std::uint64_t row_words = 1;
        BankRange banks;
    };
    /// How an operand is read: blocks of consecutive words, each block again in each repeat.
    struct ReadLoop {
        std::uint64_t first_word = 0;  ///< from the start of the operand
        std::uint64_t block_words = 0;
        std::uint64_t blocks = 0;
        Cycles start = 0;
        Cycles block_period = 0;
        std::uint64_t repeats = 1;
        Cycles repeat_period = 0;
    };

    Tile tile_of(const GemmCommand& command, const BufferRegion& region, std::uint64_t rows, std::uint32_t row_bytes,
                 const char* operand) const;
    ArraySchedule schedule_stationary(const GemmCommand& command, Cycles arrival);
    ArraySchedule schedule_output_stationary(const GemmCommand& command, Cycles arrival);
    static void read(const Tile& tile, const ReadLoop& loop, std::vector<PortUse>& reads);

    PeArrayConfig array_;
    BuffersConfig buffers_;
    Cycles shadow_free_ = 0;  ///< a load may begin
    Cycles stream_free_ = 0;  ///< a row may enter
    Cycles all_done_ = 0;     ///< the array is empty
    BankRange streamed_;      ///< banks that the latest command streams from
};

}  // namespace palimpsest
