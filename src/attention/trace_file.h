#pragma once
// Attention traces: the rows of a real model over a text, in one file. The format is docs/attention-traces.md.
//
//   TraceSource trace("configs/traces/stories15M.ptrace");
//   std::vector<Probability> row(position + 1);
//   trace.row(sequence, layer, head, position, row);

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "attention/attention_source.h"
#include "attention/probability_code.h"

namespace palimpsest {

inline constexpr std::uint32_t kTraceVersion = 1;

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
    std::uint32_t window = 0;          ///< a query sees the last `window` keys, itself counted
    std::uint32_t rows_per_block = 0;  ///< positions of one layer that are compressed together
    ProbabilityCode code;              ///< how probabilities became bytes
    std::string text;                  ///< title of the text
    std::string licence;               ///< of the text
    std::string tool;                  ///< program and version that wrote the file
    /// The text itself, by sequence and position: the piece each token stands for. Empty, or sequences x length.
    std::vector<std::vector<std::string>> pieces;

    /// Keys the query at `position` sees, the first and how many.
    std::uint32_t first_key(std::uint32_t position) const { return position + 1 > window ? position + 1 - window : 0; }
    std::uint32_t visible_keys(std::uint32_t position) const { return position + 1 - first_key(position); }
    std::uint32_t blocks_per_layer() const { return (length + rows_per_block - 1) / rows_per_block; }
    std::uint64_t blocks() const { return std::uint64_t{sequences} * layers * blocks_per_layer(); }
    /// Codes of all heads in block `block` of a layer: the bytes it has when decompressed.
    std::uint64_t block_codes(std::uint32_t block) const;
};

/// Where a block lies in the file.
struct TraceBlock {
    std::uint64_t offset = 0;
    std::uint32_t compressed_bytes = 0;
    std::uint64_t checksum = 0;  ///< XXH64 of the compressed bytes
};

/// Writes a trace. The file appears under its name when `finish` is called and not before; without, nothing is left.
class TraceWriter {
  public:
    /// `compression` is a zstd level. Throws InputError when the header makes no sense, SimulationError when the file
    /// cannot be made.
    TraceWriter(std::string path, TraceHeader header, int compression = 19);
    ~TraceWriter();
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    /// The row of one query over the keys it sees, oldest first: `header.visible_keys(position)` probabilities.
    /// Sequences in order; within one, each block's rows before the next block's; in any order otherwise.
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<const float> probabilities);
    /// All rows are there: completes the file and gives it its name.
    void finish();

  private:
    struct LayerBuffer {
        std::vector<std::uint8_t> codes;
        std::uint64_t rows = 0;
    };
    void write_block(std::uint32_t layer);
    void write(std::uint64_t offset, const void* data, std::size_t bytes);
    [[noreturn]] void fail(const std::string& what) const;

    std::string path_;
    std::string temporary_;
    TraceHeader header_;
    int compression_;
    std::ofstream file_;
    std::vector<TraceBlock> index_;
    std::vector<LayerBuffer> layers_;
    std::uint64_t index_offset_ = 0;
    std::uint64_t end_ = 0;          ///< first byte not written yet
    std::uint32_t sequence_ = 0;     ///< being written
    std::uint32_t block_ = 0;        ///< of that sequence, being written
    std::uint32_t layers_done_ = 0;  ///< of that block
    bool finished_ = false;
};

/// Reads a trace. Opening checks all of the file: magic, version, every checksum, length; InputError names the file,
/// the byte offset and what is expected. Blocks are decompressed when a row of theirs is asked for, and the latest are
/// kept, so memory stays bounded while position-order reading costs a copy.
class TraceSource final : public AttentionSource {
  public:
    static constexpr std::size_t kDefaultCacheBytes = 128u << 20;

    /// `cache_bytes` bounds the decompressed blocks held (at least one is).
    explicit TraceSource(const std::string& path, std::size_t cache_bytes = kDefaultCacheBytes);

    std::uint32_t layers() const override { return header_.layers; }
    std::uint32_t heads() const override { return header_.heads; }
    std::uint32_t sequences() const override { return header_.sequences; }
    std::uint32_t length() const override { return header_.length; }
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override;
    std::string describe() const override;
    bool synthetic() const override { return false; }

    const TraceHeader& header() const { return header_; }
    std::uint64_t file_bytes() const { return file_bytes_; }
    /// Bytes of all codes before compression.
    std::uint64_t code_bytes() const;

  private:
    struct CachedBlock {
        std::uint64_t number;
        std::vector<std::uint8_t> codes;
    };
    const std::vector<std::uint8_t>& block(std::uint64_t number);
    std::vector<std::uint8_t> read_compressed(std::uint64_t number);

    std::string path_;
    std::ifstream file_;
    std::uint64_t file_bytes_ = 0;
    TraceHeader header_;
    std::array<Probability, 256> table_{};
    std::vector<TraceBlock> index_;
    std::size_t cache_bytes_;
    std::size_t cached_bytes_ = 0;
    std::list<CachedBlock> cache_;  ///< latest used first
    std::unordered_map<std::uint64_t, std::list<CachedBlock>::iterator> cached_;
};

}  // namespace palimpsest
