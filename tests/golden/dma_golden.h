#pragma once
// Golden model of one DMA stream, stepped clock by clock beside the golden SRAM as docs/blocks/dma.md writes it. A
// command is cut by walking its bytes; memory is a table that says after how many cycles each request is answered.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "config/hardware_config.h"
#include "golden/sram_golden.h"
#include "hardware/command.h"

namespace palimpsest {

/// What memory does with a stream's n-th request.
struct PlannedAnswer {
    Cycles latency = 1;
    Cycles refresh = 0;  ///< of these the request waited for a refresh, in its own account
};

class GoldenDma {
  public:
    struct Piece {
        Bytes offset = 0;
        Bytes bytes = 0;
        std::uint32_t first_word = 0;  ///< of the command's region
        std::uint32_t words = 0;
    };
    struct Request {
        Cycles cycle = 0;
        std::size_t command = 0;
        Piece piece;
    };

    GoldenDma(bool load, const DmaConfig& config, std::uint32_t word_bytes, GoldenSram& sram,
              const std::vector<PlannedAnswer>& answers)
        : load_(load),
          config_(config),
          word_bytes_(word_bytes),
          sram_(sram),
          answers_(answers),
          free_lines_(config.outstanding) {}

    /// Cuts `total` bytes in rows of `row` into requests: byte by byte, a request ends when it is full, and at the end
    /// of a row when the row did not fit a request or the next would not. A word goes with the first piece that has a
    /// byte of it.
    static std::vector<Piece> cut(Bytes total, Bytes row, Bytes request, std::uint32_t word_bytes) {
        std::vector<Piece> pieces;
        std::set<Bytes> words;
        bool open = false;
        for (Bytes byte = 0; byte < total; ++byte) {
            if (!open) {
                pieces.push_back({byte, 0, static_cast<std::uint32_t>(words.size()), 0});
                open = true;
            }
            Piece& piece = pieces.back();
            ++piece.bytes;
            if (words.insert(byte / word_bytes).second) {
                ++piece.words;
            }
            const bool row_ends = (byte + 1) % row == 0;
            open = piece.bytes < request && !(row_ends && (row > request || piece.bytes + row > request));
        }
        return pieces;
    }

    /// A command comes in the current cycle, after `begin_cycle`.
    void accept(const BufferRegion& buffer, Bytes total, Bytes row) {
        Work work;
        work.buffer = buffer;
        work.pieces = cut(total, row, config_.request_bytes, word_bytes_);
        commands_.push_back(work);
    }
    void stream_finished(Cycles waited) {
        port_conflict += waited;
        const Job job = *moving_;
        moving_.reset();
        if (load_) {
            finish(job);
        } else {
            to_memory_.push_back(job);
        }
    }
    /// What is over at the start of a cycle, after the SRAM's streams: answers, commands.
    void begin_cycle(Cycles cycle) {
        for (auto it = in_memory_.begin(); it != in_memory_.end();) {
            if (it->left > 0) {
                ++it;
                continue;
            }
            refreshing += std::min(waited_, answers_[it->request].refresh);
            waited_ = 0;
            if (load_) {
                to_sram_.push_back(it->job);
            } else {
                finish(it->job);
            }
            it = in_memory_.erase(it);
        }
        while (load_ && !moving_ && !to_sram_.empty()) {
            const Job job = to_sram_.front();
            to_sram_.pop_front();
            move_words(job);
        }
        while (oldest_ < commands_.size() && commands_[oldest_].done == commands_[oldest_].pieces.size()) {
            commands_[oldest_++].complete = cycle;
            ++complete_now;
        }
    }
    /// What begins in the cycle, after commands have come.
    void step(Cycles cycle) {
        const bool sram_free = load_ || !moving_;
        if (next_ < commands_.size() && free_lines_ > 0 && sram_free) {
            --free_lines_;
            Work& work = commands_[next_];
            const Job job{next_, work.begun++};
            next_ += work.begun == work.pieces.size() ? 1 : 0;
            words += work.pieces[job.piece].words;
            if (load_) {
                to_memory_.push_back(job);
            } else {
                move_words(job);
            }
        }
        if (!to_memory_.empty()) {
            const Job job = to_memory_.front();
            to_memory_.pop_front();
            in_memory_.push_back({job, requests.size(), answers_[requests.size()].latency});
            requests.push_back({cycle, job.command, commands_[job.command].pieces[job.piece]});
        }
        const bool works = oldest_ < commands_.size();
        states.push_back(!works ? UnitState::drained : moving_ ? UnitState::busy : UnitState::dram);
        lines.push_back(config_.outstanding - free_lines_);
        waited_ = states.back() == UnitState::dram ? waited_ + 1 : 0;
        for (InMemory& request : in_memory_) {
            --request.left;
        }
    }

    bool idle() const { return oldest_ == commands_.size(); }
    std::size_t in_flight() const { return commands_.size() - oldest_; }
    Cycles complete(std::size_t command) const { return commands_[command].complete; }
    /// All cycles so far by state.
    ActivityCounts counts() const {
        ActivityCounts counts;
        for (const UnitState state : states) {
            ++counts[state];
        }
        counts[UnitState::busy] -= port_conflict;
        counts[UnitState::port_conflict] = port_conflict;
        counts[UnitState::dram] -= refreshing;
        counts[UnitState::refresh] = refreshing;
        return counts;
    }

    std::vector<Request> requests;
    std::vector<UnitState> states;     ///< by cycle; busy and dram as they look at the time
    std::vector<std::uint64_t> lines;  ///< line buffers in use, by cycle
    std::uint64_t words = 0;
    Cycles port_conflict = 0;
    Cycles refreshing = 0;
    std::size_t complete_now = 0;

  private:
    struct Work {
        BufferRegion buffer;
        std::vector<Piece> pieces;
        std::size_t begun = 0;
        std::size_t done = 0;
        Cycles complete = 0;
    };
    struct Job {
        std::size_t command;
        std::size_t piece;
    };
    struct InMemory {
        Job job;
        std::size_t request;
        Cycles left;
    };

    void finish(const Job& job) {
        ++commands_[job.command].done;
        ++free_lines_;
    }
    void move_words(const Job& job) {
        const Work& work = commands_[job.command];
        const Piece& piece = work.pieces[job.piece];
        if (piece.words > 0) {
            moving_ = job;
            sram_.start(load_ ? SramClientId::dma_load : SramClientId::dma_store,
                        {work.buffer.where, work.buffer.first_word + piece.first_word, piece.words}, load_);
        } else if (load_) {
            finish(job);
        } else {
            to_memory_.push_back(job);
        }
    }

    bool load_;
    DmaConfig config_;
    std::uint32_t word_bytes_;
    GoldenSram& sram_;
    const std::vector<PlannedAnswer>& answers_;
    std::uint64_t free_lines_;
    std::vector<Work> commands_;
    std::size_t oldest_ = 0;  ///< first command not complete
    std::size_t next_ = 0;    ///< first command with requests to begin
    std::vector<InMemory> in_memory_;
    std::deque<Job> to_sram_;
    std::deque<Job> to_memory_;
    std::optional<Job> moving_;
    Cycles waited_ = 0;  ///< dram cycles just before this one, since the last answer
};

}  // namespace palimpsest
