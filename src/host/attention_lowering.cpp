#include "host/attention_lowering.h"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/array_timing.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "palimpsest/error.h"

namespace palimpsest {

namespace {

constexpr std::uint32_t kLogitBytes = 2;

}  // namespace

AttentionLowering::AttentionLowering(Lowering& lowering, const AttentionGeometry& geometry)
    : lowering_(lowering),
      g_(geometry),
      vector_bytes_(kv_vector_bytes(lowering.config.cache, {.head_dim = geometry.head_dim})),
      array_(lowering.config.hardware.pe_array),
      buffer_(lowering.config.hardware.buffers.kv),
      tile_tokens_(largest_tile()),
      cache_(std::size_t{geometry.requests} * geometry.kv_heads) {}

std::uint32_t kv_array_bytes(const CacheConfig& cache) {
    return std::max(1U, cache.kv_bits / 8);
}

std::uint32_t AttentionLowering::vector_words() const {
    const auto stored = static_cast<std::uint32_t>(vector_bytes_);
    return ceil_div(std::max(stored, key_elements()), lowering_.word_bytes());
}

std::uint32_t AttentionLowering::key_column(KvHeadId head) const {
    return g_.kv_heads * g_.group * g_.head_dim + head.value * key_elements();
}

std::uint32_t AttentionLowering::value_column(KvHeadId head) const {
    return g_.kv_heads * g_.group * g_.head_dim + (g_.kv_heads + head.value) * key_elements();
}

Block AttentionLowering::column_block(const AttentionStep& step, std::uint32_t column, std::uint32_t columns) {
    return {step.first_row, step.tokens, column, columns};
}

void AttentionLowering::lower(LayerId layer, Tensor& qkv, Tensor& output, std::span<const StepSegment> segments) {
    std::fill(cache_.begin(), cache_.end(), Hazard{});
    std::vector<AttentionStep> steps;
    std::vector<HeadWork> heads;  // by segment and KV head
    steps.reserve(segments.size());
    heads.reserve(segments.size() * g_.kv_heads);
    std::uint64_t row = 0;
    for (const StepSegment& segment : segments) {
        steps.push_back({layer, &qkv, &output, row, segment.tokens, segment.prefill});
        row += segment.tokens;
        for (std::uint32_t h = 0; h < g_.kv_heads; ++h) {
            HeadWork work;
            work.request = segment.request;
            work.head = KvHeadId{h};
            work.decision = segment.replay->decision(segment.replayed, layer, KvHeadId{h});
            work.scores = segment.replay->uses_scores();
            work.cached = work.decision.residents_before + (segment.prefill ? 0 : 1);
            work.own = segment.prefill ? segment.tokens : 0;
            heads.push_back(std::move(work));
        }
    }
    const auto write = [&](const AttentionStep& step, const HeadWork& work) {
        lowering_.program.label("kv_write", layer.value, work.request.value, work.head);
        write_tokens(step, work, false);
        write_tokens(step, work, true);
    };
    for (std::size_t i = 0; i < heads.size(); ++i) {
        if (const AttentionStep& step = steps[i / g_.kv_heads]; !step.prefill) {
            write(step, heads[i]);
        }
    }
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const AttentionStep& step = steps[i / g_.kv_heads];
        lower_head(step, heads[i]);
        if (step.prefill && heads[i].decision.placed && !heads[i].decision.placed->empty()) {
            write(step, heads[i]);
        }
    }
}

void AttentionLowering::lower_head(const AttentionStep& step, const HeadWork& work) {
    attend(step, work);
    update_cache(step, work);
}

std::uint64_t AttentionLowering::tile_words(std::uint64_t tokens) const {
    GemmCommand keys_stay;
    keys_stay.reduction = g_.head_dim;
    keys_stay.outputs = tokens * g_.kv_bytes;
    GemmCommand keys_stream;
    keys_stream.reduction = g_.head_dim;
    keys_stream.stream_rows = tokens * g_.kv_bytes;
    GemmCommand values_stay;
    values_stay.reduction = tokens;
    values_stay.outputs = key_elements();
    return std::max({tokens * vector_words(), lowering_.streamed_layout().words(tokens, key_elements(), 1),
                     stationary_words(keys_stay, array_, buffer_), streaming_words(keys_stream, array_, buffer_),
                     stationary_words(values_stay, array_, buffer_)});
}

std::uint32_t AttentionLowering::largest_tile() const {
    const std::uint32_t half =
        std::min(lowering_.buffers.kv_half_words(), lowering_.buffers.half_words(BufferId::activation));
    std::uint32_t tokens = half / vector_words();
    while (tokens > 0 && tile_words(tokens) > half) {
        // What a tile is padded by is less than one fold: come down by what is too much, then token by token.
        const std::uint64_t excess = tile_words(tokens) - half;
        const auto step = static_cast<std::uint32_t>(excess * tokens / tile_words(tokens) / 2);
        tokens -= std::max(1U, step);
    }
    if (tokens == 0) {
        throw InputError("", "hardware.buffers.kv.banks",
                         fmt::format("a key of {} elements takes {} words on a {} x {} array; half of the KV buffer or "
                                     "of the activation buffer has {}",
                                     g_.head_dim, tile_words(1), array_.rows, array_.columns, half),
                         "more or larger banks, or a smaller array");
    }
    return tokens;
}

std::vector<AttentionLowering::KeyTile> AttentionLowering::tiles_of(const HeadWork& work) const {
    const std::uint32_t most = tile_tokens_;
    std::vector<KeyTile> tiles;
    for (std::uint32_t first = 0; first < work.cached; first += most) {
        tiles.push_back({first, std::min(most, work.cached - first), false});
    }
    for (std::uint32_t first = 0; first < work.own; first += most) {
        tiles.push_back({first, std::min(most, work.own - first), true});
    }
    return tiles;
}

PlaceRing& AttentionLowering::key_ring(const HeadWork& work) {
    const std::uint32_t tokens = std::min(tile_tokens_, std::max(work.cached, work.own));
    return lowering_.buffers.divide_kv(static_cast<std::uint32_t>(tile_words(tokens)));
}

Operand AttentionLowering::load_tile(const AttentionStep& step, const HeadWork& work, const KeyTile& tile, bool value) {
    PlaceRing& ring = key_ring(work);
    if (tile.own) {
        Block block = column_block(step, value ? value_column(work.head) : key_column(work.head), key_elements());
        block.first_row += tile.first;
        block.rows = tile.tokens;
        return fetch(lowering_, *step.qkv, block, ring, Mechanism::attention);
    }
    Place& place = ring.next();
    const BufferRegion words = front_of(place, tile.tokens * vector_words());
    KvAccess access;
    access.request = work.request;
    access.layer = step.layer;
    access.head = work.head;
    access.value = value;
    access.first = tile.first;
    access.count = tile.tokens;
    Hazard& cache = cache_[work.request.value * g_.kv_heads + work.head.value];
    lowering_.program.emit(UnitId::dma_load, DmaCommand{access, words, Traffic::kv, false}, Mechanism::attention,
                           {&cache}, {&place.hazard});
    return {words, &place.hazard};
}

AttentionLowering::ScorePlan AttentionLowering::plan_scores(const std::vector<KeyTile>& tiles,
                                                            std::uint32_t query_rows) const {
    std::uint32_t keys = 0;
    for (const KeyTile& tile : tiles) {
        keys += tile.tokens;
    }
    const std::uint64_t key_rows = std::uint64_t{keys} * g_.kv_bytes;
    const std::uint32_t query_folds = ceil_div(query_rows, array_.columns);
    const std::uint64_t keys_stationary =
        ceil_div<std::uint64_t>(key_rows, array_.columns) * std::max(query_rows, array_.rows);
    const std::uint64_t queries_stationary = query_folds * std::max<std::uint64_t>(key_rows, array_.rows);
    ScorePlan plan;
    plan.keys_stream = queries_stationary <= keys_stationary;
    const std::uint32_t rows = plan.keys_stream ? array_.accumulator_rows / query_folds
                                                : array_.accumulator_rows / query_rows * array_.columns;
    plan.piece_tokens = rows / g_.kv_bytes;
    plan.one_piece = tiles.size() == 1 && keys <= plan.piece_tokens;
    if (plan.piece_tokens == 0) {
        return plan;
    }
    // Each piece's logits and each tile's probabilities begin in a word of their own.
    const BlockLayout logits = lowering_.vector_layout();
    const BlockLayout probabilities = lowering_.streamed_layout();
    for (const KeyTile& tile : tiles) {
        const std::uint32_t pieces = tile.tokens / plan.piece_tokens;
        plan.logit_words +=
            static_cast<std::uint32_t>(pieces * logits.words(query_rows, plan.piece_tokens, kLogitBytes) +
                                       logits.words(query_rows, tile.tokens - pieces * plan.piece_tokens, kLogitBytes));
        plan.probability_words += static_cast<std::uint32_t>(probabilities.words(query_rows, tile.tokens, 1));
    }
    return plan;
}

std::uint32_t AttentionLowering::queries_per_tile(const AttentionStep& step, const std::vector<KeyTile>& tiles) const {
    // Outputs fit half the accumulator, logits and probabilities half the score buffer each, queries and outputs that
    // lie in DRAM a staging place.
    const std::uint32_t output_folds = ceil_div(key_elements(), array_.columns);
    const std::uint32_t by_outputs = array_.accumulator_rows / output_folds / g_.group;
    const auto token_words =
        static_cast<std::uint32_t>(lowering_.streamed_layout().words(1, std::uint64_t{g_.group} * g_.head_dim, 1));
    const bool staged = !step.qkv->on_chip || !step.output->on_chip;
    const std::uint32_t by_staging = staged ? lowering_.buffers.staging_in().words_each() / token_words : step.tokens;
    std::uint32_t tokens = std::min({step.tokens, by_outputs, by_staging});
    const auto holds = [&](std::uint32_t query_tokens) {
        const ScorePlan plan = plan_scores(tiles, query_tokens * g_.group);
        return plan.piece_tokens > 0 && plan.probability_words <= lowering_.buffers.score_half_words() &&
               (plan.one_piece || plan.logit_words <= lowering_.buffers.score_half_words());
    };
    // The last tile may hold fewer queries.
    const auto fits = [&] {
        const std::uint32_t rest = step.tokens % tokens;
        return holds(tokens) && (rest == 0 || holds(rest));
    };
    while (tokens > 0 && !fits()) {
        --tokens;
    }
    if (tokens > 0) {
        return tokens;
    }
    if (by_outputs == 0) {
        throw InputError("", "hardware.pe_array.accumulator_rows", fmt::format("{}", array_.accumulator_rows),
                         fmt::format("{} or more: {} query heads of {} elements on {} columns", g_.group * output_folds,
                                     g_.group, key_elements(), array_.columns));
    }
    if (by_staging == 0) {
        throw InputError("", "hardware.buffers.activation.banks",
                         fmt::format("{} query heads of {} elements do not fit a staging place of {} words, an eighth "
                                     "of the buffer",
                                     g_.group, g_.head_dim, lowering_.buffers.staging_in().words_each()),
                         "more or larger activation banks");
    }
    std::uint32_t keys = 0;
    for (const KeyTile& tile : tiles) {
        keys += tile.tokens;
    }
    throw InputError("", "hardware.buffers.score.banks",
                     fmt::format("the scores of {} queries over {} keys do not fit half of the buffer ({} words)",
                                 g_.group, keys, lowering_.buffers.score_half_words()),
                     "more or larger score banks, more accumulator rows, or fewer tokens");
}

void AttentionLowering::attend(const AttentionStep& step, const HeadWork& work) {
    const std::vector<KeyTile> tiles = tiles_of(work);
    const std::uint32_t per_tile = queries_per_tile(step, tiles);
    resident_tiles_.clear();
    lowering_.program.label("attention", step.layer.value, work.request.value, work.head);
    // Loaded once for all query tiles where everything fits beside the next head's first tile.
    const bool keep = per_tile < step.tokens && tiles.size() * 2 < key_ring(work).size();
    if (keep) {
        for (const bool value : {false, true}) {
            for (const KeyTile& tile : tiles) {
                resident_tiles_.push_back(load_tile(step, work, tile, value));
            }
        }
    }
    for (std::uint32_t first = 0; first < step.tokens; first += per_tile) {
        attend_queries(step, work, tiles, first, std::min(per_tile, step.tokens - first));
    }
}

Operand AttentionLowering::tile_operand(const AttentionStep& step, const HeadWork& work, std::size_t index,
                                        const KeyTile& tile, bool value) {
    if (resident_tiles_.empty()) {
        return load_tile(step, work, tile, value);
    }
    return resident_tiles_[index + (value ? resident_tiles_.size() / 2 : 0)];
}

void AttentionLowering::scores_of(const Operand& queries, const Operand& keys, std::uint32_t query_rows,
                                  const Piece& piece, bool keys_stream, Hazard& sums) {
    const std::uint64_t key_rows = std::uint64_t{piece.tokens} * g_.kv_bytes;
    BufferRegion key_words = keys.region;
    key_words.first_word += piece.first * vector_words();
    GemmCommand product;
    product.reduction = g_.head_dim;
    product.stream_rows = keys_stream ? key_rows : query_rows;
    product.outputs = keys_stream ? query_rows : key_rows;
    product.stationary =
        array_operand(lowering_, keys_stream ? queries.region : key_words, stationary_words(product, array_, buffer_));
    product.streaming =
        array_operand(lowering_, keys_stream ? key_words : queries.region, streaming_words(product, array_, buffer_));
    lowering_.program.emit(UnitId::pe_array, product, Mechanism::attention, {queries.hazard, keys.hazard}, {&sums});
}

void AttentionLowering::attend_queries(const AttentionStep& step, const HeadWork& work,
                                       const std::vector<KeyTile>& tiles, std::uint32_t first_token,
                                       std::uint32_t tokens) {
    Program& program = lowering_.program;
    const std::uint32_t rows = tokens * g_.group;
    Block query_block = column_block(step, work.head.value * g_.group * g_.head_dim, g_.group * g_.head_dim);
    query_block.first_row += first_token;
    query_block.rows = tokens;
    const Operand queries =
        fetch(lowering_, *step.qkv, query_block, lowering_.buffers.staging_in(), Mechanism::attention);

    // Scores, piece by piece of keys; one piece goes from the accumulator straight through the softmax.
    const ScorePlan plan = plan_scores(tiles, rows);
    PlaceRing& score_ring = lowering_.buffers.divide_scores(
        plan.one_piece ? plan.probability_words : std::max(plan.logit_words, plan.probability_words));
    Place* logits = plan.one_piece ? nullptr : &score_ring.next();
    Place& probabilities = score_ring.next();

    VectorCommand softmax;
    softmax.kind = VectorKind::softmax;
    softmax.rows = rows;
    softmax.columns = work.cached + work.own;
    softmax.source_in_accumulator = plan.one_piece;
    softmax.destination = front_of(probabilities, plan.probability_words);
    Hazard* softmax_source = nullptr;
    std::uint32_t logit_word = 0;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        const Operand key_tile = tile_operand(step, work, t, tiles[t], false);
        for (std::uint32_t first = 0; first < tiles[t].tokens; first += plan.piece_tokens) {
            const Piece piece{tiles[t], first, std::min(plan.piece_tokens, tiles[t].tokens - first)};
            Hazard& sums = lowering_.buffers.next_accumulator();
            scores_of(queries, key_tile, rows, piece, plan.keys_stream, sums);
            if (plan.one_piece) {
                softmax_source = &sums;
                continue;
            }
            const auto words =
                static_cast<std::uint32_t>(lowering_.vector_layout().words(rows, piece.tokens, kLogitBytes));
            VectorCommand keep;
            keep.kind = VectorKind::requantise;
            keep.rows = rows;
            keep.columns = std::uint64_t{piece.tokens} * g_.kv_bytes;
            keep.source_in_accumulator = true;
            keep.destination = {logits->region.where, logits->region.first_word + logit_word, words};
            program.emit(UnitId::vector_unit, keep, Mechanism::attention, {&sums}, {&logits->hazard});
            logit_word += words;
        }
    }
    if (!plan.one_piece) {
        softmax.source = front_of(*logits, plan.logit_words);
        softmax_source = &logits->hazard;
    }
    program.emit(UnitId::vector_unit, softmax, Mechanism::attention, {softmax_source}, {&probabilities.hazard});
    probabilities_ = &probabilities.hazard;
    weigh_values(step, work, tiles, query_block, rows, probabilities);
}

void AttentionLowering::weigh_values(const AttentionStep& step, const HeadWork& work, const std::vector<KeyTile>& tiles,
                                     const Block& query_block, std::uint32_t rows, Place& probabilities) {
    // V is stationary, the probability rows stream, the sums build up over the tiles.
    Hazard& sums = lowering_.buffers.next_accumulator();
    std::uint32_t probability_word = probabilities.region.first_word;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        const Operand values = tile_operand(step, work, t, tiles[t], true);
        GemmCommand product;
        product.stream_rows = rows;
        product.reduction = tiles[t].tokens;
        product.outputs = key_elements();
        product.stationary = array_operand(lowering_, values.region, stationary_words(product, array_, buffer_));
        const auto words = static_cast<std::uint32_t>(streaming_words(product, array_, buffer_));
        product.streaming = {probabilities.region.where, probability_word, words};
        probability_word += words;
        lowering_.program.emit(UnitId::pe_array, product, Mechanism::attention, {values.hazard, &probabilities.hazard},
                               {&sums});
    }
    const Block output_block = query_block;  // the same rows, and the same columns of the output tensor
    const Operand result = destination(lowering_, *step.output, output_block);
    VectorCommand store;
    store.kind = VectorKind::requantise;
    store.rows = rows;
    store.columns = key_elements();
    store.source_in_accumulator = true;
    store.destination = result.region;
    lowering_.program.emit(UnitId::vector_unit, store, Mechanism::attention, {&sums}, {result.hazard});
    write_back(lowering_, *step.output, output_block, result, Mechanism::attention);
}

void AttentionLowering::update_cache(const AttentionStep& step, const HeadWork& work) {
    const CacheDecision& decision = work.decision;
    const bool frees = decision.freed && !decision.freed->empty();
    if (!work.scores && !frees) {
        return;
    }
    Hazard& cache = cache_[work.request.value * g_.kv_heads + work.head.value];
    KvCommand command;
    command.request = work.request;
    command.layer = step.layer;
    command.head = work.head;
    command.slots = work.cached + work.own;
    command.rows = work.scores ? step.tokens * g_.group : 0;
    command.searches = decision.searches;
    command.newest = decision.newest;
    command.recent = decision.recent;
    command.freed = decision.freed;
    lowering_.program.label("eviction", step.layer.value, work.request.value, work.head);
    // Slots are freed after the step's reads of them: the cache is written here.
    Hazard* no_rows = nullptr;
    lowering_.program.emit(UnitId::kv_mmu, std::move(command), Mechanism::eviction,
                           {work.scores ? probabilities_ : no_rows}, {frees ? &cache : nullptr});
    if (frees && lowering_.config.cache.storage == StorageMode::compact) {
        move_survivors(step, work);
    }
}

void AttentionLowering::move_survivors(const AttentionStep& step, const HeadWork& work) {
    // Residents behind the first victim move up to close the gaps; what moves passes the KV buffer.
    const CacheDecision& decision = work.decision;
    const std::uint32_t before = decision.residents_before + (step.prefill ? 0 : 1);
    const auto freed = static_cast<std::uint32_t>(decision.freed->size());
    const std::uint32_t gap = decision.first_freed_rank;
    const std::uint32_t survivors = before - freed - gap;
    if (survivors == 0) {
        return;
    }
    lowering_.program.label("compaction", step.layer.value, work.request.value, work.head);
    Hazard& cache = cache_[work.request.value * g_.kv_heads + work.head.value];
    const std::uint32_t most = std::max(1U, lowering_.buffers.kv_half_words() / vector_words());
    for (const bool value : {false, true}) {
        for (std::uint32_t done = 0; done < survivors; done += most) {
            KvAccess access;
            access.request = work.request;
            access.layer = step.layer;
            access.head = work.head;
            access.value = value;
            access.move = true;
            access.first = gap + freed + done;
            access.count = std::min(most, survivors - done);
            Place& place = lowering_.buffers.divide_kv(std::min(most, survivors) * vector_words()).next();
            const BufferRegion words = front_of(place, access.count * vector_words());
            lowering_.program.emit(UnitId::dma_load, DmaCommand{access, words, Traffic::kv, false}, Mechanism::eviction,
                                   {&cache}, {&place.hazard});
            access.first = gap + done;
            lowering_.program.emit(UnitId::dma_store, DmaCommand{access, words, Traffic::kv, true}, Mechanism::eviction,
                                   {&place.hazard}, {&cache});
        }
    }
}

Operand AttentionLowering::quantise(const Operand& source, std::uint32_t tokens) {
    Place& place = lowering_.buffers.staging_out().next();
    VectorCommand command;
    command.kind = VectorKind::requantise;
    command.rows = tokens;
    command.columns = g_.head_dim;
    command.source = source.region;
    command.destination =
        front_of(place, static_cast<std::uint32_t>(ceil_div<Bytes>(tokens * vector_bytes_, lowering_.word_bytes())));
    lowering_.program.emit(UnitId::vector_unit, command, Mechanism::attention, {source.hazard}, {&place.hazard});
    return {command.destination, &place.hazard};
}

void AttentionLowering::write_tokens(const AttentionStep& step, const HeadWork& work, bool value) {
    const auto& placed = work.decision.placed;
    if (!placed || placed->empty()) {
        return;
    }
    Hazard& cache = cache_[work.request.value * g_.kv_heads + work.head.value];
    const auto tokens = static_cast<std::uint32_t>(placed->size());
    const Block block = column_block(step, value ? value_column(work.head) : key_column(work.head), key_elements());
    const bool quantised = lowering_.config.cache.kv_bits == 4;
    std::uint32_t most = std::min(tile_tokens_, tokens);
    if (quantised) {
        most = std::min(most, lowering_.buffers.staging_out().words_each() / vector_words());
        if (most == 0) {
            throw InputError("", "hardware.buffers.activation.banks",
                             fmt::format("a quantised key of {} words does not fit a staging place of {} words, an "
                                         "eighth of the buffer",
                                         vector_words(), lowering_.buffers.staging_out().words_each()),
                             "more or larger activation banks");
        }
    }
    for (std::uint32_t first = 0; first < tokens; first += most) {
        const std::uint32_t count = std::min(most, tokens - first);
        Block part = block;  // survivors' rows; which ones does not matter to the words moved
        part.first_row += first;
        part.rows = count;
        // A tensor on chip needs no place; dividing for it would make the ring wait for its earlier users.
        PlaceRing& ring = step.qkv->on_chip ? lowering_.buffers.staging_in()
                                            : lowering_.buffers.divide_kv(step.qkv->words(most, key_elements()));
        Operand source = fetch(lowering_, *step.qkv, part, ring, Mechanism::attention);
        if (quantised) {
            source = quantise(source, count);
        }
        KvAccess access;
        access.request = work.request;
        access.layer = step.layer;
        access.head = work.head;
        access.value = value;
        access.count = count;
        access.placements = count == tokens ? placed
                                            : std::make_shared<const std::vector<KvPlacement>>(
                                                  placed->begin() + first, placed->begin() + first + count);
        lowering_.program.emit(UnitId::dma_store, DmaCommand{access, source.region, Traffic::kv, true},
                               Mechanism::attention, {source.hazard}, {&cache});
    }
}

}  // namespace palimpsest
