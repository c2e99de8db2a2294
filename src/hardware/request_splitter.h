#pragma once
// How a DMA command becomes memory requests: at most `request_bytes` each, in address order, whole rows of a strided
// rectangle together where several fit.

#include <vector>

#include "hardware/command.h"
#include "hardware/memory_request.h"

namespace palimpsest {

/// One piece of a command.
struct RequestPiece {
    Bytes offset = 0;  ///< in the command's byte stream
    Bytes bytes = 0;
};

class RequestSplitter {
  public:
    /// `total_bytes` of the command; `row_bytes` of its rectangle (equal to the total where it is contiguous).
    RequestSplitter(Bytes total_bytes, Bytes row_bytes, Bytes request_bytes);

    bool done() const { return offset_ >= total_; }
    /// The next piece. A piece ends at `request_bytes`, at the end of a row that is longer than that, or where the next
    /// whole row would not fit.
    RequestPiece next();

  private:
    Bytes total_;
    Bytes row_;
    Bytes request_;
    Bytes offset_ = 0;
};

/// Bytes a DMA command moves; `kv_token_bytes` is one token's K (or V) vector of one head.
Bytes total_bytes(const DmaCommand& command, Bytes kv_token_bytes);
/// The DRAM pieces of [offset, offset + bytes) of a rectangle's byte stream, appended to `segments`.
void append_segments(const DramRegion& region, const RequestPiece& piece, std::vector<DramSegment>& segments);
/// The SRAM words that a piece adds to its command's region: a word shared by two pieces belongs to the first.
BufferRegion words_of(const BufferRegion& region, const RequestPiece& piece, std::uint32_t word_bytes);

}  // namespace palimpsest
