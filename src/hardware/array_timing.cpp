#include "hardware/array_timing.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

std::uint64_t words_a_row(std::uint32_t row_bytes, const BufferConfig& buffer) {
    return ceil_div(row_bytes, buffer.word_bytes);
}

/// Rows of the array's width that the stationary operand takes; output stationary: both operands stream.
std::uint64_t stationary_rows(const GemmCommand& command, const PeArrayConfig& array) {
    const std::uint64_t column_folds = ceil_div<std::uint64_t>(command.outputs, array.columns);
    return command.dataflow == Dataflow::output_stationary
               ? column_folds * command.reduction
               : column_folds * ceil_div<std::uint64_t>(command.reduction, array.rows) * array.rows;
}

std::uint64_t streaming_rows(const GemmCommand& command, const PeArrayConfig& array) {
    return command.dataflow == Dataflow::output_stationary
               ? ceil_div<std::uint64_t>(command.stream_rows, array.rows) * command.reduction
               : ceil_div<std::uint64_t>(command.reduction, array.rows) * command.stream_rows;
}

}  // namespace

GemmCommand gemm_command(Dataflow dataflow, std::uint64_t m, std::uint64_t k, std::uint64_t n) {
    GemmCommand command;
    const bool swapped = dataflow == Dataflow::input_stationary;
    command.stream_rows = swapped ? n : m;
    command.reduction = k;
    command.outputs = swapped ? m : n;
    command.dataflow = dataflow;
    return command;
}

std::uint64_t stationary_words(const GemmCommand& command, const PeArrayConfig& array, const BufferConfig& buffer) {
    return stationary_rows(command, array) * words_a_row(array.columns, buffer);
}

std::uint64_t streaming_words(const GemmCommand& command, const PeArrayConfig& array, const BufferConfig& buffer) {
    return streaming_rows(command, array) * words_a_row(array.rows, buffer);
}

bool ArrayTiming::BankRange::meets(const BankRange& other) const {
    return first <= last && other.first <= other.last && where == other.where && first <= other.last &&
           other.first <= last;
}

ArrayTiming::ArrayTiming(const PeArrayConfig& array, const BuffersConfig& buffers) : array_(array), buffers_(buffers) {}

ArraySchedule ArrayTiming::issue(const GemmCommand& command, Cycles arrival) {
    if (command.stream_rows == 0 || command.reduction == 0 || command.outputs == 0) {
        throw SimulationError(fmt::format("PE array: an empty product, {} x {} by {} x {}", command.stream_rows,
                                          command.reduction, command.reduction, command.outputs));
    }
    ArraySchedule schedule = command.dataflow == Dataflow::output_stationary
                                 ? schedule_output_stationary(command, arrival)
                                 : schedule_stationary(command, arrival);
    schedule.macs = command.stream_rows * command.reduction * command.outputs;
    schedule.actions[Action::pe_mac] = schedule.macs;
    return schedule;
}

ArraySchedule ArrayTiming::schedule_stationary(const GemmCommand& command, Cycles arrival) {
    const std::uint64_t rows = array_.rows;
    const std::uint64_t columns = array_.columns;
    const std::uint64_t reduction_folds = ceil_div(command.reduction, rows);
    const std::uint64_t output_folds = ceil_div(command.outputs, columns);
    const Tile stationary =
        tile_of(command, command.stationary, stationary_rows(command, array_), array_.columns, "stationary operand");
    const Tile streaming =
        tile_of(command, command.streaming, streaming_rows(command, array_), array_.rows, "streaming operand");

    const Cycles load = rows * stationary.row_words;
    const Cycles stream = command.stream_rows * streaming.row_words;
    const Cycles first_row = streaming.row_words - 1;  // from the first streaming word to the first row entering
    const Cycles skew = rows + columns - 2;  // from the last row entering to the last result, beyond one cycle
    // Two operands in one bank cannot be read at once: then a fold loads when the fold before is out of the array.
    const bool overlap = array_.double_buffered_weights && !stationary.banks.meets(streaming.banks);

    ArraySchedule schedule;
    schedule.folds = reduction_folds * output_folds;
    schedule.first_load = std::max(arrival, shadow_free_);
    if (stationary.banks.meets(streamed_)) {
        schedule.first_load = std::max(schedule.first_load, stream_free_);
    }
    schedule.first_stream = std::max(schedule.first_load + load, stream_free_);
    schedule.fold_period = overlap ? std::max(stream, load + first_row) : load + stream + skew;
    const Cycles last_stream = schedule.first_stream + (schedule.folds - 1) * schedule.fold_period;
    schedule.done = last_stream + stream + skew;

    const std::uint64_t fold_words = load;  // one word a cycle
    read(stationary, {.block_words = fold_words, .blocks = 1, .start = schedule.first_load}, schedule.reads);
    read(stationary,
         {.first_word = fold_words,
          .block_words = fold_words,
          .blocks = schedule.folds - 1,
          .start = schedule.first_stream + (overlap ? first_row : stream + skew),
          .block_period = schedule.fold_period},
         schedule.reads);
    read(streaming,
         {.block_words = stream,
          .blocks = reduction_folds,
          .start = schedule.first_stream,
          .block_period = schedule.fold_period,
          .repeats = output_folds,
          .repeat_period = reduction_folds * schedule.fold_period},
         schedule.reads);

    shadow_free_ = array_.double_buffered_weights ? last_stream + first_row : schedule.done;
    stream_free_ = array_.double_buffered_weights ? last_stream + stream : schedule.done;
    all_done_ = schedule.done;
    streamed_ = streaming.banks;

    // The weight for row r passes r + 1 shadow registers; padding passes like data.
    schedule.actions[Action::pe_weight_load] = schedule.folds * columns * (rows * (rows + 1) / 2);
    schedule.actions[Action::pe_register_hop] = command.stream_rows * command.reduction * (columns - 1) * output_folds;
    schedule.actions[Action::accumulator_access] = command.stream_rows * command.outputs * (2 * reduction_folds - 1);
    return schedule;
}

ArraySchedule ArrayTiming::schedule_output_stationary(const GemmCommand& command, Cycles arrival) {
    const std::uint64_t rows = array_.rows;
    const std::uint64_t columns = array_.columns;
    const std::uint64_t row_folds = ceil_div(command.stream_rows, rows);
    const std::uint64_t column_folds = ceil_div(command.outputs, columns);
    const Tile stationary =
        tile_of(command, command.stationary, stationary_rows(command, array_), array_.columns, "stationary operand");
    const Tile streaming =
        tile_of(command, command.streaming, streaming_rows(command, array_), array_.rows, "streaming operand");
    if (stationary.row_words > 1 || streaming.row_words > 1 || stationary.banks.meets(streaming.banks)) {
        throw SimulationError(
            "PE array: output stationary reads a row of both operands in each cycle: each row must fit one SRAM word "
            "and "
            "the operands must lie in different banks");
    }

    ArraySchedule schedule;
    schedule.folds = row_folds * column_folds;
    schedule.fold_period = command.reduction + rows + columns - 2;
    schedule.first_load = schedule.first_stream = std::max(arrival, all_done_);
    schedule.done = schedule.first_stream + schedule.folds * schedule.fold_period;
    const Cycles sweep_period = row_folds * schedule.fold_period;
    read(stationary,
         {.block_words = command.reduction,
          .blocks = column_folds,
          .start = schedule.first_stream,
          .block_period = sweep_period,
          .repeats = row_folds,
          .repeat_period = schedule.fold_period},
         schedule.reads);
    read(streaming,
         {.block_words = command.reduction,
          .blocks = row_folds,
          .start = schedule.first_stream,
          .block_period = schedule.fold_period,
          .repeats = column_folds,
          .repeat_period = sweep_period},
         schedule.reads);
    shadow_free_ = stream_free_ = all_done_ = schedule.done;
    streamed_ = streaming.banks;

    schedule.actions[Action::pe_register_hop] = command.stream_rows * command.reduction * (columns - 1) * column_folds +
                                                command.outputs * command.reduction * (rows - 1) * row_folds;
    schedule.actions[Action::accumulator_access] = command.stream_rows * command.outputs;
    return schedule;
}

ArrayTiming::Tile ArrayTiming::tile_of(const GemmCommand& command, const BufferRegion& region, std::uint64_t rows,
                                       std::uint32_t row_bytes, const char* operand) const {
    Tile tile;
    if (command.operands_on_chip_only) {
        return tile;
    }
    const std::array<const BufferConfig*, kBufferCount> configs{&buffers_.weight, &buffers_.activation, &buffers_.kv,
                                                                &buffers_.score};
    const BufferConfig& buffer = *configs[static_cast<std::size_t>(region.where.buffer)];
    tile.in_buffer = true;
    tile.where = region.where;
    tile.first_word = region.first_word;
    tile.words_per_bank = buffer.words_per_bank();
    tile.row_words = words_a_row(row_bytes, buffer);
    const std::uint64_t end_word = region.first_word + rows * tile.row_words;
    const std::uint64_t half_words = std::uint64_t{buffer.words_per_bank()} * buffer.banks_per_half();
    if (end_word > half_words) {
        throw SimulationError(
            fmt::format("PE array: the {} ends at word {} of a half of the {} buffer, which has {} words", operand,
                        end_word, name_of(region.where.buffer), half_words));
    }
    tile.banks = {region.where, region.first_word / tile.words_per_bank,
                  static_cast<std::uint32_t>((end_word - 1) / tile.words_per_bank)};
    return tile;
}

void ArrayTiming::read(const Tile& tile, const ReadLoop& loop, std::vector<PortUse>& reads) {
    if (!tile.in_buffer) {
        return;
    }
    // Blocks that lie whole in a bank share one pattern; a block across a bank boundary is one pattern a piece.
    const std::uint64_t total = loop.block_words * loop.blocks;
    std::uint64_t word = 0;
    while (word < total) {
        const std::uint64_t place = tile.first_word + loop.first_word + word;
        const std::uint64_t room = tile.words_per_bank - place % tile.words_per_bank;
        const std::uint64_t block = word / loop.block_words;
        const std::uint64_t offset = word % loop.block_words;
        std::uint64_t blocks = 1;
        std::uint64_t words = std::min(room, loop.block_words - offset);
        if (offset == 0 && room >= loop.block_words) {
            blocks = std::min(room / loop.block_words, loop.blocks - block);
            words = loop.block_words;
        }
        AccessPattern pattern;
        pattern.start = loop.start + block * loop.block_period + offset;
        pattern.words = words;
        pattern.folds = blocks;
        pattern.fold_period = loop.block_period;
        pattern.sweeps = loop.repeats;
        pattern.sweep_period = loop.repeat_period;
        if (blocks > 1 && loop.repeats > 1 && loop.repeat_period < loop.block_period) {
            std::swap(pattern.folds, pattern.sweeps);
            std::swap(pattern.fold_period, pattern.sweep_period);
        }
        reads.push_back({tile.where, static_cast<std::uint32_t>(place / tile.words_per_bank), pattern});
        word += blocks * words;
    }
}

}  // namespace palimpsest
