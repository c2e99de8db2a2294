#pragma once
// The victim unit clock by clock, on scores: rows are added up, words stream through the comparators register by
// register, and victims come out at the end of the pipeline. From the per-cycle specification in docs/blocks/kv_mmu.md.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "palimpsest/types.h"

namespace palimpsest {

/// What the engine works on.
struct GoldenCommand {
    Cycles arrival = 0;
    std::uint32_t rows = 0, slots = 0, searches = 0, freed = 0;
    std::uint64_t vector = 0;
    bool spilled = false;
    bool returns = true;  ///< a spilled vector goes back to DRAM as soon as the command is complete
};

struct GoldenCounts {
    std::uint64_t score_reads = 0, score_writes = 0, adds = 0, compares = 0, table_writes = 0;
};

/// A slot as the comparators see it.
struct GoldenScore {
    std::uint64_t score = 0;
    std::uint64_t queries = 1;  ///< that could see the token; 1 where scores are not divided by it
    std::uint32_t position = 0;
    bool masked = false;  ///< protected, or holds no token
};

struct GoldenVictimShape {
    std::uint32_t lanes = 32;     ///< probabilities a cycle
    std::uint32_t per_word = 16;  ///< scores in a word
    bool tree = false;
    std::uint32_t latency = 4;             ///< running minimum: last word to victim
    std::uint32_t compares_per_stage = 2;  ///< tree
    std::uint64_t score_max = 0xFFFF;
};

class GoldenVictimUnit {
  public:
    explicit GoldenVictimUnit(const GoldenVictimShape& shape) : shape_(shape) {}

    /// Without scores: all are 0, the token in slot s has position s.
    void start(const GoldenCommand& command) {
        std::vector<GoldenScore> scores(command.slots);
        for (std::uint32_t slot = 0; slot < command.slots; ++slot) {
            scores[slot].position = slot;
        }
        start(command, scores, std::vector(command.rows, std::vector<std::uint64_t>(command.slots)));
    }
    /// `rows`: what is added, by row and slot.
    void start(const GoldenCommand& command, const std::vector<GoldenScore>& scores,
               const std::vector<std::vector<std::uint64_t>>& rows) {
        c_ = command;
        scores_ = scores;
        rows_ = rows;
        sums_.assign(c_.slots, 0);
        victims.clear();
        row_ = score_ = freed_ = 0;
        stage_ = c_.rows > 0 ? Stage::row : Stage::table;
        skip();
        if (stage_ == Stage::done) {
            stage_ = Stage::nothing;
        }
    }
    bool done() const { return stage_ == Stage::done; }
    void step() {
        switch (stage_) {
            case Stage::row:
                for (std::uint32_t lane = 0; lane < shape_.lanes && score_ < c_.slots; ++lane, ++score_) {
                    sums_[score_] += rows_[row_][score_];
                    ++counts.adds;
                }
                if (score_ == c_.slots) {
                    score_ = 0;
                    ++row_;
                }
                break;
            case Stage::update:
                ++counts.score_writes;
                for (std::uint32_t i = score_; i < c_.slots && i < score_ + shape_.per_word; ++i) {
                    scores_[i].score = std::min(scores_[i].score + sums_[i], shape_.score_max);
                }
                read_word(c_.searches > 0);
                break;
            case Stage::pass:
                read_word(true);
                break;
            case Stage::again:  // one word, then the winners
                if (again_ == 0) {
                    ++counts.score_reads;
                    enter_word(victims_word_);
                } else {
                    enter_winners((again_ - 1) * shape_.per_word);
                }
                ++again_;
                break;
            case Stage::tail:
                shape_.tree ? tick_tree() : reduce_lanes();
                ++waited_;
                break;
            case Stage::table:
                ++freed_;
                ++counts.table_writes;
                break;
            case Stage::nothing:
                stage_ = Stage::done;
                return;
            case Stage::done:
                return;
        }
        skip();
    }

    const std::vector<GoldenScore>& scores() const { return scores_; }
    GoldenCounts counts;
    std::vector<std::optional<std::uint32_t>> victims;  ///< slots, in the order they were found

  private:
    enum class Stage { row, update, tail, pass, again, table, nothing, done };
    struct Candidate {
        bool live = false;
        std::uint64_t score = 0, queries = 1;
        std::uint32_t position = 0, slot = 0;
    };
    /// What is in one register row of the tree.
    struct Wave {
        std::vector<Candidate> values;
        std::optional<std::uint32_t> word;  ///< of the store; none: winners
    };

    Candidate least(const Candidate& a, const Candidate& b) {
        ++counts.compares;
        if (!a.live || !b.live) {
            return a.live ? a : b;
        }
        const std::uint64_t left = a.score * b.queries, right = b.score * a.queries;
        return left < right || (left == right && a.position < b.position) ? a : b;
    }
    Candidate candidate(std::uint32_t slot) const {
        if (slot >= scores_.size() || scores_[slot].masked) {
            return {};
        }
        return {true, scores_[slot].score, scores_[slot].queries, scores_[slot].position, slot};
    }

    void read_word(bool search) {
        ++counts.score_reads;
        if (search) {
            enter_word(score_ / shape_.per_word);
        }
        score_ += shape_.per_word;
    }
    void enter_word(std::uint32_t word) {
        Wave wave{{}, word};
        for (std::uint32_t lane = 0; lane < shape_.per_word; ++lane) {
            wave.values.push_back(candidate(word * shape_.per_word + lane));
        }
        enter(wave);
    }
    void enter_winners(std::uint32_t first) {
        Wave wave;
        for (std::uint32_t lane = 0; lane < shape_.per_word; ++lane) {
            wave.values.push_back(first + lane < winners_.size() ? winners_[first + lane] : Candidate{});
        }
        enter(wave);
    }
    void enter(const Wave& wave) {
        if (shape_.tree) {
            tick_tree();
            tree_[0] = wave;
        } else {
            for (std::uint32_t lane = 0; lane < shape_.per_word; ++lane) {
                minima_[lane] = least(minima_[lane], wave.values[lane]);
            }
        }
    }
    /// A clock of the tree: the root takes what left it, every other register row what is before it.
    void tick_tree() {
        if (!tree_.back().values.empty()) {
            const Candidate value = tree_.back().values.front();
            best_ = least(best_, value);
            if (tree_.back().word) {
                winners_[*tree_.back().word] = value;
            }
        }
        for (std::size_t row = tree_.size() - 1; row > 0; --row) {
            tree_[row] = tree_[row - 1];
            for (std::uint32_t level = 0; level < shape_.compares_per_stage; ++level) {
                halve(tree_[row].values);
            }
        }
        tree_[0] = {};
    }
    void halve(std::vector<Candidate>& values) {
        std::vector<Candidate> next;
        for (std::size_t i = 0; i < values.size(); i += 2) {
            next.push_back(i + 1 < values.size() ? least(values[i], values[i + 1]) : values[i]);
        }
        values = next;
    }
    /// A clock of the running minimum's end: a share of the levels between the lanes.
    void reduce_lanes() {
        while (minima_.size() > 1 &&
               (waited_ + 1 == shape_.latency || minima_.size() * (waited_ + 1) > shape_.per_word)) {
            halve(minima_);
        }
    }

    void begin_search() {
        best_ = {};
        minima_.assign(shape_.per_word, {});
        waited_ = 0;
    }
    void end_search() {
        if (!shape_.tree) {
            waited_ = shape_.latency - 1;
            reduce_lanes();
            best_ = minima_.front();
        }
        victims.push_back(best_.live ? std::optional(best_.slot) : std::nullopt);
        victims_word_ = 0;
        if (best_.live) {
            scores_[best_.slot].masked = true;
            victims_word_ = best_.slot / shape_.per_word;
            if (shape_.tree) {
                winners_[victims_word_].live = false;
            }
        }
        if (freed_ < c_.freed) {
            ++freed_;
            ++counts.table_writes;
        }
    }
    std::uint32_t tail() const { return shape_.tree ? static_cast<std::uint32_t>(tree_.size()) : shape_.latency; }
    std::uint32_t words() const { return (c_.slots + shape_.per_word - 1) / shape_.per_word; }
    /// Leaves stages that have nothing more to do.
    void skip() {
        while (true) {
            if (stage_ == Stage::row && row_ == c_.rows) {
                stage_ = Stage::update;
                score_ = again_ = 0;
                std::size_t depth = 0, stages = 0;
                while ((std::size_t{1} << depth) < shape_.per_word) {
                    ++depth;
                }
                while (stages * shape_.compares_per_stage < depth) {
                    ++stages;
                }
                tree_.assign(stages + 1, {});
                winners_.assign(words(), {});
                begin_search();
            } else if ((stage_ == Stage::update || stage_ == Stage::pass) && score_ >= c_.slots) {
                stage_ = c_.searches > 0 ? Stage::tail : Stage::table;
            } else if (stage_ == Stage::again && (again_ - 1) * shape_.per_word >= words() && again_ > 0) {
                stage_ = Stage::tail;
            } else if (stage_ == Stage::tail && waited_ == tail()) {
                end_search();
                begin_search();
                score_ = again_ = 0;
                stage_ = victims.size() == c_.searches ? Stage::table : shape_.tree ? Stage::again : Stage::pass;
            } else if (stage_ == Stage::table && freed_ == c_.freed) {
                stage_ = Stage::done;
            } else {
                return;
            }
        }
    }

    GoldenVictimShape shape_;
    GoldenCommand c_;
    std::vector<GoldenScore> scores_;
    std::vector<std::vector<std::uint64_t>> rows_;
    std::vector<std::uint64_t> sums_;
    std::vector<Candidate> minima_, winners_;
    std::vector<Wave> tree_;  ///< [0]: the leaves' registers; back: the root's input
    Candidate best_;
    std::uint32_t row_ = 0, score_ = 0, waited_ = 0, again_ = 0, freed_ = 0;
    std::uint32_t victims_word_ = 0;
    Stage stage_ = Stage::done;
};

}  // namespace palimpsest
