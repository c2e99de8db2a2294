#include "engine/llama_engine.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/layer_functions.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// result (rows x outputs) = inputs (rows x width) times the transpose of weights (outputs x width).
void project(std::span<const float> inputs, std::span<const float> weights, std::span<float> result, std::size_t rows,
             std::size_t outputs, std::size_t width) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(rows), static_cast<blasint>(outputs),
                static_cast<blasint>(width), 1.0F, inputs.data(), static_cast<blasint>(width), weights.data(),
                static_cast<blasint>(width), 0.0F, result.data(), static_cast<blasint>(outputs));
}

}  // namespace

LlamaEngine::LlamaEngine(const LlamaWeights& weights, const LlamaEngineConfig& config)
    : weights_(weights), config_(config) {
    const ModelShape& s = weights_.shape;
    config_.context = config_.context == 0 ? s.max_positions : config_.context;
    config_.window = config_.window == 0 ? s.max_positions : config_.window;
    config_.chunk = std::clamp<std::uint32_t>(config_.chunk, 1, config_.context);

    const std::uint32_t pairs = s.head_dim / 2;
    cosines_.resize(std::size_t{config_.context} * pairs);
    sines_.resize(cosines_.size());
    for (std::uint32_t position = 0; position < config_.context; ++position) {
        for (std::uint32_t pair = 0; pair < pairs; ++pair) {
            const double frequency = std::pow(double{weights_.rope_theta}, -2.0 * pair / s.head_dim);
            const double angle = position * frequency;
            cosines_[std::size_t{position} * pairs + pair] = static_cast<float>(std::cos(angle));
            sines_[std::size_t{position} * pairs + pair] = static_cast<float>(std::sin(angle));
        }
    }
    keys_.assign(s.layers, std::vector<float>(std::size_t{config_.context} * s.kv_width()));
    values_ = keys_;

    const std::size_t chunk = config_.chunk;
    state_.resize(chunk * s.hidden);
    normed_.resize(chunk * s.hidden);
    projected_.resize(chunk * s.hidden);
    queries_.resize(chunk * s.q_width());
    mixed_.resize(chunk * s.q_width());
    gate_.resize(chunk * s.ffn_hidden);
    up_.resize(chunk * s.ffn_hidden);
    scores_.resize(chunk * std::min<std::size_t>(config_.context, config_.window + chunk));
}

void LlamaEngine::forward(std::span<const Token> tokens, std::span<float> logits, const AttentionObserver& observer) {
    const std::size_t vocabulary = shape().vocabulary;
    if (tokens.size() > config_.context - position_) {
        throw SimulationError(
            fmt::format("{} tokens follow {}, more than the context of {}", tokens.size(), position_, config_.context));
    }
    if (!logits.empty() && logits.size() != tokens.size() * vocabulary) {
        throw SimulationError("logits must have room for every token or none");
    }
    for (const Token token : tokens) {
        if (token >= vocabulary) {
            throw SimulationError(fmt::format("token {} is not in a vocabulary of {}", token, vocabulary));
        }
    }
    while (!tokens.empty()) {
        const std::size_t count = std::min<std::size_t>(tokens.size(), config_.chunk);
        forward_chunk(tokens.first(count), logits.empty() ? logits : logits.first(count * vocabulary), observer);
        tokens = tokens.subspan(count);
        logits = logits.empty() ? logits : logits.subspan(count * vocabulary);
    }
}

void LlamaEngine::forward_chunk(std::span<const Token> tokens, std::span<float> logits,
                                const AttentionObserver& observer) {
    const ModelShape& s = weights_.shape;
    const auto count = static_cast<std::uint32_t>(tokens.size());
    for (std::uint32_t i = 0; i < count; ++i) {
        std::ranges::copy(weights_.token_embedding.subspan(std::size_t{tokens[i]} * s.hidden, s.hidden),
                          state_.begin() + std::size_t{i} * s.hidden);
    }
    const std::span state(state_.data(), std::size_t{count} * s.hidden);
    const std::size_t cached = std::size_t{position_} * s.kv_width();
    const std::size_t added = std::size_t{count} * s.kv_width();
    for (std::uint32_t layer = 0; layer < s.layers; ++layer) {
        const LlamaLayerWeights& w = weights_.layers[layer];
        rms_norm(state, w.attention_norm, weights_.norm_epsilon, normed_);
        project(normed_, w.query, queries_, count, s.q_width(), s.hidden);
        const auto keys = std::span(keys_[layer]).subspan(cached, added);
        project(normed_, w.key, keys, count, s.kv_width(), s.hidden);
        project(normed_, w.value, std::span(values_[layer]).subspan(cached, added), count, s.kv_width(), s.hidden);
        rotate(queries_, s.q_width(), count);
        rotate(keys, s.kv_width(), count);
        attention(layer, count, observer);
        project(mixed_, w.output, projected_, count, s.hidden, s.q_width());
        add(state, projected_);

        rms_norm(state, w.ffn_norm, weights_.norm_epsilon, normed_);
        project(normed_, w.gate, gate_, count, s.ffn_hidden, s.hidden);
        project(normed_, w.up, up_, count, s.ffn_hidden, s.hidden);
        silu_gate(std::span(gate_).first(std::size_t{count} * s.ffn_hidden), up_);
        project(gate_, w.down, projected_, count, s.hidden, s.ffn_hidden);
        add(state, projected_);
    }
    if (!logits.empty()) {
        rms_norm(state, weights_.final_norm, weights_.norm_epsilon, normed_);
        project(normed_, weights_.classifier, logits, count, s.vocabulary, s.hidden);
    }
    position_ += count;
}

void LlamaEngine::attention(std::uint32_t layer, std::uint32_t count, const AttentionObserver& observer) {
    const ModelShape& s = weights_.shape;
    const auto first_seen = [this](std::uint32_t position) {
        return position + 1 > config_.window ? position + 1 - config_.window : 0;
    };
    const std::uint32_t first = first_seen(position_);  // by the chunk's first query, so by none earlier
    const std::uint32_t keys = position_ + count - first;
    const auto width = static_cast<blasint>(s.kv_width());
    const float scale = 1.0F / std::sqrt(static_cast<float>(s.head_dim));
    for (std::uint32_t head = 0; head < s.heads; ++head) {
        const std::size_t kv_offset = std::size_t{first} * s.kv_width() + head / s.group() * s.head_dim;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(count), static_cast<blasint>(keys),
                    static_cast<blasint>(s.head_dim), scale, queries_.data() + head * s.head_dim,
                    static_cast<blasint>(s.q_width()), keys_[layer].data() + kv_offset, width, 0.0F, scores_.data(),
                    static_cast<blasint>(keys));
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t position = position_ + i;
            const std::uint32_t seen = first_seen(position);
            const auto row = std::span(scores_).subspan(std::size_t{i} * keys, keys);
            const auto visible = row.subspan(seen - first, position + 1 - seen);
            softmax(visible);
            std::ranges::fill(row.first(seen - first), 0.0F);
            std::ranges::fill(row.subspan(position + 1 - first), 0.0F);
            if (observer) {
                observer(
                    {.layer = layer, .head = head, .position = position, .first_key = seen, .probabilities = visible});
            }
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(count),
                    static_cast<blasint>(s.head_dim), static_cast<blasint>(keys), 1.0F, scores_.data(),
                    static_cast<blasint>(keys), values_[layer].data() + kv_offset, width, 0.0F,
                    mixed_.data() + head * s.head_dim, static_cast<blasint>(s.q_width()));
    }
}

void LlamaEngine::rotate(std::span<float> vectors, std::uint32_t width, std::uint32_t count) const {
    const std::uint32_t head_dim = weights_.shape.head_dim;
    const std::size_t pairs = head_dim / 2;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t angles = (std::size_t{position_} + i) * pairs;
        for (std::uint32_t offset = 0; offset < width; offset += head_dim) {
            rotate_neighbours(vectors.subspan(std::size_t{i} * width + offset, head_dim),
                         std::span(cosines_).subspan(angles, pairs), std::span(sines_).subspan(angles, pairs));
        }
    }
}

double negative_log_likelihood(std::span<const float> logits, std::uint32_t token) {
    const float highest = *std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits) {
        sum += std::exp(double{logit} - highest);
    }
    return std::log(sum) - (double{logits[token]} - highest);
}

void set_engine_threads(unsigned threads) {
    openblas_set_num_threads(static_cast<int>(threads));
}

}  // namespace palimpsest
