#pragma once
// Lowers the attention of one layer: for every request and KV head the scores, the softmax, the weighted values, and
// the KV cache's reads, writes and evictions.
//
// A step takes requests in the order of its segments, after all tokens of generation have been written.
// Generation. The new token's K and V go to the free slot first; then all residents are read and attended.
// Prefill. A chunk's queries attend the residents in DRAM and the chunk's own keys, which are on chip or come from the
// chunk's activations; only the chunk tokens that survive are written to the cache, after the victims' slots are free.
//
// 4-bit keys and values. The vector unit quantises a new token's K and V, group by group, on their way to the store. A
// tile lies in the KV buffer as it came, packed, in the front of a place that holds it at 8 bit; the array's port
// expands it, a row of the array a cycle, so that the array sees 8-bit operands in the words they would have.
//
// Scores on the array, whichever takes fewer cycles: keys stationary and queries streaming, or queries stationary and
// keys streaming (matrix-vector mode: in generation one query column per head of the group, and no padding of keys).

#include <cstdint>
#include <span>
#include <vector>

#include "host/cache_replay.h"
#include "host/lowering.h"
#include "host/step.h"

namespace palimpsest {

/// One layer's attention of one request in a step.
struct AttentionStep {
    LayerId layer;
    Tensor* qkv = nullptr;        ///< rows: tokens of the step, request after request; columns: q, k, v
    Tensor* output = nullptr;     ///< same rows; columns: q width
    std::uint64_t first_row = 0;  ///< of the request's tokens
    std::uint32_t tokens = 1;     ///< of the request in this step
    bool prefill = false;
};

/// Array elements that a K or V element takes: two halves at 16 bit; 4-bit ones are expanded to 8.
std::uint32_t kv_array_bytes(const CacheConfig& cache);

/// The geometry attention works on, from a model or a single-operator workload.
struct AttentionGeometry {
    std::uint32_t requests = 1;
    std::uint32_t kv_heads = 1;
    std::uint32_t group = 1;  ///< query heads a KV head
    std::uint32_t head_dim = 64;
    std::uint32_t kv_bytes = 1;  ///< of a K or V element on the array: kv_array_bytes()
};

/// What one head of one request reads and does; filled from the cache replay, or by hand for a single operator.
struct HeadWork {
    RequestId request;
    KvHeadId head;
    std::uint32_t cached = 0;  ///< residents read from DRAM, in delivery order
    std::uint32_t own = 0;     ///< keys of the step that are attended from its own activations
    CacheDecision decision;
    bool scores = false;  ///< the policy wants the attention rows
};

class AttentionLowering {
  public:
    AttentionLowering(Lowering& lowering, const AttentionGeometry& geometry);

    /// A layer's attention of all requests of a step, whose rows lie in `qkv` and `output` segment after segment.
    void lower(LayerId layer, Tensor& qkv, Tensor& output, std::span<const StepSegment> segments);
    /// One head alone: reads, attention, and the KV-MMU's work. Its K and V of the step are not written.
    void lower_head(const AttentionStep& step, const HeadWork& work);

  private:
    /// Keys (or values) of consecutive tokens at one place.
    struct KeyTile {
        std::uint32_t first = 0;  ///< among the cached tokens; own tokens follow all cached ones
        std::uint32_t tokens = 0;
        bool own = false;
    };
    /// Scores of one piece of keys, in one half of the accumulator.
    struct Piece {
        KeyTile tile;
        std::uint32_t first = 0;  ///< token within the tile
        std::uint32_t tokens = 0;
    };

    /// How the scores of a query tile are computed and stored.
    struct ScorePlan {
        bool keys_stream = false;
        std::uint32_t piece_tokens = 0;  ///< keys whose scores fit half the accumulator
        bool one_piece = false;          ///< scores go from the accumulator straight through the softmax
        std::uint32_t logit_words = 0;   ///< of the score buffer, where they do not
        std::uint32_t probability_words = 0;
    };

    std::uint32_t vector_words() const;  ///< SRAM words of one token's K (or V), stored or on the array
    std::uint32_t key_elements() const { return g_.head_dim * g_.kv_bytes; }  ///< array elements of a K or V vector
    static Block column_block(const AttentionStep& step, std::uint32_t column, std::uint32_t columns);
    std::uint32_t key_column(KvHeadId head) const;
    std::uint32_t value_column(KvHeadId head) const;
    /// Words a tile of `tokens` keys or values takes at most: as it is loaded, and as the array reads it in either
    /// role.
    std::uint64_t tile_words(std::uint64_t tokens) const;
    /// Most tokens of a tile.
    std::uint32_t largest_tile() const;
    std::vector<KeyTile> tiles_of(const HeadWork& work) const;
    PlaceRing& key_ring(const HeadWork& work);
    Operand load_tile(const AttentionStep& step, const HeadWork& work, const KeyTile& tile, bool value);
    /// Query tokens a tile holds; InputError when not even one fits.
    std::uint32_t queries_per_tile(const AttentionStep& step, const std::vector<KeyTile>& tiles) const;
    ScorePlan plan_scores(const std::vector<KeyTile>& tiles, std::uint32_t query_rows) const;
    void attend(const AttentionStep& step, const HeadWork& work);
    void attend_queries(const AttentionStep& step, const HeadWork& work, const std::vector<KeyTile>& tiles,
                        std::uint32_t first_token, std::uint32_t tokens);
    void weigh_values(const AttentionStep& step, const HeadWork& work, const std::vector<KeyTile>& tiles,
                      const Block& query_block, std::uint32_t rows, Place& probabilities);
    Operand tile_operand(const AttentionStep& step, const HeadWork& work, std::size_t index, const KeyTile& tile,
                         bool value);
    void scores_of(const Operand& queries, const Operand& keys, std::uint32_t query_rows, const Piece& piece,
                   bool keys_stream, Hazard& sums);
    void update_cache(const AttentionStep& step, const HeadWork& work);
    void write_tokens(const AttentionStep& step, const HeadWork& work, bool value);
    /// `tokens` vectors of `source`, 8 bit, at 4 bit with their scales, in a place to store them from.
    Operand quantise(const Operand& source, std::uint32_t tokens);
    void move_survivors(const AttentionStep& step, const HeadWork& work);

    Lowering& lowering_;
    AttentionGeometry g_;
    Bytes vector_bytes_;  ///< of a K or V vector in DRAM
    PeArrayConfig array_;
    BufferConfig buffer_;                  ///< word width, the same in all buffers
    std::uint32_t tile_tokens_;            ///< most tokens of a key or value tile
    std::vector<Hazard> cache_;            ///< per (request, KV head), of the layer at hand
    std::vector<Operand> resident_tiles_;  ///< tiles kept on chip for all query tiles of a head: K tiles, then V tiles
    Hazard* probabilities_ = nullptr;      ///< of the head at hand, last query tile
};

}  // namespace palimpsest
