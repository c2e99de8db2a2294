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

/// From the first to behind the last byte: most entries lie outside, and need no look at the segments.
DramSegment bounds_of(std::span<const DramSegment> segments) {
    Bytes begin = segments.front().address;
    Bytes end = end_of(segments.front());
    for (const DramSegment& segment : segments) {
        begin = std::min(begin, segment.address);
        end = std::max(end, end_of(segment));
    }
    return {begin, end - begin};
}

bool overlap(const DramSegment& a, const DramSegment& b) {
    return a.address < end_of(b) && b.address < end_of(a);
}

/// A segment at burst boundaries: the piece before the first whole burst, the whole bursts, the piece behind them.
struct Cut {
    DramSegment front, whole, back;
};

Cut cut(const DramSegment& segment, Bytes burst) {
    const Bytes end = end_of(segment);
    const Bytes whole_begin = round_up(segment.address, burst);
    const Bytes whole_end = end - end % burst;
    if (whole_begin > whole_end) {  // inside one burst
        return {segment, {}, {}};
    }
    return {{segment.address, whole_begin - segment.address},
            {whole_begin, whole_end - whole_begin},
            {whole_end, end - whole_end}};
}

}  // namespace

WriteCombiner::WriteCombiner(const KvMmuConfig& config, const KvGeometry& geometry)
    : flush_(config.write_combine_flush),
      drain_(config.write_combine_drain),
      reads_(config.write_combine_reads),
      burst_bytes_(geometry.burst_bytes),
      stripe_bytes_(geometry.stripe_bytes),
      capacity_(config.write_combine_entries) {
    entries_.reserve(capacity_);
}

Bytes WriteCombiner::held_bytes() const {
    Bytes held = 0;
    for (const Entry& entry : entries_) {
        held += entry.bytes();
    }
    return held;
}

Bytes WriteCombiner::Entry::bytes() const {
    Bytes held = 0;
    for (const DramSegment& piece : pieces) {
        held += piece.bytes;
    }
    return held;
}

void WriteCombiner::drain_marked(std::vector<DramSegment>& drained) {
    if (drain_ != WriteCombineDrain::entry) {
        rows_.clear();
        for (const Entry& entry : entries_) {
            if (entry.leaving) {
                rows_.push_back(row_of(entry.burst));
            }
        }
        for (Entry& entry : entries_) {
            entry.leaving = entry.leaving || std::ranges::find(rows_, row_of(entry.burst)) != rows_.end();
        }
    }
    accesses_ += std::erase_if(entries_, [&](const Entry& entry) {  // visits them in order
        if (entry.leaving) {
            for (const DramSegment& piece : entry.pieces) {
                append(piece, drained);
            }
        }
        return entry.leaving;
    });
}

void WriteCombiner::make_room(std::vector<DramSegment>& drained) {
    if (entries_.size() == capacity_) {
        entries_.front().leaving = true;
        drain_marked(drained);
    }
}

void WriteCombiner::put(DramSegment piece, std::vector<DramSegment>& drained) {
    const Bytes burst = piece.address - piece.address % burst_bytes_;
    auto entry = std::ranges::find(entries_, burst, &Entry::burst);
    if (entry == entries_.end()) {
        make_room(drained);
        entry = entries_.insert(entries_.end(), Entry{burst, {}, false});
        peak_ = std::max(peak_, entries_.size());
    }
    // What the piece overlaps or touches becomes one piece with it.
    auto& pieces = entry->pieces;
    const auto first = std::ranges::find_if(pieces, [&](const DramSegment& p) { return end_of(p) >= piece.address; });
    auto last = first;
    Bytes begin = piece.address;
    Bytes end = end_of(piece);
    for (; last != pieces.end() && last->address <= end_of(piece); ++last) {
        overwritten_ += std::min(end_of(piece), end_of(*last)) - std::max(piece.address, last->address);
        begin = std::min(begin, last->address);
        end = std::max(end, end_of(*last));
    }
    pieces.insert(pieces.erase(first, last), DramSegment{begin, end - begin});
    ++accesses_;
    if (flush_ == WriteCombineFlush::step && pieces.front().bytes == burst_bytes_) {
        append(pieces.front(), drained);  // alone, whatever waits for its row: those may yet become complete
        entries_.erase(entry);
        ++accesses_;
    }
}

void WriteCombiner::put_bursts(DramSegment bursts, bool hold, std::vector<DramSegment>& drained) {
    if (hold) {
        for (Bytes at = bursts.address; at < end_of(bursts); at += burst_bytes_) {
            put({at, burst_bytes_}, drained);
        }
        return;
    }
    // What entries hold of these bursts is overwritten before it ever reached DRAM.
    std::erase_if(entries_, [&](const Entry& e) {
        const bool again = e.burst >= bursts.address && e.burst < end_of(bursts);
        overwritten_ += again ? e.bytes() : 0;
        return again;
    });
    append(bursts, drained);
}

void WriteCombiner::write(std::span<const DramSegment> segments, std::vector<DramSegment>& drained) {
    if (capacity_ == 0) {
        drained.insert(drained.end(), segments.begin(), segments.end());
        return;
    }
    Bytes whole = 0;
    for (const DramSegment& segment : segments) {
        whole += cut(segment, burst_bytes_).whole.bytes;
    }
    const bool hold = flush_ == WriteCombineFlush::full && whole / burst_bytes_ <= capacity_ / 2;
    for (const DramSegment& segment : segments) {
        const Cut pieces = cut(segment, burst_bytes_);
        if (pieces.front.bytes > 0) {
            put(pieces.front, drained);
        }
        if (pieces.whole.bytes > 0) {
            put_bursts(pieces.whole, hold, drained);
        }
        if (pieces.back.bytes > 0) {
            put(pieces.back, drained);
        }
    }
}

void WriteCombiner::read(std::vector<DramSegment>& segments, std::vector<DramSegment>& drained) {
    if (entries_.empty() || segments.empty()) {
        return;
    }
    if (reads_ == WriteCombineReads::forward) {
        forward(segments);
        return;
    }
    const DramSegment bounds = bounds_of(segments);
    bool any = false;
    for (Entry& entry : entries_) {
        const DramSegment burst{entry.burst, burst_bytes_};
        entry.leaving = overlap(burst, bounds) &&
                        std::ranges::any_of(segments, [&](const DramSegment& s) { return overlap(s, burst); });
        any = any || entry.leaving;
    }
    if (any) {
        drain_marked(drained);
    }
}

void WriteCombiner::forward(std::vector<DramSegment>& segments) {
    // What is held of the segments, in no order; each byte is held once.
    scratch_.clear();
    const DramSegment bounds = bounds_of(segments);
    for (const Entry& entry : entries_) {
        const DramSegment burst{entry.burst, burst_bytes_};
        if (!overlap(burst, bounds)) {
            continue;
        }
        const std::size_t before = scratch_.size();
        for (const DramSegment& segment : segments) {
            if (!overlap(segment, burst)) {
                continue;
            }
            for (const DramSegment& piece : entry.pieces) {
                const Bytes begin = std::max(segment.address, piece.address);
                const Bytes end = std::min(end_of(segment), end_of(piece));
                if (begin < end) {
                    scratch_.push_back({begin, end - begin});
                }
            }
        }
        accesses_ += scratch_.size() > before ? 1 : 0;
    }
    if (scratch_.empty()) {
        return;
    }
    for (const DramSegment& held : scratch_) {
        forwarded_ += held.bytes;
    }
    std::ranges::sort(scratch_, {}, &DramSegment::address);
    std::vector<DramSegment> left;
    for (const DramSegment& segment : segments) {
        Bytes at = segment.address;
        for (auto held = std::ranges::lower_bound(scratch_, at, {}, &DramSegment::address);
             held != scratch_.end() && held->address < end_of(segment); ++held) {
            if (held->address > at) {
                left.push_back({at, held->address - at});
            }
            at = std::max(at, end_of(*held));
        }
        if (at < end_of(segment)) {
            left.push_back({at, end_of(segment) - at});
        }
    }
    segments.swap(left);
}

void WriteCombiner::row_opened(std::span<const DramSegment> segments, std::vector<DramSegment>& drained) {
    if (drain_ != WriteCombineDrain::open_row || entries_.empty() || segments.empty()) {
        return;
    }
    const DramSegment bounds = bounds_of(segments);
    bool any = false;
    for (Entry& entry : entries_) {
        const Bytes row = row_of(entry.burst);
        if (row < row_of(bounds.address) || row > row_of(end_of(bounds) - 1)) {
            continue;
        }
        entry.leaving = std::ranges::any_of(
            segments, [&](const DramSegment& s) { return row_of(s.address) <= row && row <= row_of(end_of(s) - 1); });
        any = any || entry.leaving;
    }
    if (any) {
        drain_marked(drained);
    }
}

void WriteCombiner::drop(const std::function<bool(Bytes burst)>& dead) {
    accesses_ += std::erase_if(entries_, [&](const Entry& entry) {
        const bool dies = dead(entry.burst);
        overwritten_ += dies ? entry.bytes() : 0;
        return dies;
    });
}

void WriteCombiner::flush(std::vector<DramSegment>& drained) {
    for (Entry& entry : entries_) {
        entry.leaving = true;
    }
    drain_marked(drained);
}

}  // namespace palimpsest
