#include "hardware/kv_mmu/write_combiner.h"

#include <algorithm>

namespace palimpsest {
namespace {

Bytes end_of(const DramSegment& segment) {
    return segment.address + segment.bytes;
}

/// Appends, as one with the last where the two touch.
void append(DramSegment segment, std::vector<DramSegment>& out) {
    if (!out.empty() && end_of(out.back()) == segment.address) {
        out.back().bytes += segment.bytes;
    } else {
        out.push_back(segment);
    }
}

}  // namespace

WriteCombiner::WriteCombiner(Bytes burst_bytes, std::uint32_t capacity)
    : burst_bytes_(burst_bytes), capacity_(capacity) {
    entries_.reserve(capacity);
}

Bytes WriteCombiner::held_bytes() const {
    Bytes held = 0;
    for (const Entry& entry : entries_) {
        for (const DramSegment& piece : entry.pieces) {
            held += piece.bytes;
        }
    }
    return held;
}

void WriteCombiner::drain(std::size_t index, std::vector<DramSegment>& drained) {
    for (const DramSegment& piece : entries_[index].pieces) {
        append(piece, drained);
    }
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
    ++accesses_;
}

void WriteCombiner::put(DramSegment piece, std::vector<DramSegment>& drained) {
    const Bytes burst = piece.address - piece.address % burst_bytes_;
    auto entry = std::ranges::find(entries_, burst, &Entry::burst);
    if (entry == entries_.end()) {
        if (entries_.size() == capacity_) {
            drain(0, drained);
        }
        entry = entries_.insert(entries_.end(), Entry{burst, {}});
    }
    // What the piece overlaps or touches becomes one piece with it.
    auto& pieces = entry->pieces;
    const auto first = std::ranges::find_if(pieces, [&](const DramSegment& p) { return end_of(p) >= piece.address; });
    auto last = first;
    Bytes begin = piece.address;
    Bytes end = end_of(piece);
    for (; last != pieces.end() && last->address <= end_of(piece); ++last) {
        begin = std::min(begin, last->address);
        end = std::max(end, end_of(*last));
    }
    pieces.insert(pieces.erase(first, last), DramSegment{begin, end - begin});
    ++accesses_;
    if (pieces.front().bytes == burst_bytes_) {
        drain(static_cast<std::size_t>(entry - entries_.begin()), drained);
    }
}

void WriteCombiner::write(std::span<const DramSegment> segments, std::vector<DramSegment>& drained) {
    if (capacity_ == 0) {
        drained.insert(drained.end(), segments.begin(), segments.end());
        return;
    }
    for (const DramSegment& segment : segments) {
        const Bytes end = end_of(segment);
        const Bytes whole_begin = round_up(segment.address, burst_bytes_);
        const Bytes whole_end = end - end % burst_bytes_;
        if (whole_begin > whole_end) {
            put(segment, drained);  // inside one burst
            continue;
        }
        if (segment.address < whole_begin) {
            put({segment.address, whole_begin - segment.address}, drained);
        }
        if (whole_begin < whole_end) {
            // What entries hold of these bursts is overwritten before it ever reached DRAM.
            std::erase_if(entries_, [&](const Entry& e) { return e.burst >= whole_begin && e.burst < whole_end; });
            append({whole_begin, whole_end - whole_begin}, drained);
        }
        if (whole_end < end) {
            put({whole_end, end - whole_end}, drained);
        }
    }
}

void WriteCombiner::read(std::span<const DramSegment> segments, std::vector<DramSegment>& drained) {
    for (const DramSegment& segment : segments) {
        if (entries_.empty()) {
            return;
        }
        const Bytes first = segment.address - segment.address % burst_bytes_;
        for (std::size_t i = 0; i < entries_.size();) {
            if (entries_[i].burst >= first && entries_[i].burst < end_of(segment)) {
                drain(i, drained);
            } else {
                ++i;
            }
        }
    }
}

void WriteCombiner::flush(std::vector<DramSegment>& drained) {
    while (!entries_.empty()) {
        drain(0, drained);
    }
}

}  // namespace palimpsest
