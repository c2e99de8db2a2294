#include "attention/recorder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "engine/decoder_engine.h"
#include "engine/mapped_file.h"
#include "engine/model_files.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Token = Tokenizer::Token;

/// Blocks of about a megabyte at most, so that a reader needs little memory a layer; the engine works in the same
/// steps.
std::uint32_t rows_per_block(const ModelShape& shape, std::uint32_t window) {
    std::uint32_t rows = 64;
    while (rows > 8 && std::uint64_t{rows} * shape.heads * window > 1u << 20) {
        rows /= 2;
    }
    return rows;
}

std::string_view text_of(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::vector<std::vector<std::string>> pieces_of(const Tokenizer& tokenizer,
                                                const std::vector<TokenSequence>& sequences) {
    std::vector<std::vector<std::string>> pieces;
    for (const TokenSequence& sequence : sequences) {
        auto& texts = pieces.emplace_back();
        std::optional<Token> previous;
        for (const Token token : sequence) {
            texts.push_back(token == tokenizer.begin() ? "<s>" : tokenizer.decode(token, previous));
            previous = token;
        }
    }
    return pieces;
}

/// Writes the rows of a model with a full cache into a trace, one text at a time.
class RecordingCache final : public FullCache {
  public:
    RecordingCache(TraceWriter& writer, const TraceHeader& header)
        : FullCache(header.length, header.window), writer_(writer) {}

    void begin(std::uint32_t sequence) { sequence_ = sequence; }
    void observe(const AttentionRows& rows) override {
        for (std::uint32_t head = 0; head < rows.heads; ++head) {
            writer_.row(sequence_, rows.layer, head, rows.position,
                        rows.probabilities.subspan(std::size_t{head} * rows.columns, rows.columns));
        }
    }

  private:
    TraceWriter& writer_;
    std::uint32_t sequence_ = 0;
};

}  // namespace

RecordResult record_trace(const RecordRequest& request, const std::function<void(double)>& on_progress,
                          const std::atomic<bool>* interrupted) {
    const LoadedModel model = open_model(request.model);
    const ModelShape& shape = model.weights.shape;
    SequencePlan plan = request.plan;
    plan.length = plan.length == 0 ? shape.max_positions : plan.length;
    if (shape.positions == PositionEncoding::learned && plan.length > shape.max_positions) {
        throw InputError(
            "--length", "", fmt::format("{}", plan.length),
            fmt::format("at most {}: {} has learned that many positions", shape.max_positions, shape.name));
    }
    const auto sequences = read_sequences(request.text, *model.tokenizer, plan);

    const std::uint32_t window = std::min(plan.length, shape.max_positions);
    const MappedFile checkpoint(model.weight_file, "a checkpoint");
    const TraceHeader header{
        .model = shape.name,
        .checkpoint_hash = fmt::format("{:016x}", trace_checksum(text_of(checkpoint))),
        .layers = shape.layers,
        .heads = shape.heads,
        .kv_heads = shape.kv_heads,
        .head_dim = shape.head_dim,
        .vocabulary = shape.vocabulary,
        .sequences = plan.sequences,
        .length = plan.length,
        .window = window,
        .rows_per_block = rows_per_block(shape, window),
        .text = request.title.empty() ? std::filesystem::path(request.text).filename().string() : request.title,
        .licence = request.licence,
        .tool = fmt::format("palimpsest {}", PALIMPSEST_VERSION),
        .pieces = request.keep_text ? pieces_of(*model.tokenizer, sequences) : std::vector<std::vector<std::string>>{}};

    TraceWriter writer(request.out, header, request.compression);
    RecordingCache cache(writer, header);
    DecoderEngine engine(model.weights,
                         {.cells = plan.length, .positions = plan.length, .chunk = header.rows_per_block});
    double loss = 0;
    std::uint64_t predictions = 0;
    const double total = static_cast<double>(plan.sequences) * plan.length;
    for (std::uint32_t i = 0; i < plan.sequences; ++i) {
        engine.reset();
        cache.begin(i);
        const std::span<const Token> tokens(sequences[i]);
        const auto add_loss = [&](const LogitsBlock& block) {
            const std::uint32_t end = std::min(block.first_position + block.positions, plan.length - 1);
            for (std::uint32_t position = block.first_position; position < end; ++position) {
                if (const Token next = tokens[position + 1]; next != model.tokenizer->begin()) {
                    loss += negative_log_likelihood(block.row(0, position), next);
                    ++predictions;
                }
            }
        };
        const std::uint32_t chunk = engine.config().chunk;
        for (std::uint32_t first = 0; first < plan.length; first += chunk) {
            if (interrupted != nullptr && interrupted->load()) {
                throw SimulationError("interrupted: nothing was recorded");
            }
            engine.forward(tokens.subspan(first, std::min(chunk, plan.length - first)), cache, add_loss);
            if (on_progress) {
                on_progress((static_cast<double>(i) * plan.length + engine.position()) / total);
            }
        }
    }
    writer.finish();
    return {.header = header, .perplexity = predictions == 0 ? 0 : std::exp(loss / static_cast<double>(predictions))};
}

}  // namespace palimpsest
