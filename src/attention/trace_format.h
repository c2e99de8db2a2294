#pragma once
// What an attention trace file consists of; docs/attention-traces.md has the layout byte by byte.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace palimpsest {

inline constexpr std::uint32_t kTraceVersion = 1;
/// A byte that text editors reject, the name, and a line end that a transfer in text mode would change.
inline constexpr std::array<char, 8> kTraceMagic = {'\x89', 'P', 'T', 'R', 'A', 'C', 'E', '\n'};

/// What a trace says about itself.
struct TraceHeader {
    std::string model;            ///< e.g. "stories15M"
    std::string checkpoint_hash;  ///< XXH64 of the checkpoint file, 16 hexadecimal digits; may be empty
    std::uint32_t layers = 0;
    std::uint32_t heads = 0;  ///< query heads a layer
    std::uint32_t kv_heads = 0;
    std::uint32_t head_dim = 0;
    std::uint32_t vocabulary = 0;
    std::uint32_t sequences = 0;
    std::uint32_t length = 0;          ///< positions a sequence has rows for
    std::uint32_t window = 0;          ///< a query sees the last `window` keys, its own counted
    std::uint32_t rows_per_block = 0;  ///< positions of one layer that are compressed together
    std::string text;                  ///< title of the text
    std::string licence;               ///< of the text
    std::string tool;                  ///< program and version that wrote the file
    /// The text itself, by sequence and position: the piece each token stands for. Empty, or sequences x length.
    std::vector<std::vector<std::string>> pieces;

    std::uint32_t first_key(std::uint32_t position) const { return position + 1 > window ? position + 1 - window : 0; }
    /// Keys the query at `position` sees.
    std::uint32_t visible_keys(std::uint32_t position) const { return position + 1 - first_key(position); }
    /// Codes of one head in the rows of positions [0, position).
    std::uint64_t codes_before(std::uint32_t position) const;

    std::uint32_t blocks_per_layer() const { return (length + rows_per_block - 1) / rows_per_block; }
    std::uint64_t blocks() const { return std::uint64_t{sequences} * layers * blocks_per_layer(); }
    /// Blocks are numbered by sequence, then block of the sequence, then layer: the order in which an engine makes
    /// them.
    std::uint64_t block_number(std::uint32_t sequence, std::uint32_t layer, std::uint32_t position) const {
        return (std::uint64_t{sequence} * blocks_per_layer() + position / rows_per_block) * layers + layer;
    }
    /// Codes of one head in the block that holds `position`; a block is its heads one after another.
    std::uint64_t codes_per_head(std::uint32_t position) const;
    /// Codes of block `number`.
    std::uint64_t block_codes(std::uint64_t number) const;
    /// Codes of the whole trace.
    std::uint64_t codes() const { return std::uint64_t{sequences} * layers * heads * codes_before(length); }
};

/// Where a block lies in the file, as the index holds it.
struct TraceBlock {
    std::uint64_t offset = 0;            ///< from the start of the file
    std::uint32_t compressed_bytes = 0;  ///< one zstd frame
    std::uint32_t codes = 0;             ///< bytes when decompressed
    std::uint64_t checksum = 0;          ///< XXH64 of the compressed bytes
};
static_assert(sizeof(TraceBlock) == 24);

/// Fixed part at the start of the file; the header as JSON follows, then the blocks, the index (a TraceBlock each, by
/// number) and the index's XXH64.
struct TracePreamble {
    std::array<char, 8> magic = kTraceMagic;
    std::uint32_t version = kTraceVersion;
    std::uint32_t header_bytes = 0;
    std::uint64_t header_checksum = 0;  ///< XXH64 of the JSON
};
static_assert(sizeof(TracePreamble) == 24);

std::string to_json(const TraceHeader& header);
/// Throws InputError naming `file` and the member that is wrong or missing.
TraceHeader parse_trace_header(const std::string& file, const std::string& text);
/// Throws InputError when the numbers of `header` do not make a trace; `file` is named in the message.
void check_trace_header(const std::string& file, const TraceHeader& header);

std::uint64_t trace_checksum(std::string_view bytes);

}  // namespace palimpsest
