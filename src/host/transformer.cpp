#include "host/transformer.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kResidualBytes = 2;
constexpr std::uint32_t kLogitBytes = 2;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA'14): which row of the embedding table a token is. Only the DRAM row it falls
/// into depends on it.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

Tensor shaped(std::uint64_t columns, std::uint32_t element_bytes, const BlockLayout& layout) {
    Tensor tensor;
    tensor.layout = layout;
    tensor.columns = columns;
    tensor.element_bytes = element_bytes;
    return tensor;
}

/// Queries are 8 bit, keys and values as wide as on the array.
std::uint64_t qkv_columns(const RunConfig& config) {
    return config.model.q_width() + 2ULL * config.model.kv_width() * kv_array_bytes(config.cache);
}

}  // namespace

AttentionGeometry attention_geometry(const RunConfig& config) {
    return {config.workload.batch, config.model.kv_heads, config.model.group(), config.model.head_dim,
            kv_array_bytes(config.cache)};
}

std::uint32_t prefill_chunk_tokens(const RunConfig& config) {
    return config.cache.prefill == PrefillMode::one_shot
               ? config.workload.prompt_tokens
               : std::min(config.cache.prefill_chunk, config.workload.prompt_tokens);
}

std::uint32_t serving_step_tokens(const RunConfig& config) {
    const std::uint32_t given = config.workload.requests->step_tokens;
    return given > 0 ? given : std::max(config.cache.prefill_chunk, config.workload.batch);
}

StepRoom largest_step(const RunConfig& config) {
    const std::uint32_t batch = config.workload.batch;
    if (config.workload.requests) {
        return {serving_step_tokens(config), batch};
    }
    return {std::uint64_t{batch} * std::max(1U, prefill_chunk_tokens(config)), batch};
}

ActivationMap map_activations(const RunConfig& config, DramAllocator& dram) {
    const ModelShape& model = config.model;
    const auto [rows, logits] = largest_step(config);
    ActivationMap map;
    map.residual = dram.take(rows * model.hidden * kResidualBytes, "the activations");
    map.normed = dram.take(rows * model.hidden, "the activations");
    map.qkv = dram.take(rows * qkv_columns(config), "the activations");
    map.attended = dram.take(rows * model.q_width(), "the activations");
    map.hidden = dram.take(rows * model.ffn_hidden, "the activations");
    map.last = dram.take(Bytes{logits} * model.hidden, "the logits");
    map.logits = dram.take(Bytes{logits} * model.vocabulary * kLogitBytes, "the logits");
    return map;
}

TransformerLowering::TransformerLowering(Lowering& lowering, const WeightMap& weights, DramAllocator& dram)
    : lowering_(lowering),
      model_(lowering.config.model),
      most_logits_(largest_step(lowering.config).logits),
      weights_(weights),
      attention_(lowering, attention_geometry(lowering.config)),
      residual_(shaped(model_.hidden, kResidualBytes, lowering.vector_layout())),
      normed_(shaped(model_.hidden, 1, lowering.streamed_layout())),
      qkv_(shaped(qkv_columns(lowering.config), 1, lowering.streamed_layout())),
      attended_(shaped(model_.q_width(), 1, lowering.streamed_layout())),
      hidden_(shaped(model_.ffn_hidden, 1, lowering.streamed_layout())),
      last_(shaped(model_.hidden, 1, lowering.streamed_layout())),
      logits_(shaped(model_.vocabulary, kLogitBytes, lowering.vector_layout())) {
    const ActivationMap map = map_activations(lowering.config, dram);
    residual_.address = map.residual;
    normed_.address = map.normed;
    qkv_.address = map.qkv;
    attended_.address = map.attended;
    hidden_.address = map.hidden;
    last_.address = map.last;
    logits_.address = map.logits;
}

void TransformerLowering::place_tensors(std::uint64_t rows) {
    if (placed_for_ == rows) {
        return;
    }
    placed_for_ = rows;
    lowering_.buffers.release_residents();
    last_.on_chip = lowering_.buffers.take_resident(last_.words(most_logits_, last_.columns));
    for (Tensor* tensor : {&normed_, &attended_, &residual_, &qkv_, &hidden_}) {
        tensor->rows = rows;
        tensor->on_chip = lowering_.buffers.take_resident(tensor->words());
    }
}

void TransformerLowering::prefill_chunk(const CacheReplay& replay, std::uint32_t first, std::uint32_t count, bool last,
                                        const LayerDone& done) {
    StepSegment segment;
    segment.first_position = first;
    segment.tokens = count;
    segment.prefill = true;
    segment.logits = last;
    whole_batch(replay, segment, done);
}

void TransformerLowering::generation_step(const CacheReplay& replay, std::uint32_t position, const LayerDone& done) {
    StepSegment segment;
    segment.first_position = position;
    segment.logits = true;
    whole_batch(replay, segment, done);
}

void TransformerLowering::whole_batch(const CacheReplay& replay, StepSegment segment, const LayerDone& done) {
    segment.replay = &replay;
    batch_.clear();
    for (std::uint32_t r = 0; r < lowering_.config.workload.batch; ++r) {
        segment.request = segment.replayed = RequestId{r};
        segment.text = r;
        batch_.push_back(segment);
    }
    step(batch_, done);
}

void TransformerLowering::step(std::span<const StepSegment> segments, const LayerDone& done) {
    rows_.clear();
    for (const StepSegment& segment : segments) {
        rows_.push_back({segment.request.value, segment.tokens});
    }
    place_tensors(rows_of(segments));
    embed(segments);
    for (std::uint32_t index = 0; index < model_.layers; ++index) {
        layer(segments, index);
        done(index + 1);
    }
    vocabulary(segments);
}

void TransformerLowering::embed(std::span<const StepSegment> segments) {
    const Bytes row_bytes = Bytes{model_.hidden} * model_.weight_bits / 8;
    const auto row_words = static_cast<std::uint32_t>(ceil_div<Bytes>(row_bytes, lowering_.word_bytes()));
    const bool learned = model_.positions == PositionEncoding::learned;
    const std::uint32_t in_words = row_words * (learned ? 2 : 1);
    const std::uint32_t out_words = residual_.on_chip ? 0 : residual_.words(1, residual_.columns);
    const std::uint32_t place_words = lowering_.buffers.staging_in().words_each();
    const std::uint32_t tile_words = std::max(in_words, out_words);
    if (tile_words > place_words) {
        throw InputError("", "hardware.buffers.activation.banks",
                         fmt::format("an embedding row of {} words does not fit a staging place of {} words, an eighth "
                                     "of the buffer",
                                     tile_words, place_words),
                         "more or larger activation banks");
    }
    const std::uint64_t tile_rows = place_words / tile_words;
    auto segment = segments.begin();
    std::uint64_t segment_row = 0;
    for (std::uint64_t row = 0; row < residual_.rows; row += tile_rows) {
        const std::uint64_t rows = std::min(tile_rows, residual_.rows - row);
        Place& place = lowering_.buffers.staging_in().next();
        std::uint32_t word = place.region.first_word;
        for (std::uint64_t i = row; i < row + rows; ++i) {
            if (i - segment_row == segment->tokens) {
                segment_row += segment->tokens;
                ++segment;
            }
            const std::uint64_t position = segment->first_position + (i - segment_row);
            lowering_.program.label("embedding", kNoLayer, segment->request.value);
            const std::uint64_t token =
                mix(lowering_.config.workload.seed ^ mix((std::uint64_t{segment->text} << 32) | position)) %
                model_.vocabulary;
            const auto load = [&](Bytes address) {
                lowering_.program.emit(UnitId::dma_load,
                                       DmaCommand{DramRegion{address, row_bytes, 1, row_bytes},
                                                  {place.region.where, word, row_words},
                                                  Traffic::weights,
                                                  false},
                                       Mechanism::projection, {}, {&place.hazard});
                word += row_words;
            };
            load(weights_.token_embedding + token * row_bytes);
            if (learned) {
                load(weights_.position_embedding + position * row_bytes);
            }
        }
        const Block block{row, rows, 0, residual_.columns};
        const Operand result = destination(lowering_, residual_, block);
        const BufferRegion source{place.region.where, place.region.first_word, word - place.region.first_word};
        lowering_.program.emit(UnitId::vector_unit,
                               VectorCommand{learned ? VectorKind::residual_add : VectorKind::copy, rows, model_.hidden,
                                             false, source, result.region},
                               Mechanism::projection, {&place.hazard}, {result.hazard});
        write_back(lowering_, residual_, block, result, Mechanism::projection);
    }
}

VectorKind TransformerLowering::norm() const {
    return model_.normalisation == Normalisation::layer_norm ? VectorKind::layer_norm : VectorKind::rms_norm;
}

void TransformerLowering::layer(std::span<const StepSegment> segments, std::uint32_t index) {
    const LayerWeights weights = weights_.layer(index);
    const auto normalise = [&](const char* label) {
        lowering_.program.label(label, index, 0);
        lower_rowwise(lowering_, norm(), residual_, normed_);
    };
    normalise("attention_norm");
    Projection qkv;
    qkv.label = "qkv";
    qkv.layer = index;
    qkv.input = &normed_;
    qkv.output = &qkv_;
    qkv.outputs = model_.q_width() + 2ULL * model_.kv_width();
    qkv.wide_from = model_.q_width();
    qkv.wide_columns = kv_array_bytes(lowering_.config.cache);
    qkv.weights = weights.qkv;
    qkv.rope_columns = model_.positions == PositionEncoding::rope ? model_.q_width() + model_.kv_width() : 0;
    lower_projection(lowering_, qkv, rows_);

    attention_.lower(LayerId{index}, qkv_, attended_, segments);

    Projection output;
    output.label = "attention_output";
    output.layer = index;
    output.input = &attended_;
    output.output = &residual_;
    output.outputs = model_.hidden;
    output.weights = weights.output;
    output.add_residual = true;
    lower_projection(lowering_, output, rows_);

    normalise("ffn_norm");
    Projection up;
    up.label = "ffn_up";
    up.layer = index;
    up.input = &normed_;
    up.output = &hidden_;
    up.columns_per_output = model_.activation == Activation::silu_gated ? 2 : 1;
    up.outputs = std::uint64_t{model_.ffn_hidden} * up.columns_per_output;
    up.weights = weights.up;
    up.epilogue = model_.activation == Activation::silu_gated ? VectorKind::silu_gate
                  : model_.activation == Activation::gelu     ? VectorKind::gelu
                                                              : VectorKind::relu;
    lower_projection(lowering_, up, rows_);

    Projection down;
    down.label = "ffn_down";
    down.layer = index;
    down.input = &hidden_;
    down.output = &residual_;
    down.outputs = model_.hidden;
    down.weights = weights.down;
    down.add_residual = true;
    lower_projection(lowering_, down, rows_);
}

void TransformerLowering::vocabulary(std::span<const StepSegment> segments) {
    std::vector<RowRun> newest;
    std::vector<RequestRows> requests;
    std::uint64_t end = 0;
    for (const StepSegment& segment : segments) {
        end += segment.tokens;
        if (!segment.logits) {
            continue;
        }
        if (!newest.empty() && newest.back().first + newest.back().rows == end - 1) {
            ++newest.back().rows;
        } else {
            newest.push_back({end - 1, 1});
        }
        requests.push_back({segment.request.value, 1});
    }
    if (requests.empty()) {
        return;
    }
    last_.rows = logits_.rows = requests.size();
    lowering_.program.label("final_norm", kNoLayer, 0);
    lower_rowwise(lowering_, norm(), residual_, newest, last_);
    Projection logits;
    logits.label = "vocabulary";
    logits.layer = kNoLayer;
    logits.input = &last_;
    logits.output = &logits_;
    logits.outputs = model_.vocabulary;
    logits.weights = weights_.vocabulary;
    lower_projection(lowering_, logits, requests);
}

}  // namespace palimpsest
