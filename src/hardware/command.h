#pragma once
// Tile-level commands: what the host driver lowers a transformer to and the sequencer issues to the units.
//
// Order and tokens. Commands of one unit complete in the order they are issued, so "command n of unit u is complete" is
// a count per unit. A command waits until each unit's count reaches the number it names; that count is its dependency
// token.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "config/hardware_config.h"
#include "palimpsest/activity.h"
#include "palimpsest/counters.h"
#include "palimpsest/types.h"

namespace palimpsest {

enum class UnitId : std::uint8_t { dma_load, dma_store, pe_array, vector_unit, kv_mmu };
inline constexpr std::size_t kUnitCount = 5;
std::string_view name_of(UnitId unit);

enum class BufferId : std::uint8_t { weight, activation, kv, score };
inline constexpr std::size_t kBufferCount = 4;
std::string_view name_of(BufferId buffer);

/// One of a buffer's two halves; tiles are placed from the half's first bank on.
struct BufferHalf {
    BufferId buffer = BufferId::weight;
    std::uint8_t half = 0;
    bool operator==(const BufferHalf&) const = default;
};

/// Words of a tile inside a half. Consecutive words fill bank after bank, from `first_word` of the half.
struct BufferRegion {
    BufferHalf where;
    std::uint32_t first_word = 0;
    std::uint32_t words = 0;
};

/// A rectangle in DRAM: `rows` pieces of `row_bytes`, `stride_bytes` apart. One contiguous piece has rows == 1.
struct DramRegion {
    Bytes address = 0;
    Bytes row_bytes = 0;
    std::uint32_t rows = 1;
    Bytes stride_bytes = 0;

    Bytes bytes() const { return row_bytes * rows; }
};

/// A token and the slot it is written to.
struct KvPlacement {
    SlotId slot;
    TokenPosition position;
};
/// Lists are shared: requests and heads whose residents are alike point to one.
using KvPlacements = std::shared_ptr<const std::vector<KvPlacement>>;
using KvSlots = std::shared_ptr<const std::vector<SlotId>>;

/// Logical access to the KV cache: the KV-MMU turns it into addresses. A read delivers the residents in slot order, or,
/// where the storage mode keeps none, in position order. A write of K places its tokens in the slot table; the write of
/// V goes to the same slots.
///
/// The access is a stream of `count` vectors of head_dim x kv_bits, one a token, without gaps: residents in delivery
/// order, or placements in the order of their list. Memory requests ask for byte ranges of it.
///
/// Compact storage: when slots are freed the ranks of later residents fall at once, and the host moves their vectors
/// after them with `move`: reads from the old places and writes to the new ones, both as places (vectors from the start
/// of the matrix), not looked up.
struct KvAccess {
    RequestId request;
    LayerId layer;
    KvHeadId head;
    bool value = false;       ///< the V matrix, else K
    bool move = false;        ///< moves residents (compact storage): [first, first + count) are places
    std::uint32_t first = 0;  ///< reads: [first, first + count) of the residents in delivery order
    std::uint32_t count = 0;
    KvPlacements placements;  ///< writes: the tokens and their slots, `count` of them
};

/// Moves data between DRAM and a buffer. Unit: dma_load or dma_store by direction.
struct DmaCommand {
    std::variant<DramRegion, KvAccess> memory;
    BufferRegion buffer;
    Traffic traffic = Traffic::weights;
    bool to_dram = false;
};

/// A product on the array. In weight-stationary terms: `reduction` x `outputs` stationary operand, `stream_rows` rows
/// of `reduction` elements streamed past it. Matrix-vector mode is the same command with the roles swapped: the few
/// query rows are stationary and the K rows stream.
struct GemmCommand {
    std::uint64_t stream_rows = 1;
    std::uint64_t reduction = 1;
    std::uint64_t outputs = 1;
    Dataflow dataflow = Dataflow::weight_stationary;
    BufferRegion stationary;
    BufferRegion streaming;
    bool operands_on_chip_only = false;  ///< no buffer is read: operator studies with operands always ready
};

enum class VectorKind : std::uint8_t {
    softmax,
    layer_norm,
    rms_norm,
    rope,
    gelu,
    relu,
    silu_gate,
    residual_add,
    requantise,
    copy
};
inline constexpr std::size_t kVectorKinds = 10;
std::string_view name_of(VectorKind kind);

/// Row-wise vector work on `rows` rows of `columns` elements. A source in the accumulator costs no SRAM port.
struct VectorCommand {
    VectorKind kind = VectorKind::copy;
    std::uint64_t rows = 1;
    std::uint64_t columns = 1;
    bool source_in_accumulator = false;
    BufferRegion source;       ///< words read once a row block (more where the row exceeds the register file)
    BufferRegion destination;  ///< words written
};

/// The KV-MMU's own work on one (request, layer, KV head): add attention rows to the scores, search victims, free them.
/// With scope `layer` or `model` every head adds its rows; the search is in the command of the last head only.
struct KvCommand {
    RequestId request;
    LayerId layer;
    KvHeadId head;
    std::uint32_t slots = 0;     ///< scores updated and searched (residents plus, in prefill, the chunk's tokens)
    std::uint32_t rows = 0;      ///< attention rows added up (query group times chunk tokens); 0: policy without scores
    std::uint32_t searches = 0;  ///< passes of the running minimum, one a victim
    std::optional<TokenPosition>
        newest;  ///< where the policy protects by position: what its last search counts back from
    std::optional<std::uint32_t>
        recent;     ///< the set's window register at that search, where the policy adapts it; else cache.recent
    KvSlots freed;  ///< residents whose slots become free when the command completes; may be null
};

/// `Command::layer` of what belongs to none: embedding, final norm, vocabulary, single operators.
inline constexpr std::uint16_t kNoLayer = 0xffff;

struct Command {
    UnitId unit = UnitId::dma_load;
    std::uint64_t number = 0;                          ///< 1, 2, 3 ... within its unit
    std::array<std::uint64_t, kUnitCount> wait_for{};  ///< completed commands of each unit that must be reached
    std::array<UnitState, kUnitCount> wait_cause{};    ///< what a wait on that unit is booked as
    std::variant<DmaCommand, GemmCommand, VectorCommand, KvCommand> work;
    std::uint16_t layer = 0;  ///< labels for profiles, timelines and diagnostics; may be kNoLayer
    std::uint16_t request = 0;
    std::optional<KvHeadId> head;  ///< where the command is one KV head's
    const char* label = "";        ///< static text: "qkv", "scores", "ffn_up" ...
};

}  // namespace palimpsest
