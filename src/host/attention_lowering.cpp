#include "host/attention_lowering.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

namespace {

constexpr std::uint32_t kLogitBytes = 2;

}  // namespace

AttentionLowering::AttentionLowering(Lowering& lowering, const AttentionGeometry& geometry)
    : lowering_(lowering),
      g_(geometry),
      accumulator_rows_(lowering.config.hardware.pe_array.accumulator_rows),
      array_rows_(lowering.config.hardware.pe_array.rows),
      array_columns_(lowering.config.hardware.pe_array.columns),
      cache_(std::size_t{geometry.requests} * geometry.kv_heads) {}

std::uint32_t AttentionLowering::vector_words() const {
    return ceil_div(g_.head_dim * g_.kv_bytes, lowering_.word_bytes());
}

std::uint32_t AttentionLowering::key_column(KvHeadId head) const {
    return (g_.kv_heads * g_.group + head.value) * g_.head_dim;
}

std::uint32_t AttentionLowering::value_column(KvHeadId head) const {
    return (g_.kv_heads * (g_.group + 1) + head.value) * g_.head_dim;
}

Block AttentionLowering::column_block(const AttentionStep& step, RequestId request, std::uint32_t column,
                                      std::uint32_t columns) const {
    return {std::uint64_t{request.value} * step.tokens, step.tokens, column, columns};
}

void AttentionLowering::lower(const AttentionStep& step, const CacheReplay& replay) {
    std::fill(cache_.begin(), cache_.end(), Hazard{});
    std::vector<HeadWork> heads;
    heads.reserve(cache_.size());
    for (std::uint32_t r = 0; r < g_.requests; ++r) {
        for (std::uint32_t h = 0; h < g_.kv_heads; ++h) {
            HeadWork work{RequestId{r}, KvHeadId{h}, 0, 0, replay.decision(RequestId{r}, step.layer, KvHeadId{h}),
                          replay.uses_scores()};
            work.cached = work.decision.residents_before + (step.prefill ? 0 : 1);
            work.own = step.prefill ? step.tokens : 0;
            heads.push_back(std::move(work));
        }
    }
    if (!step.prefill) {
        for (const HeadWork& work : heads) {
            lowering_.program.label("kv_write", step.layer.value, work.request.value);
            write_tokens(step, work, false);
            write_tokens(step, work, true);
        }
    }
    for (const HeadWork& work : heads) {
        lower_head(step, work);
        if (step.prefill && work.decision.placed && !work.decision.placed->empty()) {
            lowering_.program.label("kv_write", step.layer.value, work.request.value);
            write_tokens(step, work, false);
            write_tokens(step, work, true);
        }
    }
}

void AttentionLowering::lower_head(const AttentionStep& step, const HeadWork& work) {
    attend(step, work);
    update_cache(step, work);
}

std::vector<AttentionLowering::KeyTile> AttentionLowering::tiles_of(const HeadWork& work) const {
    const std::uint32_t most = std::max(1U, lowering_.buffers.kv_half_words() / vector_words());
    std::vector<KeyTile> tiles;
    for (std::uint32_t first = 0; first < work.cached; first += most) {
        tiles.push_back({first, std::min(most, work.cached - first), false});
    }
    for (std::uint32_t first = 0; first < work.own; first += most) {
        tiles.push_back({first, std::min(most, work.own - first), true});
    }
    return tiles;
}

Operand AttentionLowering::load_tile(const AttentionStep& step, const HeadWork& work, const KeyTile& tile, bool value) {
    PlaceRing& ring = lowering_.buffers.divide_kv(std::min(lowering_.buffers.kv_half_words(), std::max(work.cached, work.own) * vector_words()));
    if (tile.own) {
        Block block = column_block(step, work.request, value ? value_column(work.head) : key_column(work.head), g_.head_dim);
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
    lowering_.program.emit(UnitId::dma_load, DmaCommand{access, words, Traffic::kv, false}, Mechanism::attention, {&cache},
                           {&place.hazard});
    return {words, &place.hazard};
}

std::uint32_t AttentionLowering::queries_per_tile(std::uint32_t keys) const {
    // Logits and probabilities of a query tile fit half the score buffer each, its outputs half the accumulator.
    const std::uint32_t logit_words = ceil_div(keys * kLogitBytes, lowering_.word_bytes());
    const std::uint32_t by_scores = lowering_.buffers.score_half_words() / logit_words;
    const std::uint32_t by_outputs = accumulator_rows_ / ceil_div(g_.head_dim * g_.kv_bytes, array_columns_);
    const std::uint32_t rows = std::min(by_scores, by_outputs);
    if (rows < g_.group) {
        throw InputError("", "hardware.buffers.score.banks",
                         fmt::format("the scores of {} queries over {} keys do not fit half of the score buffer", g_.group, keys),
                         "more score banks, more accumulator rows, or fewer tokens");
    }
    return rows / g_.group;
}

bool AttentionLowering::keys_stream(std::uint32_t query_rows, std::uint32_t keys) const {
    const std::uint64_t key_rows = std::uint64_t{keys} * g_.kv_bytes;
    const std::uint64_t keys_stationary = ceil_div<std::uint64_t>(key_rows, array_columns_) * std::max(query_rows, array_rows_);
    const std::uint64_t queries_stationary = ceil_div(query_rows, array_columns_) * std::max<std::uint64_t>(key_rows, array_rows_);
    return queries_stationary <= keys_stationary;
}

std::uint32_t AttentionLowering::keys_per_piece(std::uint32_t query_rows, std::uint32_t keys) const {
    if (keys_stream(query_rows, keys)) {
        return std::max(1U, accumulator_rows_ / ceil_div(query_rows, array_columns_) / g_.kv_bytes);
    }
    return std::max(1U, accumulator_rows_ / query_rows * array_columns_ / g_.kv_bytes);
}

void AttentionLowering::attend(const AttentionStep& step, const HeadWork& work) {
    const std::vector<KeyTile> tiles = tiles_of(work);
    const std::uint32_t keys = work.cached + work.own;
    const std::uint32_t per_tile = std::min(queries_per_tile(keys), step.tokens);
    resident_tiles_.clear();
    lowering_.program.label("attention", step.layer.value, work.request.value);
    // Loaded once for all query tiles where everything fits beside the next head's first tile.
    const std::uint32_t place_words = std::max(work.cached, work.own) * vector_words();
    const bool keep = per_tile < step.tokens && tiles.size() * 2 < lowering_.buffers.divide_kv(std::min(place_words, lowering_.buffers.kv_half_words())).size();
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

Operand AttentionLowering::tile_operand(const AttentionStep& step, const HeadWork& work, std::size_t index, const KeyTile& tile,
                                        bool value) {
    if (resident_tiles_.empty()) {
        return load_tile(step, work, tile, value);
    }
    return resident_tiles_[index + (value ? resident_tiles_.size() / 2 : 0)];
}

void AttentionLowering::scores_of(const Operand& queries, const Operand& keys, std::uint32_t query_rows, const Piece& piece,
                                  Hazard& sums) {
    const std::uint64_t key_rows = std::uint64_t{piece.tokens} * g_.kv_bytes;
    BufferRegion key_words = keys.region;
    key_words.first_word += std::min(piece.first * vector_words(), key_words.words);
    key_words.words = std::min(piece.tokens * vector_words(), keys.region.words);
    GemmCommand product;
    product.reduction = g_.head_dim;
    if (keys_stream(query_rows, piece.tokens)) {
        product.stream_rows = key_rows;
        product.outputs = query_rows;
        product.stationary = queries.region;
        product.streaming = key_words;
    } else {
        product.stream_rows = query_rows;
        product.outputs = key_rows;
        product.stationary = key_words;
        product.streaming = queries.region;
    }
    lowering_.program.emit(UnitId::pe_array, product, Mechanism::attention, {queries.hazard, keys.hazard}, {&sums});
}

void AttentionLowering::attend_queries(const AttentionStep& step, const HeadWork& work, const std::vector<KeyTile>& tiles,
                                       std::uint32_t first_token, std::uint32_t tokens) {
    Program& program = lowering_.program;
    const std::uint32_t keys = work.cached + work.own;
    const std::uint32_t rows = tokens * g_.group;
    const std::uint32_t word_bytes = lowering_.word_bytes();

    Block query_block = column_block(step, work.request, work.head.value * g_.group * g_.head_dim, g_.group * g_.head_dim);
    query_block.first_row += first_token;
    query_block.rows = tokens;
    const Operand queries = fetch(lowering_, *step.qkv, query_block, lowering_.buffers.staging_in(), Mechanism::attention);

    // Scores, piece by piece of keys; one piece goes from the accumulator straight through the softmax.
    const std::uint32_t piece_tokens = keys_per_piece(rows, keys);
    const bool one_piece = tiles.size() == 1 && keys <= piece_tokens;
    const std::uint32_t logit_words = words_of(rows, keys, kLogitBytes, word_bytes);
    const std::uint32_t probability_words = words_of(rows, keys, 1, word_bytes);
    PlaceRing& score_ring = lowering_.buffers.divide_scores(one_piece ? probability_words : logit_words);
    Place* logits = one_piece ? nullptr : &score_ring.next();
    Place& probabilities = score_ring.next();

    VectorCommand softmax;
    softmax.kind = VectorKind::softmax;
    softmax.rows = rows;
    softmax.columns = keys;
    softmax.source_in_accumulator = one_piece;
    softmax.destination = front_of(probabilities, probability_words);
    Hazard* softmax_source = nullptr;
    std::uint32_t done = 0;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        const Operand key_tile = tile_operand(step, work, t, tiles[t], false);
        for (std::uint32_t first = 0; first < tiles[t].tokens; first += piece_tokens) {
            const Piece piece{tiles[t], first, std::min(piece_tokens, tiles[t].tokens - first)};
            Hazard& sums = lowering_.buffers.next_accumulator();
            scores_of(queries, key_tile, rows, piece, sums);
            if (one_piece) {
                softmax_source = &sums;
                continue;
            }
            const std::uint32_t words = words_of(rows, piece.tokens, kLogitBytes, word_bytes);
            const std::uint32_t start = std::min(words_of(rows, done, kLogitBytes, word_bytes), logits->region.words - words);
            VectorCommand keep;
            keep.kind = VectorKind::requantise;
            keep.rows = rows;
            keep.columns = std::uint64_t{piece.tokens} * g_.kv_bytes;
            keep.source_in_accumulator = true;
            keep.destination = {logits->region.where, logits->region.first_word + start, words};
            program.emit(UnitId::vector_unit, keep, Mechanism::attention, {&sums}, {&logits->hazard});
            done += piece.tokens;
        }
    }
    if (!one_piece) {
        softmax.source = front_of(*logits, logit_words);
        softmax_source = &logits->hazard;
    }
    program.emit(UnitId::vector_unit, softmax, Mechanism::attention, {softmax_source}, {&probabilities.hazard});
    probabilities_ = &probabilities.hazard;

    // Weighted values: V is stationary, the probability rows stream, the sums build up over the tiles.
    Hazard& sums = lowering_.buffers.next_accumulator();
    std::uint32_t first_key = 0;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        const Operand value_tile = tile_operand(step, work, t, tiles[t], true);
        GemmCommand product;
        product.stream_rows = rows;
        product.reduction = tiles[t].tokens;
        product.outputs = std::uint64_t{g_.head_dim} * g_.kv_bytes;
        product.stationary = value_tile.region;
        const std::uint32_t words = words_of(rows, tiles[t].tokens, 1, word_bytes);
        const std::uint32_t start = std::min(words_of(rows, first_key, 1, word_bytes), probabilities.region.words - words);
        product.streaming = {probabilities.region.where, probabilities.region.first_word + start, words};
        program.emit(UnitId::pe_array, product, Mechanism::attention, {value_tile.hazard, &probabilities.hazard}, {&sums});
        first_key += tiles[t].tokens;
    }
    const Operand result = destination(lowering_, *step.output, query_block);
    VectorCommand store;
    store.kind = VectorKind::requantise;
    store.rows = rows;
    store.columns = std::uint64_t{g_.head_dim} * g_.kv_bytes;
    store.source_in_accumulator = true;
    store.destination = result.region;
    program.emit(UnitId::vector_unit, store, Mechanism::attention, {&sums}, {result.hazard});
    write_back(lowering_, *step.output, query_block, result, Mechanism::attention);
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
    command.freed = decision.freed;
    lowering_.program.label("eviction", step.layer.value, work.request.value);
    // Slots are freed after the step's reads of them: the cache is written here.
    Hazard* no_rows = nullptr;
    lowering_.program.emit(UnitId::kv_mmu, std::move(command), Mechanism::eviction, {work.scores ? probabilities_ : no_rows},
                           {frees ? &cache : nullptr});
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
    lowering_.program.label("compaction", step.layer.value, work.request.value);
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

void AttentionLowering::write_tokens(const AttentionStep& step, const HeadWork& work, bool value) {
    const auto& placed = work.decision.placed;
    if (!placed || placed->empty()) {
        return;
    }
    Hazard& cache = cache_[work.request.value * g_.kv_heads + work.head.value];
    Block block = column_block(step, work.request, value ? value_column(work.head) : key_column(work.head), g_.head_dim);
    block.rows = placed->size();  // survivors' rows; which ones does not matter to the words moved
    const std::uint32_t most = std::max(1U, lowering_.buffers.kv_half_words() / vector_words());
    for (std::uint32_t first = 0; first < placed->size(); first += most) {
        const auto count = std::min(most, static_cast<std::uint32_t>(placed->size()) - first);
        Block part = block;
        part.first_row += first;
        part.rows = count;
        const Operand source =
            fetch(lowering_, *step.qkv, part, lowering_.buffers.divide_kv(std::min(most, static_cast<std::uint32_t>(placed->size())) * vector_words()),
                  Mechanism::attention);
        KvAccess access;
        access.request = work.request;
        access.layer = step.layer;
        access.head = work.head;
        access.value = value;
        access.first = first;
        access.count = count;
        access.placements = placed;
        lowering_.program.emit(UnitId::dma_store, DmaCommand{access, source.region, Traffic::kv, true}, Mechanism::attention,
                               {source.hazard}, {&cache});
    }
}

}  // namespace palimpsest
