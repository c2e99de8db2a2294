#include "engine/decoder_engine.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>

#include "engine/layer_functions.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::size_t kTileValues = 1 << 18;  ///< weights converted at once: 1 MB of floats stays in a core's L2
constexpr std::size_t kLogitValues = std::size_t{8} << 20;  ///< shown at once, unless one position has more

blasint blas(std::size_t n) {
    return static_cast<blasint>(n);
}

/// result (rows x `result_width`, from its first column on) = inputs (rows x matrix.inputs) times matrix's transpose.
void multiply(std::span<const float> inputs, const WeightMatrix& matrix, float* result, std::size_t result_width,
              std::vector<float>& tile) {
    const float* weights = reinterpret_cast<const float*>(matrix.data);
    std::size_t stride = matrix.stride;
    if (matrix.type != WeightType::f32) {
        tile.resize(std::size_t{matrix.outputs} * matrix.inputs);
        convert_rows(matrix, 0, matrix.stored_rows(), tile);
        weights = tile.data();
        stride = matrix.stored_columns();
    }
    const std::size_t rows = inputs.size() / matrix.inputs;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, matrix.transposed ? CblasNoTrans : CblasTrans, blas(rows),
                blas(matrix.outputs), blas(matrix.inputs), 1.0F, inputs.data(), blas(matrix.inputs), weights,
                blas(stride), 0.0F, result, blas(result_width));
}

/// Outputs a worker takes at once: a piece's weights fit its cache, and a small matrix is still shared out. The same
/// for any number of workers, since how a product is cut changes its rounding.
std::uint32_t outputs_a_piece(const WeightMatrix& matrix) {
    constexpr std::uint32_t kKernel = 16;  // columns that matrix kernels work on
    constexpr std::uint32_t kLeastPieces = 8;
    const auto fitting = static_cast<std::uint32_t>(kTileValues / matrix.inputs);
    return std::max(std::min(fitting, matrix.outputs / kLeastPieces) / kKernel * kKernel, kKernel);
}

/// Without a branch on the data, so that compilers may take several values at once.
bool all_finite(std::span<const float> values) {
    constexpr std::uint32_t kMagnitude = 0x7fff'ffff, kInfinity = 0x7f80'0000;
    std::uint32_t largest = 0;
    for (const float value : values) {
        largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & kMagnitude);
    }
    return largest < kInfinity;
}

/// What policies and sums would make of such numbers is anything.
[[noreturn]] void refuse_numbers(const std::string& where, std::uint32_t position) {
    throw InputError({}, where, fmt::format("what is computed is infinite or no number, at position {}", position),
                     "weights that are finite, and not too large for single precision");
}

bool in_one_piece(std::span<const std::uint32_t> cells) {
    for (std::size_t i = 1; i < cells.size(); ++i) {
        if (cells[i] != cells[0] + i) {
            return false;
        }
    }
    return true;
}

/// The cells' vectors one behind the other: where they lie, if they do, or copied into `gathered`.
const float* gather(const float* store, std::span<const std::uint32_t> cells, std::size_t width,
                    std::vector<float>& gathered) {
    if (in_one_piece(cells)) {
        return store + cells[0] * width;
    }
    gathered.resize(cells.size() * width);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::copy_n(store + cells[i] * width, width, gathered.data() + i * width);
    }
    return gathered.data();
}

}  // namespace

DecoderEngine::DecoderEngine(const DecoderWeights& weights, const DecoderEngineConfig& config)
    : weights_(weights), config_(config), pool_(config.threads) {
    const ModelShape& s = weights_.shape;
    config_.cells = config_.cells == 0 ? s.max_positions : config_.cells;
    config_.positions = config_.positions == 0 ? s.max_positions : config_.positions;
    config_.chunk = std::clamp<std::uint32_t>(config_.chunk, 1, config_.positions);
    config_.threads = pool_.workers();
    scratch_.resize(pool_.workers());
    openblas_set_num_threads(1);  // work is shared out here

    if (s.positions == PositionEncoding::rope) {
        const std::uint32_t pairs = s.head_dim / 2;
        cosines_.resize(std::size_t{config_.positions} * pairs);
        sines_.resize(cosines_.size());
        for (std::size_t i = 0; i < cosines_.size(); ++i) {
            const double frequency =
                std::pow(double{weights_.rope_theta}, -2.0 * static_cast<double>(i % pairs) / s.head_dim);
            const std::size_t position = i / pairs;
            const double angle = static_cast<double>(position) * frequency;
            cosines_[i] = static_cast<float>(std::cos(angle));
            sines_[i] = static_cast<float>(std::sin(angle));
        }
    } else if (config_.positions > s.max_positions) {
        throw SimulationError(fmt::format("texts of {} tokens for a model with {} learned positions", config_.positions,
                                          s.max_positions));
    }
    std::size_t cells = 0;
    for (std::uint32_t text = 0; text < config_.texts; ++text) {
        first_cell_.push_back(cells);
        cells += cells_a_head(text);
    }
    keys_.assign(s.layers, std::vector<float>(cells * s.kv_width()));
    values_ = keys_;

    const std::size_t rows = std::size_t{config_.texts} * config_.chunk;
    state_.resize(rows * s.hidden);
    normed_.resize(rows * s.hidden);
    projected_.resize(rows * s.hidden);
    queries_.resize(rows * s.q_width());
    mixed_.resize(rows * s.q_width());
    new_keys_.resize(rows * s.kv_width());
    new_values_.resize(rows * s.kv_width());
    up_.resize(rows * s.ffn_hidden);
    if (s.activation == Activation::silu_gated) {
        gate_.resize(rows * s.ffn_hidden);
    }
}

void DecoderEngine::forward(std::span<const Token> tokens, CacheHook& hook, const LogitsObserver& on_logits) {
    const auto count = static_cast<std::uint32_t>(tokens.size() / config_.texts);
    if (std::size_t{count} * config_.texts != tokens.size()) {
        throw SimulationError(fmt::format("{} tokens for {} texts", tokens.size(), config_.texts));
    }
    if (count > config_.positions - position_) {
        throw SimulationError(fmt::format("{} tokens follow {}, more than the {} there is room for", count, position_,
                                          config_.positions));
    }
    for (const Token token : tokens) {
        if (token >= shape().vocabulary) {
            throw SimulationError(fmt::format("token {} is not in a vocabulary of {}", token, shape().vocabulary));
        }
    }
    for (std::uint32_t first = 0; first < count; first += config_.chunk) {
        forward_chunk(tokens, first, std::min(count - first, config_.chunk), count, hook, on_logits);
    }
}

void DecoderEngine::forward_chunk(std::span<const Token> tokens, std::uint32_t first, std::uint32_t count,
                                  std::uint32_t tokens_a_text, CacheHook& hook, const LogitsObserver& on_logits) {
    const ModelShape& s = weights_.shape;
    const std::size_t rows = std::size_t{config_.texts} * count;
    const std::span state(state_.data(), rows * s.hidden);
    for (std::size_t row = 0; row < rows; ++row) {
        const Token token = tokens[row / count * tokens_a_text + first + row % count];
        const auto into = state.subspan(row * s.hidden, s.hidden);
        convert_rows(weights_.token_embedding, token, 1, into);
        if (!weights_.position_embedding.empty()) {
            const std::span encoding(projected_.data(), s.hidden);
            convert_rows(weights_.position_embedding, position_ + static_cast<std::uint32_t>(row % count), 1, encoding);
            add(into, encoding);
        }
    }
    const auto of = [rows](std::vector<float>& buffer, std::size_t width) {
        return std::span(buffer.data(), rows * width);
    };
    for (std::uint32_t l = 0; l < s.layers; ++l) {
        const DecoderLayerWeights& layer = weights_.layers[l];
        normalise(layer.attention_norm, state);
        const auto normed = of(normed_, s.hidden);
        project(layer.query, normed, of(queries_, s.q_width()));
        project(layer.key, normed, of(new_keys_, s.kv_width()));
        project(layer.value, normed, of(new_values_, s.kv_width()));
        pool_.run((config_.texts + config_.group - 1) / config_.group, [&](std::size_t group, unsigned worker) {
            const auto begin = static_cast<std::uint32_t>(group) * config_.group;
            for (std::uint32_t text = begin; text < std::min(begin + config_.group, config_.texts); ++text) {
                attend(l, text, count, hook, scratch_[worker]);
            }
        });
        project(layer.output, of(mixed_, s.q_width()), of(projected_, s.hidden));
        add(state, projected_);
        feed_forward(layer, rows);
    }
    if (on_logits) {
        show_logits(count, on_logits);
    }
    position_ += count;
}

void DecoderEngine::attend(std::uint32_t layer, std::uint32_t text, std::uint32_t count, CacheHook& hook,
                           Scratch& scratch) {
    const ModelShape& s = weights_.shape;
    scratch.cells.resize(s.kv_heads);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t position = position_ + i;
        const std::size_t row = std::size_t{text} * count + i;
        rotate(std::span(queries_).subspan(row * s.q_width(), s.q_width()), position);
        rotate(std::span(new_keys_).subspan(row * s.kv_width(), s.kv_width()), position);
        hook.place(text, layer, position, scratch.cells);
        std::uint32_t columns = 0;
        for (std::uint32_t head = 0; head < s.kv_heads; ++head) {
            if (scratch.cells[head] >= cells_a_head(text)) {
                throw SimulationError(fmt::format("a token is placed in cell {} of {} of text {}", scratch.cells[head],
                                                  cells_a_head(text), text));
            }
            const std::size_t at = std::size_t{scratch.cells[head]} * s.head_dim;
            std::copy_n(&new_keys_[row * s.kv_width() + head * s.head_dim], s.head_dim,
                        cells_of(keys_, layer, text, head) + at);
            std::copy_n(&new_values_[row * s.kv_width() + head * s.head_dim], s.head_dim,
                        cells_of(values_, layer, text, head) + at);
            const auto cells = hook.attended(text, layer, position, head);
            columns = static_cast<std::uint32_t>(cells.size());
            attend_head(layer, text, row, head, cells, scratch);
        }
        if (!all_finite(std::span(mixed_).subspan(row * s.q_width(), s.q_width()))) {
            refuse_numbers(fmt::format("attention of layer {}", layer), position);
        }
        const std::size_t size = std::size_t{s.heads} * columns;
        hook.observe({.text = text,
                      .layer = layer,
                      .position = position,
                      .heads = s.heads,
                      .columns = columns,
                      .probabilities = std::span<const float>(scratch.probabilities).first(size),
                      .logits = std::span<const float>(scratch.logits).first(size)});
    }
}

void DecoderEngine::attend_head(std::uint32_t layer, std::uint32_t text, std::size_t row, std::uint32_t kv_head,
                                std::span<const std::uint32_t> cells, Scratch& scratch) {
    const ModelShape& s = weights_.shape;
    const std::size_t columns = cells.size();
    scratch.logits.resize(std::max(scratch.logits.size(), s.heads * columns));
    scratch.probabilities.resize(scratch.logits.size());
    const float* keys = gather(cells_of(keys_, layer, text, kv_head), cells, s.head_dim, scratch.keys);
    const float* values = gather(cells_of(values_, layer, text, kv_head), cells, s.head_dim, scratch.values);
    const std::size_t head_offset = row * s.q_width() + std::size_t{kv_head} * s.group() * s.head_dim;
    const std::span logits = std::span(scratch.logits).subspan(kv_head * s.group() * columns, s.group() * columns);
    const std::span probabilities =
        std::span(scratch.probabilities).subspan(kv_head * s.group() * columns, s.group() * columns);
    const float scale = 1.0F / std::sqrt(static_cast<float>(s.head_dim));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas(s.group()), blas(columns), blas(s.head_dim), scale,
                queries_.data() + head_offset, blas(s.head_dim), keys, blas(s.head_dim), 0.0F, logits.data(),
                blas(columns));
    std::ranges::copy(logits, probabilities.begin());
    for (std::size_t query = 0; query < s.group(); ++query) {
        softmax(probabilities.subspan(query * columns, columns));
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas(s.group()), blas(s.head_dim), blas(columns), 1.0F,
                probabilities.data(), blas(columns), values, blas(s.head_dim), 0.0F, mixed_.data() + head_offset,
                blas(s.head_dim));
}

void DecoderEngine::feed_forward(const DecoderLayerWeights& layer, std::size_t rows) {
    const ModelShape& s = weights_.shape;
    const std::span state(state_.data(), rows * s.hidden);
    const std::span normed(normed_.data(), rows * s.hidden);
    const std::span inner(up_.data(), rows * s.ffn_hidden);
    normalise(layer.ffn_norm, state);
    project(layer.up, normed, inner);
    switch (s.activation) {
        case Activation::silu_gated: {
            const std::span gate(gate_.data(), rows * s.ffn_hidden);
            project(layer.gate, normed, gate);
            silu_gate(gate, inner);
            project(layer.down, gate, std::span(projected_.data(), rows * s.hidden));
            break;
        }
        case Activation::gelu:
            gelu(inner, weights_.exact_gelu);
            project(layer.down, inner, std::span(projected_.data(), rows * s.hidden));
            break;
        case Activation::relu:
            std::ranges::for_each(inner, [](float& x) { x = std::max(x, 0.0F); });
            project(layer.down, inner, std::span(projected_.data(), rows * s.hidden));
            break;
    }
    add(state, projected_);
}

void DecoderEngine::show_logits(std::uint32_t count, const LogitsObserver& on_logits) {
    const ModelShape& s = weights_.shape;
    const std::size_t texts = config_.texts;
    const auto block =
        static_cast<std::uint32_t>(std::clamp<std::size_t>(kLogitValues / (texts * s.vocabulary), 1, count));
    normalise(weights_.final_norm, std::span(state_.data(), texts * count * s.hidden));
    const Linear classifier{weights_.classifier, {}};
    for (std::uint32_t first = 0; first < count; first += block) {
        const std::uint32_t positions = std::min(block, count - first);
        // The block's rows of all texts, side by side.
        const std::span rows(projected_.data(), texts * positions * s.hidden);
        for (std::size_t text = 0; text < texts; ++text) {
            std::copy_n(normed_.data() + (text * count + first) * s.hidden, std::size_t{positions} * s.hidden,
                        rows.data() + text * positions * s.hidden);
        }
        logits_.resize(std::max(logits_.size(), texts * positions * s.vocabulary));
        const std::span logits(logits_.data(), texts * positions * s.vocabulary);
        project(classifier, rows, logits);
        if (!all_finite(logits)) {
            refuse_numbers("the model's last layer or its classifier", position_ + first);
        }
        on_logits({.first_position = position_ + first,
                   .positions = positions,
                   .vocabulary = s.vocabulary,
                   .values = logits});
    }
}

void DecoderEngine::normalise(const Norm& norm, std::span<const float> rows) {
    if (norm.bias.empty()) {
        rms_norm(rows, norm.weight, weights_.norm_epsilon, normed_);
    } else {
        layer_norm(rows, norm.weight, norm.bias, weights_.norm_epsilon, normed_);
    }
}

void DecoderEngine::project(const Linear& linear, std::span<const float> rows, std::span<float> result) {
    const WeightMatrix& matrix = linear.weight;
    const std::size_t width = matrix.outputs;
    const std::uint32_t piece = outputs_a_piece(matrix);
    pool_.run((matrix.outputs + piece - 1) / piece, [&](std::size_t i, unsigned worker) {
        const auto first = static_cast<std::uint32_t>(i) * piece;
        const std::uint32_t count = std::min(piece, matrix.outputs - first);
        multiply(rows, cut_outputs(matrix, first, count), result.data() + first, width, scratch_[worker].tile);
        if (!linear.bias.empty()) {
            const std::span bias = std::span(linear.bias).subspan(first, count);
            for (std::size_t row = first; row < result.size(); row += width) {
                add(result.subspan(row, count), bias);
            }
        }
    });
}

void DecoderEngine::rotate(std::span<float> vectors, std::uint32_t position) const {
    if (weights_.shape.positions != PositionEncoding::rope) {
        return;
    }
    const std::size_t head_dim = weights_.shape.head_dim;
    const std::size_t pairs = head_dim / 2;
    const std::span cosines = std::span(cosines_).subspan(position * pairs, pairs);
    const std::span sines = std::span(sines_).subspan(position * pairs, pairs);
    for (std::size_t offset = 0; offset < vectors.size(); offset += head_dim) {
        const auto head = vectors.subspan(offset, head_dim);
        if (weights_.rotary_pairs == RotaryPairs::halves) {
            rotate_halves(head, cosines, sines);
        } else {
            rotate_neighbours(head, cosines, sines);
        }
    }
}

float* DecoderEngine::cells_of(std::vector<std::vector<float>>& store, std::uint32_t layer, std::uint32_t text,
                               std::uint32_t kv_head) const {
    const ModelShape& s = weights_.shape;
    const std::size_t first = first_cell_[text] * s.kv_heads + std::size_t{kv_head} * cells_a_head(text);
    return store[layer].data() + first * s.head_dim;
}

FullCache::FullCache(std::uint32_t cells, std::uint32_t window) : window_(window), positions_(cells) {
    std::iota(positions_.begin(), positions_.end(), 0U);
}

void FullCache::place(std::uint32_t, std::uint32_t, std::uint32_t position, std::span<std::uint32_t> cells) {
    std::ranges::fill(cells, position);
}

std::span<const std::uint32_t> FullCache::attended(std::uint32_t, std::uint32_t, std::uint32_t position,
                                                   std::uint32_t) {
    const std::uint32_t seen = std::min(window_, position + 1);
    return std::span(positions_).subspan(position + 1 - seen, seen);
}

double negative_log_likelihood(std::span<const float> logits, std::uint32_t token) {
    const float highest = *std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits) {
        sum += std::exp(double{logit} - highest);
    }
    return std::log(sum) - (double{logits[token]} - highest);
}

}  // namespace palimpsest
