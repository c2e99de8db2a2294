#pragma once
// Reads attention traces.
//
//   TraceSource trace("configs/traces/stories15M.ptrace");
//   std::vector<Probability> row(position + 1);
//   trace.row(sequence, layer, head, position, row);

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "attention/attention_source.h"
#include "attention/trace_format.h"

namespace palimpsest {

/// Opening checks the whole file: magic, version, every checksum, length. InputError names the file, the byte offset
/// and what is expected. Blocks are decompressed when a row of theirs is asked for and the latest used are kept, so
/// memory stays bounded, and reading in position order costs one table look-up a key.
class TraceSource final : public AttentionSource {
  public:
    static constexpr std::size_t kDefaultCacheBytes = std::size_t{256} << 20;

    /// `cache_bytes` bounds the decompressed blocks that are held (one always is).
    explicit TraceSource(const std::string& path, std::size_t cache_bytes = kDefaultCacheBytes);

    std::uint32_t layers() const override { return header_.layers; }
    std::uint32_t heads() const override { return header_.heads; }
    std::uint32_t sequences() const override { return header_.sequences; }
    std::uint32_t length() const override { return header_.length; }
    /// Keys older than the recording's window have probability 0.
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<Probability> row) override;
    std::string describe() const override;
    bool synthetic() const override { return false; }

    const TraceHeader& header() const { return header_; }
    std::uint64_t file_bytes() const { return file_bytes_; }
    /// Decompressed blocks held now, and how often one was decompressed.
    std::uint64_t cached_bytes() const { return cached_bytes_; }
    std::uint64_t decompressions() const { return decompressions_; }

  private:
    struct Block {
        std::vector<char> codes;  ///< empty: not held
        std::uint64_t last_used = 0;
    };
    void read_preamble_and_header();
    void read_index();
    void check_blocks();
    void read(std::uint64_t offset, void* data, std::uint64_t bytes, const std::string& what);
    void read_block(std::uint64_t number);
    const std::vector<char>& block(std::uint64_t number);
    void decompress(std::uint64_t number);

    std::string path_;
    std::ifstream file_;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t blocks_offset_ = 0;
    TraceHeader header_;
    std::vector<TraceBlock> index_;
    std::vector<char> compressed_;
    std::size_t cache_bytes_;
    std::vector<Block> blocks_;
    std::uint64_t cached_bytes_ = 0;
    std::uint64_t decompressions_ = 0;
    std::uint64_t uses_ = 0;
};

}  // namespace palimpsest
