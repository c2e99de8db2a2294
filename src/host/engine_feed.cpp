#include "host/engine_feed.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"
#include "policy/slot_positions.h"

namespace palimpsest {
namespace {

std::uint32_t positions_of(const RunConfig& config) {
    return config.workload.prompt_tokens + config.workload.generated_tokens;
}

/// One text a request, or as many as there are.
std::vector<TokenSequence> read_texts(const RunConfig& config, const AttentionEngineSource& source,
                                      const LoadedModel& model) {
    const std::uint32_t length = positions_of(config);
    const ModelShape& shape = model.weights.shape;
    if (length > shape.max_positions) {
        throw InputError(
            {}, "workload.generated_tokens",
            fmt::format("{} after a prompt of {}", config.workload.generated_tokens, config.workload.prompt_tokens),
            fmt::format("{} positions in all, the context that {} was trained on, since attention.source "
                        "is \"engine\"",
                        shape.max_positions, shape.name));
    }
    return read_sequences(
        source.text, *model.tokenizer,
        {.sequences = config.workload.batch, .length = length, .skip_tokens = source.skip_tokens, .at_least = 1});
}

}  // namespace

EngineFeed::EngineFeed(const RunConfig& config, const AttentionEngineSource& source, bool with_logits)
    : model_(open_model(source.model)),
      simulated_(config.model),
      index_(model_.weights.shape, config.cache.scope),
      text_name_(source.text),
      with_logits_(with_logits),
      tokens_(read_texts(config, source, model_)),
      // Cells are positions: what a set moves or frees is no concern of the engine's.
      engine_(model_.weights, {.texts = texts(), .cells = positions_of(config), .positions = positions_of(config)}),
      views_(std::size_t{texts()} * index_.sets()),
      column_of_(positions_of(config)) {
    if (config.cache.policy == "oracle") {
        throw InputError({}, "cache.policy", "\"oracle\"",
                         "a policy that does not look ahead, since attention.source is \"engine\": what is evicted "
                         "changes the attention to come");
    }
}

std::uint32_t EngineFeed::view_of(RequestId request, LayerId layer, KvHeadId head) const {
    const ModelShape& engine = model_.weights.shape;
    const std::uint32_t engine_layer =
        static_cast<std::uint32_t>(std::uint64_t{layer.value} * engine.layers / simulated_.layers);
    return request.value % texts() * index_.sets() + index_.of(engine_layer, head.value % engine.kv_heads);
}

void EngineFeed::bind(std::vector<std::uint32_t> views) {
    for (std::uint32_t i = 0; i < views.size(); ++i) {
        if (views[i] != i || views.size() != views_.size()) {
            throw SimulationError("an engine needs one eviction set for each of its views");
        }
    }
}

void EngineFeed::prompt_chunk(std::uint32_t first, std::uint32_t count, std::span<EvictionSet> sets) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
        View& view = views_[i];
        view.attended.clear();
        std::ranges::remove_copy(sets[i].positions(), std::back_inserter(view.attended), SlotPositions::kFree);
        for (std::uint32_t position = first; position < first + count; ++position) {
            view.attended.push_back(position);
        }
    }
    read(first, count);
    for (std::size_t i = 0; i < sets.size(); ++i) {
        for (std::uint32_t position = first; position < first + count; ++position) {
            sets[i].add_prompt_token(TokenPosition(position));
            show(views_[i], position, sets[i]);
        }
    }
}

void EngineFeed::generated_token(std::uint32_t position, std::span<EvictionSet> sets) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
        // In slot order, but for the token itself, which comes last.
        std::vector<std::uint32_t>& attended = views_[i].attended;
        attended.clear();
        std::ranges::copy_if(sets[i].positions(), std::back_inserter(attended), [position](std::uint32_t resident) {
            return resident != SlotPositions::kFree && resident != position;
        });
        attended.push_back(position);
    }
    read(position, 1);
    for (std::size_t i = 0; i < sets.size(); ++i) {
        show(views_[i], position, sets[i]);
    }
}

void EngineFeed::read(std::uint32_t first, std::uint32_t count) {
    first_ = first;
    count_ = count;
    for (View& view : views_) {
        view.rows.resize(std::max<std::size_t>(view.rows.size(), count));
    }
    std::vector<std::uint32_t> tokens;
    tokens.reserve(std::size_t{count} * texts());
    for (const TokenSequence& text : tokens_) {
        tokens.insert(tokens.end(), text.begin() + first, text.begin() + first + count);
    }
    engine_.forward(tokens, *this);
}

std::size_t EngineFeed::columns(const View& view, std::uint32_t position) const {
    return view.attended.size() - (first_ + count_ - 1 - position);
}

void EngineFeed::place(std::uint32_t, std::uint32_t, std::uint32_t position, std::span<std::uint32_t> cells) {
    std::ranges::fill(cells, position);
}

std::span<const std::uint32_t> EngineFeed::attended(std::uint32_t text, std::uint32_t layer, std::uint32_t position,
                                                    std::uint32_t kv_head) {
    const View& of = view(text, layer, kv_head);
    return std::span(of.attended).first(columns(of, position));
}

void EngineFeed::observe(const AttentionRows& rows) {
    const std::uint32_t heads = rows.heads / index_.sets_a_layer();
    const std::size_t values = std::size_t{heads} * rows.columns;
    for (std::uint32_t i = 0; i < index_.sets_a_layer(); ++i) {
        RelevanceMean& mean = view(rows.text, rows.layer, i).rows[rows.position - first_];
        if (!index_.spans_layers() || rows.layer == 0) {
            mean.begin(rows.columns, with_logits_);
        }
        mean.add(rows.probabilities.subspan(i * values, values), rows.logits.subspan(i * values, values), heads);
    }
}

void EngineFeed::show(View& view, std::uint32_t position, EvictionSet& set) {
    const RelevanceRow row = view.rows[position - first_].row(TokenPosition(position));
    for (std::uint32_t column = 0; column < row.probabilities.size(); ++column) {
        column_of_[view.attended[column]] = column;
    }
    const std::span<const std::uint32_t> positions = set.positions();
    samples_.assign(positions.size(), 0);
    logits_.assign(with_logits_ ? positions.size() : 0, 0.0F);
    for (std::size_t slot = 0; slot < positions.size(); ++slot) {
        if (positions[slot] != SlotPositions::kFree) {
            samples_[slot] = row.probabilities[column_of_[positions[slot]]];
            if (with_logits_) {
                logits_[slot] = row.logits[column_of_[positions[slot]]];
            }
        }
    }
    set.observe({.probabilities = samples_, .logits = logits_, .query = TokenPosition(position)});
}

std::string EngineFeed::note() const {
    const ModelShape& engine = model_.weights.shape;
    std::string note = fmt::format("Closed loop: {} ({}) reads {} text{} of {} and attends to what the cache holds.",
                                   engine.name, model_.format, texts(), texts() == 1 ? "" : "s", text_name_);
    if (engine.layers != simulated_.layers || engine.kv_heads != simulated_.kv_heads) {
        note += fmt::format(
            " Of {} layers, l follows layer floor(l * {} / {}) of the engine's; KV head h follows h mod {}.",
            simulated_.layers, engine.layers, simulated_.layers, engine.kv_heads);
    }
    return note;
}

}  // namespace palimpsest
