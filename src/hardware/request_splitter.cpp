#include "hardware/request_splitter.h"

#include <algorithm>

namespace palimpsest {

RequestSplitter::RequestSplitter(Bytes total_bytes, Bytes row_bytes, Bytes request_bytes)
    : total_(total_bytes), row_(std::max<Bytes>(row_bytes, 1)), request_(request_bytes) {}

RequestPiece RequestSplitter::next() {
    const Bytes in_row = offset_ % row_;
    Bytes bytes = row_ - in_row;
    if (bytes > request_) {
        bytes = request_;
    } else if (in_row == 0) {
        bytes = std::max(row_, request_ / row_ * row_);  // as many whole rows as one request holds
    }
    bytes = std::min(bytes, total_ - offset_);
    const RequestPiece piece{offset_, bytes};
    offset_ += bytes;
    return piece;
}

Bytes total_bytes(const DmaCommand& command, Bytes kv_token_bytes) {
    if (const auto* region = std::get_if<DramRegion>(&command.memory)) {
        return region->bytes();
    }
    return std::get<KvAccess>(command.memory).count * kv_token_bytes;
}

void append_segments(const DramRegion& region, const RequestPiece& piece, std::vector<DramSegment>& segments) {
    Bytes offset = piece.offset;
    Bytes left = piece.bytes;
    while (left > 0) {
        const Bytes row = offset / region.row_bytes;
        const Bytes column = offset % region.row_bytes;
        const Bytes bytes = std::min(left, region.row_bytes - column);
        const Bytes address = region.address + row * region.stride_bytes + column;
        if (!segments.empty() && segments.back().address + segments.back().bytes == address) {
            segments.back().bytes += bytes;
        } else {
            segments.push_back({address, bytes});
        }
        offset += bytes;
        left -= bytes;
    }
}

BufferRegion words_of(const BufferRegion& region, const RequestPiece& piece, std::uint32_t word_bytes) {
    const auto first = static_cast<std::uint32_t>(ceil_div<Bytes>(piece.offset, word_bytes));
    const auto end = static_cast<std::uint32_t>(ceil_div<Bytes>(piece.offset + piece.bytes, word_bytes));
    return {region.where, region.first_word + first, end - first};
}

}  // namespace palimpsest
