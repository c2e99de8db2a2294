#include "attention/recorder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "engine/llama2c_checkpoint.h"
#include "engine/llama_engine.h"
#include "engine/mapped_file.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Token = BpeTokenizer::Token;

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

std::vector<std::vector<std::string>> pieces_of(const BpeTokenizer& tokenizer,
                                                const std::vector<std::vector<Token>>& sequences) {
    std::vector<std::vector<std::string>> pieces;
    for (const auto& sequence : sequences) {
        auto& texts = pieces.emplace_back();
        Token previous = BpeTokenizer::kUnknown;
        for (const Token token : sequence) {
            texts.push_back(token == BpeTokenizer::kBegin ? "<s>" : std::string(tokenizer.decode(token, previous)));
            previous = token;
        }
    }
    return pieces;
}

/// The sum of -ln p of `next` after each of the tokens that `logits` belong to, begin marks left out.
struct TextLoss {
    double sum = 0;
    std::uint64_t tokens = 0;

    void add(std::span<const float> logits, std::span<const Token> next, std::size_t vocabulary) {
        for (std::size_t i = 0; i < next.size(); ++i) {
            if (next[i] != BpeTokenizer::kBegin) {
                sum += negative_log_likelihood(logits.subspan(i * vocabulary, vocabulary), next[i]);
                ++tokens;
            }
        }
    }
    double perplexity() const { return tokens == 0 ? 0 : std::exp(sum / static_cast<double>(tokens)); }
};

}  // namespace

RecordResult record_trace(const RecordRequest& request, const std::function<void(double)>& on_progress,
                          const std::atomic<bool>* interrupted) {
    const LlamaWeights weights = read_llama2c_checkpoint(request.checkpoint);
    const ModelShape& shape = weights.shape;
    const BpeTokenizer tokenizer = BpeTokenizer::read(request.tokenizer, shape.vocabulary);
    SequencePlan plan = request.plan;
    plan.length = plan.length == 0 ? shape.max_positions : plan.length;

    std::vector<std::vector<Token>> documents;
    for (const std::string& document : split_documents(text_of(MappedFile(request.text, "a text file")))) {
        documents.push_back(tokenizer.encode(document));
    }
    const auto sequences = cut_sequences(documents, plan, request.text);

    const std::uint32_t window = std::min(plan.length, shape.max_positions);
    const MappedFile checkpoint(request.checkpoint, "a checkpoint");
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
        .pieces = request.keep_text ? pieces_of(tokenizer, sequences) : std::vector<std::vector<std::string>>{}};

    // Small products gain nothing from a second thread.
    set_engine_threads(shape.hidden >= 1024 ? 2 : 1);
    TraceWriter writer(request.out, header, request.compression);
    LlamaEngine engine(weights, {.context = plan.length, .window = window, .chunk = header.rows_per_block});
    std::vector<float> logits(std::size_t{engine.chunk()} * shape.vocabulary);
    TextLoss loss;
    const double total = static_cast<double>(plan.sequences) * plan.length;
    for (std::uint32_t i = 0; i < plan.sequences; ++i) {
        engine.reset();
        const std::span<const Token> tokens(sequences[i]);
        for (std::size_t first = 0; first < tokens.size(); first += engine.chunk()) {
            if (interrupted != nullptr && interrupted->load()) {
                throw SimulationError("interrupted: nothing was recorded");
            }
            const auto chunk = tokens.subspan(first, std::min<std::size_t>(engine.chunk(), tokens.size() - first));
            engine.forward(
                chunk, std::span(logits).first(chunk.size() * shape.vocabulary),
                [&](const AttentionRow& row) { writer.row(i, row.layer, row.head, row.position, row.probabilities); });
            const std::size_t following = std::min(chunk.size(), tokens.size() - first - 1);
            loss.add(logits, tokens.subspan(first + 1, following), shape.vocabulary);
            if (on_progress) {
                on_progress((static_cast<double>(i) * plan.length + static_cast<double>(first + chunk.size())) / total);
            }
        }
    }
    writer.finish();
    return {.header = header, .perplexity = loss.perplexity()};
}

}  // namespace palimpsest
