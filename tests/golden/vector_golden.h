#pragma once
// Golden model of the vector unit, stepped clock by clock as docs/blocks/vector_unit.md writes it: groups of elements
// enter the lanes one a cycle and come out of the chain of adders, multipliers and tables; blocks go through three
// stages.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "config/hardware_config.h"
#include "golden/sram_golden.h"
#include "hardware/command.h"

namespace palimpsest {

class GoldenVectorUnit {
  public:
    struct Counts {
        std::uint64_t adds = 0, multiplies = 0, specials = 0, accumulator_reads = 0;
        bool operator==(const Counts&) const = default;
    };

    GoldenVectorUnit(const VectorUnitConfig& config, GoldenSram& sram) : config_(config), sram_(sram) {}

    void accept(const VectorCommand& command) {
        cut_into_blocks(command);
        done_.push_back({blocks_.size(), 0});
    }
    /// The SRAM has moved the last word of a stream of this unit.
    void stream_finished(SramClientId client) {
        (client == SramClientId::vector_read ? reading_words_ : writing_words_) = false;
    }
    /// What ends and begins at the start of a cycle.
    void begin_cycle(Cycles cycle) {
        for (bool changed = true; changed;) {
            changed = false;
            if (reading_ && !reading_words_ && accumulator_left_ == 0) {
                reading_ = false;
                ++read_;
                changed = true;
            }
            if (executing_ && pass_ == block(executed_).passes.size()) {
                executing_ = false;
                ++executed_;
                changed = true;
            }
            if (writing_ && !writing_words_) {
                writing_ = false;
                ++written_;
                changed = true;
                for (auto& [last_block, done] : done_) {
                    done = last_block == written_ ? cycle : done;
                }
            }
            if (!writing_ && written_ < executed_) {
                writing_ = changed = true;
                begin_stream(SramClientId::vector_write, block(written_).destination, writing_words_, true);
            }
            if (!executing_ && executed_ < read_) {
                executing_ = changed = true;
                pass_ = 0;
                groups_left_ = block(executed_).groups;
                count(block(executed_));
            }
            // Three blocks of registers: one is free when the block three before has been written.
            if (!reading_ && read_ < blocks_.size() && read_ < written_ + 3) {
                reading_ = changed = true;
                accumulator_left_ = block(read_).accumulator_cycles;
                counts.accumulator_reads += block(read_).accumulator_reads;
                begin_stream(SramClientId::vector_read, block(read_).source, reading_words_, false);
            }
        }
    }
    /// What happens during the cycle.
    void step() {
        accumulator_left_ -= accumulator_left_ > 0 ? 1 : 0;
        if (executing_) {
            step_lanes();
        }
    }
    bool idle() const { return written_ == blocks_.size(); }
    Cycles done(std::size_t command) const { return done_[command].second; }

    Counts counts;

  private:
    /// A pass as the chain that an element goes through: a(dd), m(ultiply), s(pecial), T(ree over the lanes). Before
    /// the colon what is done once a row, in front of the chain.
    struct Block {
        std::vector<std::string> passes;
        std::uint64_t rows = 0, columns = 0;
        std::uint64_t groups = 0;
        BufferRegion source, destination;
        std::uint64_t accumulator_cycles = 0, accumulator_reads = 0;
    };

    static std::vector<std::string> passes_of(VectorKind kind) {
        switch (kind) {
            case VectorKind::softmax:
                return {":aT", ":asaT", "s:m"};
            case VectorKind::layer_norm:
                return {":aT", "m:amaT", "ms:amm"};
            case VectorKind::rms_norm:
                return {":maT", "ms:mm"};
            case VectorKind::rope:
                return {":mm"};
            case VectorKind::gelu:
                return {":sm"};
            case VectorKind::relu:
            case VectorKind::residual_add:
            case VectorKind::copy:
                return {":a"};
            case VectorKind::silu_gate:
                return {":smm"};
            case VectorKind::requantise:
                return {":ma"};
        }
        return {};
    }

    void cut_into_blocks(const VectorCommand& c) {
        const bool whole_row =
            c.kind == VectorKind::softmax || c.kind == VectorKind::layer_norm || c.kind == VectorKind::rms_norm;
        const std::uint64_t operands = c.kind == VectorKind::residual_add || c.kind == VectorKind::silu_gate ? 2 : 1;
        const std::uint64_t row_bytes = 2 * operands * c.columns;
        const auto passes = passes_of(c.kind);
        if (row_bytes <= config_.register_file_bytes) {
            for (std::uint64_t row = 0; row < c.rows;) {
                std::uint64_t rows = 0;
                while (row + rows < c.rows && (rows + 1) * row_bytes <= config_.register_file_bytes) {
                    ++rows;
                }
                add_block(c, operands, passes, row * c.columns, rows, c.columns, true);
                row += rows;
            }
            return;
        }
        for (std::uint64_t row = 0; row < c.rows; ++row) {
            for (std::size_t walk = 0; walk < (whole_row ? passes.size() : 1); ++walk) {
                const bool last = !whole_row || walk + 1 == passes.size();
                for (std::uint64_t column = 0; column < c.columns;) {
                    std::uint64_t columns = 0;
                    while (column + columns < c.columns &&
                           2 * operands * (columns + 1) <= config_.register_file_bytes) {
                        ++columns;
                    }
                    add_block(c, operands, whole_row ? std::vector{passes[walk]} : passes, row * c.columns + column, 1,
                              columns, last);
                    column += columns;
                }
            }
        }
    }

    void add_block(const VectorCommand& c, std::uint64_t operands, std::vector<std::string> passes, std::uint64_t first,
                   std::uint64_t rows, std::uint64_t columns, bool writes) {
        Block b;
        b.passes = std::move(passes);
        b.rows = rows;
        b.columns = columns;
        for (std::uint64_t row = 0; row < rows; ++row) {
            for (std::uint64_t lane = 0; lane < columns; lane += config_.lanes) {
                ++b.groups;
            }
        }
        const std::uint64_t end = first + rows * columns;
        const std::uint64_t all = c.rows * c.columns;
        // A word is read when its first element is needed and written when its last is there.
        b.source = c.source;
        b.source.words = 0;
        for (std::uint64_t w = 0; w < c.source.words; ++w) {
            const bool before = w * all < first * c.source.words;
            const bool within = !before && w * all < end * c.source.words;
            b.source.first_word += before ? 1 : 0;
            b.source.words += within ? 1 : 0;
        }
        b.destination = c.destination;
        b.destination.words = 0;
        for (std::uint64_t w = 0; writes && w < c.destination.words; ++w) {
            const bool before = (w + 1) * all <= first * c.destination.words;
            const bool within = !before && (w + 1) * all <= end * c.destination.words;
            b.destination.first_word += before ? 1 : 0;
            b.destination.words += within ? 1 : 0;
        }
        if (c.source_in_accumulator) {
            const bool one_in_sram = operands == 2 && c.source.words > 0;
            b.accumulator_cycles = b.groups * (one_in_sram ? 1 : operands);
            b.accumulator_reads = rows * columns * (one_in_sram ? 1 : operands);
            b.source.words = one_in_sram ? b.source.words : 0;
        }
        blocks_.push_back(std::move(b));
    }

    const Block& block(std::size_t i) const { return blocks_[i]; }

    void begin_stream(SramClientId client, const BufferRegion& region, bool& under_way, bool write) {
        under_way = region.words > 0;
        if (under_way) {
            sram_.start(client, region, write);
        }
    }

    /// A group enters the first unit of the pass each cycle; the pass is over when the last group has left the last
    /// unit.
    void step_lanes() {
        for (Cycles& left : in_chain_) {
            --left;
        }
        if (groups_left_ > 0) {
            --groups_left_;
            in_chain_.push_back(chain_cycles(block(executed_).passes[pass_]));
        }
        while (!in_chain_.empty() && in_chain_.front() == 0) {
            in_chain_.pop_front();
        }
        if (groups_left_ == 0 && in_chain_.empty()) {
            ++pass_;
            groups_left_ = pass_ < block(executed_).passes.size() ? block(executed_).groups : 0;
        }
    }

    Cycles chain_cycles(const std::string& chain) const {
        Cycles cycles = 0;
        for (const char unit : chain) {
            if (unit == 'T') {
                for (std::uint32_t values = config_.lanes; values > 1; values = (values + 1) / 2) {
                    cycles += config_.add_latency_cycles;
                }
            }
            cycles += unit == 'a' ? config_.add_latency_cycles : 0;
            cycles += unit == 'm' ? config_.multiply_latency_cycles : 0;
            cycles += unit == 's' ? config_.special_latency_cycles : 0;
        }
        return cycles;
    }

    void count(const Block& b) {
        for (const std::string& pass : b.passes) {
            std::uint64_t times = b.rows;
            for (const char unit : pass) {
                if (unit == ':') {
                    times = b.rows * b.columns;
                }
                counts.adds += unit == 'a' ? times : (unit == 'T' ? b.rows * (config_.lanes - 1) : 0);
                counts.multiplies += unit == 'm' ? times : 0;
                counts.specials += unit == 's' ? times : 0;
            }
        }
    }

    VectorUnitConfig config_;
    GoldenSram& sram_;
    std::vector<Block> blocks_;
    std::vector<std::pair<std::size_t, Cycles>> done_;   ///< per command: its last block's number + 1, its last cycle
    std::size_t read_ = 0, executed_ = 0, written_ = 0;  ///< blocks through each stage
    bool reading_ = false, executing_ = false, writing_ = false;
    bool reading_words_ = false, writing_words_ = false;
    std::uint64_t accumulator_left_ = 0;
    std::size_t pass_ = 0;
    std::uint64_t groups_left_ = 0;
    std::deque<Cycles> in_chain_;
};

}  // namespace palimpsest
