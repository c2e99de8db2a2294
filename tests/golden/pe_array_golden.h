#pragma once
// Golden model of the PE array: every PE with its registers, stepped clock by clock on real INT8 data as
// docs/blocks/pe_array.md writes it. No cycle formula: when something happens follows from what the registers hold.

#include <compare>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/command.h"

namespace palimpsest {

/// A product with its data: `streaming` is stream_rows x reduction, `stationary` is reduction x outputs, row by row.
struct GoldenProduct {
    GemmCommand command;
    Cycles arrival = 0;
    std::vector<std::int8_t> streaming;
    std::vector<std::int8_t> stationary;
};

struct GoldenAccess {
    BufferId buffer{};
    std::uint8_t half = 0;
    std::uint32_t bank = 0;
    Cycles cycle = 0;
    auto operator<=>(const GoldenAccess&) const = default;
};

struct GoldenOutcome {
    std::vector<std::int32_t> result;  ///< stream_rows x outputs
    Cycles done = 0;                   ///< cycle after the last result
    std::vector<GoldenAccess> reads;
    std::uint64_t macs = 0, weight_shifts = 0, hops = 0, accumulator_accesses = 0;
};

class GoldenPeArray {
  public:
    GoldenPeArray(const PeArrayConfig& array, const BuffersConfig& buffers)
        : array_(array), buffers_{buffers.weight, buffers.activation, buffers.kv, buffers.score} {}

    std::vector<GoldenOutcome> run(const std::vector<GoldenProduct>& products) {
        products_ = &products;
        outcomes_.assign(products.size(), {});
        for (std::size_t p = 0; p < products.size(); ++p) {
            const GemmCommand& c = products[p].command;
            outcomes_[p].result.assign(c.stream_rows * c.outputs, 0);
            const std::uint64_t reduction_folds =
                is_os(p) ? (c.stream_rows + rows() - 1) / rows() : (c.reduction + rows() - 1) / rows();
            for (std::uint64_t n = 0; n < c.outputs; n += columns()) {
                for (std::uint64_t inner = 0; inner < reduction_folds; ++inner) {
                    folds_.push_back({p, inner, n, inner + 1 == reduction_folds && n + columns() >= c.outputs});
                }
            }
        }
        pes_.assign(rows() * columns(), {});
        load_skew_.assign(columns(), {});
        row_skew_.assign(rows(), {});
        top_skew_.assign(columns(), {});
        for (std::size_t i = 0; i < columns(); ++i) {
            load_skew_[i].resize(i);
            top_skew_[i].resize(i);
        }
        for (std::size_t i = 0; i < rows(); ++i) {
            row_skew_[i].resize(i);
        }
        for (cycle_ = 0; out_ < folds_.size() || drain_left_ > 0; ++cycle_) {
            step();
        }
        return outcomes_;
    }

  private:
    struct Fold {
        std::size_t product;
        std::uint64_t inner;         ///< reduction fold; output stationary: row fold
        std::uint64_t first_column;  ///< of the outputs
        bool last_of_product;
        std::uint64_t results = 0;  ///< partial sums that have left the array (padding too)
    };
    struct Weight {
        bool present = false, real = false;
        std::int8_t value = 0;
        std::uint32_t row = 0;
        std::size_t fold = 0;
    };
    struct Operand {
        bool present = false, real = false, first = false, last = false;
        std::int8_t value = 0;
        std::size_t fold = 0;
        std::uint64_t row = 0;  ///< of the streamed operand
    };
    struct Pe {
        std::int8_t active = 0, shadow = 0;
        bool active_real = false, shadow_real = false;
        Weight down;           ///< weight on its way to a lower row
        Operand right;         ///< operand for the neighbour
        Operand below;         ///< output stationary: operand for the PE below
        std::int32_t sum = 0;  ///< partial sum for the PE below; output stationary: the accumulator
        std::int32_t drain = 0;
    };

    std::size_t rows() const { return array_.rows; }
    std::size_t columns() const { return array_.columns; }
    bool is_os(std::size_t product) const {
        return (*products_)[product].command.dataflow == Dataflow::output_stationary;
    }
    const GemmCommand& command_of(const Fold& f) const { return (*products_)[f.product].command; }

    // ---- operands in the buffers ----

    std::uint64_t words_a_row(const GemmCommand& c, const BufferRegion& region, std::size_t bytes) const {
        const std::uint32_t word = buffers_[static_cast<std::size_t>(region.where.buffer)].word_bytes;
        return c.operands_on_chip_only ? 1 : (bytes + word - 1) / word;
    }
    std::uint32_t word_bytes(const GemmCommand& c, const BufferRegion& region) const {
        return c.operands_on_chip_only ? 1U << 30 : buffers_[static_cast<std::size_t>(region.where.buffer)].word_bytes;
    }
    void access(std::size_t product, const BufferRegion& region, std::uint64_t word) {
        if ((*products_)[product].command.operands_on_chip_only) {
            return;
        }
        const BufferConfig& b = buffers_[static_cast<std::size_t>(region.where.buffer)];
        const auto bank = static_cast<std::uint32_t>((region.first_word + word) / (b.bank_bytes / b.word_bytes));
        outcomes_[product].reads.push_back({region.where.buffer, region.where.half, bank, cycle_});
    }
    /// Whether the operands of two products (or of one) lie in a common bank.
    bool share_bank(const GemmCommand& a, const GemmCommand& b) const {
        if (a.operands_on_chip_only || b.operands_on_chip_only || !(a.stationary.where == b.streaming.where)) {
            return false;
        }
        const BufferConfig& buffer = buffers_[static_cast<std::size_t>(a.stationary.where.buffer)];
        const std::uint64_t bank = buffer.bank_bytes / buffer.word_bytes;
        const std::uint64_t a_rows =
            (a.reduction + rows() - 1) / rows() * rows() * ((a.outputs + columns() - 1) / columns());
        const std::uint64_t a_words = a_rows * words_a_row(a, a.stationary, columns());
        const std::uint64_t b_rows = (b.reduction + rows() - 1) / rows() * b.stream_rows;
        const std::uint64_t b_words = b_rows * words_a_row(b, b.streaming, rows());
        for (std::uint64_t word = 0; word < a_words; ++word) {
            const std::uint64_t in = (a.stationary.first_word + word) / bank;
            if (in >= b.streaming.first_word / bank && in <= (b.streaming.first_word + b_words - 1) / bank) {
                return true;
            }
        }
        return false;
    }

    // ---- one clock ----

    void step() {
        edge_columns_.assign(columns(), {});
        edge_rows_.assign(rows(), {});
        edge_tops_.assign(columns(), {});
        if (out_ < folds_.size() && is_os(folds_[out_].product)) {
            feed_output_stationary();
        } else {
            feed_stream();  // first: a load may begin in the cycle in which the fold before sends its first row
            feed_load();
        }
        for (std::size_t c = 0; c < columns(); ++c) {
            delay(load_skew_[c], edge_columns_[c]);
            delay(top_skew_[c], edge_tops_[c]);
        }
        for (std::size_t r = 0; r < rows(); ++r) {
            delay(row_skew_[r], edge_rows_[r]);
        }
        clock_pes();
    }

    template <class T>
    static void delay(std::deque<T>& line, T& value) {
        line.push_back(value);
        value = line.front();
        line.pop_front();
    }

    bool may_begin_load() const {
        const Fold& next = folds_[loading_];
        const GoldenProduct& product = (*products_)[next.product];
        if (product.arrival > cycle_ || is_os(next.product)) {
            return false;
        }
        if (loading_ == 0 || out_ == loading_) {
            return true;  // the array is empty
        }
        const Fold& before = folds_[loading_ - 1];
        if (!array_.double_buffered_weights || is_os(before.product) || first_rows_entered_ < loading_) {
            return false;
        }
        if (before.product == next.product) {
            return !share_bank(product.command, product.command);
        }
        const bool all_read = streamed_ >= loading_ && (streamed_ > loading_ || streamed_in_ < cycle_);
        return all_read || !share_bank(product.command, command_of(before));
    }

    void feed_load() {
        if (loading_ == folds_.size() || (load_word_ == 0 && !may_begin_load())) {
            return;
        }
        const Fold& fold = folds_[loading_];
        const GoldenProduct& product = (*products_)[fold.product];
        const GemmCommand& c = product.command;
        const std::uint64_t row_words = words_a_row(c, c.stationary, columns());
        const std::uint64_t row = load_word_ / row_words;
        const std::uint64_t part = load_word_ % row_words;
        if (fold.inner == 0 && fold.first_column == 0 && load_word_ == 0) {
            stationary_word_ = 0;
        }
        access(fold.product, c.stationary, stationary_word_++);
        for (std::size_t column = 0; column < columns(); ++column) {
            if (column / word_bytes(c, c.stationary) != part) {
                continue;
            }
            const std::uint64_t k = fold.inner * rows() + row;
            const std::uint64_t n = fold.first_column + column;
            Weight& w = edge_columns_[column];
            w.present = true;
            w.row = static_cast<std::uint32_t>(row);
            w.fold = loading_;
            w.real = k < c.reduction && n < c.outputs;
            w.value = w.real ? product.stationary[k * c.outputs + n] : std::int8_t{0};
        }
        if (++load_word_ == row_words * rows()) {
            load_word_ = 0;
            ++loading_;
            loaded_in_ = cycle_;
        }
    }

    void feed_stream() {
        if (stream_word_ == 0) {
            const bool loaded = streamed_ < loading_ && (streamed_ + 1 < loading_ || loaded_in_ < cycle_);
            if (!loaded) {
                return;
            }
        }
        const Fold& fold = folds_[streamed_];
        const GoldenProduct& product = (*products_)[fold.product];
        const GemmCommand& c = product.command;
        const std::uint64_t row_words = words_a_row(c, c.streaming, rows());
        const std::uint64_t m = stream_word_ / row_words;
        access(fold.product, c.streaming, fold.inner * c.stream_rows * row_words + stream_word_);
        if (stream_word_ % row_words == row_words - 1) {  // the whole row is there and enters
            for (std::size_t r = 0; r < rows(); ++r) {
                const std::uint64_t k = fold.inner * rows() + r;
                Operand& o = edge_rows_[r];
                o.present = true;
                o.real = k < c.reduction;
                o.value = o.real ? product.streaming[m * c.reduction + k] : std::int8_t{0};
                o.first = m == 0;
                o.fold = streamed_;
                o.row = m;
            }
            first_rows_entered_ = streamed_ + 1;
        }
        if (++stream_word_ == row_words * c.stream_rows) {
            stream_word_ = 0;
            ++streamed_;
            streamed_in_ = cycle_;
        }
    }

    void feed_output_stationary() {
        const Fold& fold = folds_[out_];
        const GoldenProduct& product = (*products_)[fold.product];
        const GemmCommand& c = product.command;
        if (product.arrival > cycle_ || os_fed_ > out_) {
            return;
        }
        const std::uint64_t k = stream_word_;
        access(fold.product, c.stationary, fold.first_column / columns() * c.reduction + k);
        access(fold.product, c.streaming, fold.inner * c.reduction + k);
        for (std::size_t r = 0; r < rows(); ++r) {
            const std::uint64_t m = fold.inner * rows() + r;
            const bool real = m < c.stream_rows;
            edge_rows_[r] = {true,
                             real,
                             k == 0,
                             k + 1 == c.reduction,
                             real ? product.streaming[m * c.reduction + k] : std::int8_t{0},
                             out_,
                             m};
        }
        for (std::size_t col = 0; col < columns(); ++col) {
            const std::uint64_t n = fold.first_column + col;
            const bool real = n < c.outputs;
            edge_tops_[col] = {true, real, false, false, real ? product.stationary[k * c.outputs + n] : std::int8_t{0},
                               out_, 0};
        }
        if (++stream_word_ == c.reduction) {
            stream_word_ = 0;
            os_fed_ = out_ + 1;
            loading_ = streamed_ = first_rows_entered_ = out_ + 1;
        }
    }

    void clock_pes() {
        shift_drain();
        const std::vector<Pe> old = pes_;
        const auto at = [&](std::size_t r, std::size_t c) -> const Pe& { return old[r * columns() + c]; };
        std::size_t fold_out = folds_.size();
        for (std::size_t r = 0; r < rows(); ++r) {
            for (std::size_t c = 0; c < columns(); ++c) {
                const Pe& was = at(r, c);
                Pe& pe = pes_[r * columns() + c];
                const Operand in = c == 0 ? edge_rows_[r] : at(r, c - 1).right;
                const Operand top = r == 0 ? edge_tops_[c] : at(r - 1, c).below;
                const Weight weight = r == 0 ? edge_columns_[c] : at(r - 1, c).down;
                // Weights travel down one row a cycle; each is kept by the row it is for.
                pe.down = weight;
                if (weight.present) {
                    ++outcomes_[folds_[weight.fold].product].weight_shifts;
                    if (weight.row == r) {
                        pe.shadow = weight.value;
                        pe.shadow_real = weight.real;
                        pe.down = {};
                    }
                }
                pe.right = in;
                pe.below = top;
                if (!in.present) {
                    continue;
                }
                GoldenOutcome& outcome = outcomes_[folds_[in.fold].product];
                outcome.hops += in.real && c + 1 < columns() ? 1 : 0;
                if (top.present) {
                    outcome.hops += top.real && r + 1 < rows() ? 1 : 0;
                    outcome.macs += in.real && top.real ? 1 : 0;
                    pe.sum = (in.first ? 0 : was.sum) + in.value * top.value;
                    if (in.last && r + 1 == rows() && c + 1 == columns()) {
                        fold_out = in.fold;
                    }
                    continue;
                }
                // The first row of a fold swaps the weight in as it passes.
                const std::int8_t used = in.first ? was.shadow : was.active;
                const bool used_real = in.first ? was.shadow_real : was.active_real;
                pe.active = used;
                pe.active_real = used_real;
                outcome.macs += in.real && used_real ? 1 : 0;
                pe.sum = (r == 0 ? 0 : at(r - 1, c).sum) + in.value * used;
                if (r + 1 == rows()) {
                    accumulate(in, c, pe.sum);
                }
            }
        }
        if (fold_out < folds_.size()) {
            capture(fold_out);
        }
    }

    void accumulate(const Operand& in, std::size_t column, std::int32_t sum) {
        Fold& fold = folds_[in.fold];
        const GemmCommand& c = command_of(fold);
        GoldenOutcome& outcome = outcomes_[fold.product];
        const std::uint64_t n = fold.first_column + column;
        if (n < c.outputs) {
            std::int32_t& place = outcome.result[in.row * c.outputs + n];
            outcome.accumulator_accesses += fold.inner == 0 ? 1 : 2;
            place = (fold.inner == 0 ? 0 : place) + sum;
        }
        if (++fold.results == c.stream_rows * columns()) {
            leave(in.fold);
        }
    }

    void leave(std::size_t fold) {
        if (fold != out_) {
            throw std::logic_error("folds leave out of order");
        }
        ++out_;
        if (folds_[fold].last_of_product) {
            outcomes_[folds_[fold].product].done = cycle_ + 1;
        }
    }

    // ---- output stationary: results leave through drain registers while the next fold computes ----

    void capture(std::size_t fold) {
        if (drain_left_ != 0) {
            throw std::logic_error("results captured before those before them are out");
        }
        for (Pe& pe : pes_) {
            pe.drain = pe.sum;
        }
        drain_left_ = rows();
        draining_ = fold;
        leave(fold);
    }

    void shift_drain() {
        if (drain_left_ == 0) {
            return;
        }
        const Fold& fold = folds_[draining_];
        const GemmCommand& c = command_of(fold);
        const std::uint64_t m = fold.inner * rows() + drain_left_ - 1;
        for (std::size_t col = 0; col < columns(); ++col) {
            const std::uint64_t n = fold.first_column + col;
            if (m < c.stream_rows && n < c.outputs) {
                outcomes_[fold.product].result[m * c.outputs + n] = pes_[(rows() - 1) * columns() + col].drain;
                ++outcomes_[fold.product].accumulator_accesses;
            }
            for (std::size_t r = rows() - 1; r > 0; --r) {
                pes_[r * columns() + col].drain = pes_[(r - 1) * columns() + col].drain;
            }
        }
        --drain_left_;
    }

    PeArrayConfig array_;
    std::vector<BufferConfig> buffers_;
    const std::vector<GoldenProduct>* products_ = nullptr;
    std::vector<GoldenOutcome> outcomes_;
    std::vector<Fold> folds_;
    std::vector<Pe> pes_;
    std::vector<std::deque<Weight>> load_skew_;
    std::vector<std::deque<Operand>> row_skew_, top_skew_;
    std::vector<Weight> edge_columns_;
    std::vector<Operand> edge_rows_, edge_tops_;
    Cycles cycle_ = 0;
    std::size_t loading_ = 0;  ///< fold being loaded or next to load
    std::uint64_t load_word_ = 0;
    std::uint64_t stationary_word_ = 0;
    Cycles loaded_in_ = 0;      ///< cycle of the last word of the latest complete load
    std::size_t streamed_ = 0;  ///< folds whose rows have all been read
    Cycles streamed_in_ = 0;    ///< cycle of the last word of the latest of these
    std::uint64_t stream_word_ = 0;
    std::size_t first_rows_entered_ = 0;  ///< folds whose first row has entered
    std::size_t out_ = 0;                 ///< folds whose last result has left
    std::size_t os_fed_ = 0;
    std::size_t drain_left_ = 0;
    std::size_t draining_ = 0;
};

}  // namespace palimpsest
