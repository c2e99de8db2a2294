#pragma once
// Commands through the engine with two row accumulators, cycle by cycle: the prefetcher of docs/blocks/kv_mmu.md.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "golden/kv_mmu_timing_golden.h"

namespace palimpsest {

class GoldenPrefetcher {
  public:
    GoldenPrefetcher(const std::vector<GoldenCommand>& commands, const GoldenVictimUnit& unit, Picoseconds period_ps,
                     std::function<Picoseconds(std::size_t)> latency_ps)
        : commands_(commands), unit_(unit), period_(period_ps), latency_(std::move(latency_ps)) {}

    GoldenCommandRun run() {
        for (now_ = 0; out_.complete.size() < commands_.size(); ++now_) {
            while (arrived_ < commands_.size() && commands_[arrived_].arrival <= now_) {
                ++arrived_;
            }
            take_answers();
            if (working_ && unit_.done()) {
                complete();
            }
            const std::size_t oldest = out_.complete.size();
            if (!working_ && oldest < arrived_) {
                move_scores_for(commands_[oldest]);
                if (can_start(commands_[oldest])) {
                    start(commands_[oldest]);
                }
            }
            if (oldest + 1 < arrived_ && (working_ || where_is(commands_[oldest])) && commands_[oldest + 1].spilled) {
                move_scores_for(commands_[oldest + 1]);
            }
            if (working_) {
                ++out_.busy;
                unit_.step();
            } else if (oldest < arrived_) {
                ++out_.dram;
            }
        }
        out_.counts = unit_.counts;
        return out_;
    }

  private:
    /// What a row has: nothing of its own (perhaps what DRAM has too), a vector on its way in, one that is there,
    /// the one that is worked on, one that DRAM does not have, one on its way out.
    enum class Has { nothing, incoming, arrived, worked_on, newer, outgoing };
    struct Row {
        Has has = Has::nothing;
        std::optional<std::uint64_t> vector;
        std::uint32_t unsaved = 0;
        std::size_t stamp = 0;
        Picoseconds due = 0;
    };

    void take_answers() {
        for (Row& row : rows_) {
            if (row.due > now_ * period_) {
                continue;
            }
            if (row.has == Has::incoming) {
                row.has = Has::arrived;
            } else if (row.has == Has::outgoing) {
                row.has = Has::nothing;
                row.unsaved = 0;
            }
        }
    }
    void send(Row& row, bool write, std::uint32_t slots) {
        row.has = write ? Has::outgoing : Has::incoming;
        row.due = now_ * period_ + latency_(out_.transfers.size());
        row.stamp = ++stamps_;
        out_.transfers.push_back({now_, write, *row.vector, slots});
    }
    Row* where_is(const GoldenCommand& c) {
        for (Row& row : rows_) {
            if (c.rows > 0 && c.spilled && row.vector == c.vector) {
                return &row;
            }
        }
        return nullptr;
    }
    /// The row that is of no use, or of use to nobody for longest.
    Row* spare() {
        Row* a = rows_[0].has == Has::nothing ? &rows_[0] : nullptr;
        Row* b = rows_[1].has == Has::nothing ? &rows_[1] : nullptr;
        if (a == nullptr || b == nullptr) {
            return a == nullptr ? b : a;
        }
        if (!a->vector || !b->vector) {
            return a->vector ? b : a;
        }
        return a->stamp < b->stamp ? a : b;
    }
    void move_scores_for(const GoldenCommand& c) {
        if (c.rows == 0 || where_is(c) != nullptr) {
            return;
        }
        if (Row* row = spare()) {
            if (c.spilled) {
                *row = {};
                row->vector = c.vector;
                send(*row, false, c.slots);
            }
            return;
        }
        if (rows_[0].has == Has::outgoing || rows_[1].has == Has::outgoing) {
            return;
        }
        Row* leaves = nullptr;
        for (Row& row : rows_) {
            if (row.has == Has::newer && (leaves == nullptr || row.stamp < leaves->stamp)) {
                leaves = &row;
            }
        }
        if (leaves != nullptr) {
            send(*leaves, true, leaves->unsaved);
        }
    }
    bool can_start(const GoldenCommand& c) {
        if (c.rows == 0) {
            return true;
        }
        if (!c.spilled) {
            return spare() != nullptr;
        }
        const Row* row = where_is(c);
        return row != nullptr && (row->has == Has::nothing || row->has == Has::arrived || row->has == Has::newer);
    }
    void start(const GoldenCommand& c) {
        working_ = true;
        unit_.start(c);
        row_ = c.rows == 0 ? nullptr : c.spilled ? where_is(c) : spare();
        if (row_ != nullptr) {
            row_->has = Has::worked_on;
            if (!c.spilled) {
                row_->vector.reset();
            }
        }
    }
    void complete() {
        const GoldenCommand& c = commands_[out_.complete.size()];
        working_ = false;
        out_.complete.push_back(now_);
        if (row_ == nullptr) {
            return;
        }
        if (!c.spilled) {
            row_->has = Has::nothing;
            return;
        }
        row_->unsaved = std::max(row_->unsaved, c.slots);
        if (c.returns) {
            send(*row_, true, row_->unsaved);
        } else {
            row_->has = Has::newer;
            row_->stamp = ++stamps_;
        }
    }

    const std::vector<GoldenCommand>& commands_;
    GoldenVictimUnit unit_;
    Picoseconds period_;
    std::function<Picoseconds(std::size_t)> latency_;
    GoldenCommandRun out_;
    Cycles now_ = 0;
    std::size_t arrived_ = 0, stamps_ = 0;
    bool working_ = false;
    Row rows_[2];
    Row* row_ = nullptr;
};

}  // namespace palimpsest
