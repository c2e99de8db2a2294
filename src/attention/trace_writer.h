#pragma once
// Writes attention traces.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attention/trace_format.h"
#include "common/atomic_file.h"

namespace palimpsest {

/// The file appears under its name when `finish` is called and not before; without, nothing is left of it. The same
/// rows give the same bytes (with the same version of zstd).
class TraceWriter {
  public:
    static constexpr int kDefaultCompression = 19;

    /// `compression` is a zstd level. Throws InputError when the header makes no trace, SimulationError when the file
    /// cannot be written.
    TraceWriter(std::string path, TraceHeader header, int compression = kDefaultCompression);

    /// The row of one query over the keys it sees, oldest first: `header.visible_keys(position)` probabilities. The
    /// rows of one block (all layers and heads, `rows_per_block` positions of a sequence) come in any order, each once,
    /// and before those of the next.
    void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
             std::span<const float> probabilities);
    /// All rows are there: completes the file and gives it its name.
    void finish();

  private:
    struct LayerBuffer {
        std::vector<char> codes;
        std::uint64_t rows_missing = 0;
    };
    void begin_block();
    void write_layer(std::uint32_t layer);
    void write(std::string_view bytes);
    [[noreturn]] void fail(const std::string& what) const;

    std::string path_;
    TraceHeader header_;
    int compression_;
    AtomicFile file_;
    std::uint64_t end_ = 0;  ///< of what is written so far
    std::vector<TraceBlock> index_;
    std::vector<LayerBuffer> layers_;  ///< the block at hand
    std::vector<char> compressed_;
    std::uint64_t block_ = 0;           ///< number of the block at hand in its first layer, divided by layers
    std::uint32_t layers_missing_ = 0;  ///< layers of the block at hand that are not complete
};

}  // namespace palimpsest
