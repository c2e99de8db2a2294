#pragma once
// Write-combining buffer: pieces of K and V vectors wait in entries of one DRAM burst each until they make up a burst,
// or until the DRAM row that they go to is open.
//
// Settings (KvMmuConfig), with what they decide
//   write_combine_flush  step: whole bursts pass by, a complete entry leaves at once.
//                        full: whole bursts are held as well, unless one write has more of them than half the entries;
//                        complete entries stay.
//   write_combine_drain  what leaves with an entry that makes room or is read: entry: nothing; row, open_row: all
//                        entries of its row stripe. open_row: entries of rows that a read opens follow the read.
//   write_combine_reads  drain: entries whose burst a read touches leave before it.
//                        forward: the read takes the bytes that are held from here, and the others from DRAM.
//
// Bytes leave in order of the age of their entries. The buffer holds each byte once, the newest; what it holds is newer
// than what DRAM has. Capacity 0: every write passes by untouched.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/memory_request.h"

namespace palimpsest {

class WriteCombiner {
  public:
    WriteCombiner(const KvMmuConfig& config, const KvGeometry& geometry);

    /// Takes a write; appends what has to go to DRAM now, in order.
    void write(std::span<const DramSegment> segments, std::vector<DramSegment>& drained);
    /// A read is to go to DRAM. Appends what has to go before it; with `forward` takes out of `segments` what the
    /// buffer delivers, which may be all.
    void read(std::vector<DramSegment>& segments, std::vector<DramSegment>& drained);
    /// The read has gone to DRAM. With `open_row` appends the entries of its rows.
    void row_opened(std::span<const DramSegment> segments, std::vector<DramSegment>& drained);
    /// Empties entries whose burst `dead` names: nobody will read those bytes again.
    void drop(const std::function<bool(Bytes burst)>& dead);
    /// Drains all entries, oldest first.
    void flush(std::vector<DramSegment>& drained);

    std::size_t entries() const { return entries_.size(); }
    Bytes held_bytes() const;
    /// Of the most entries held at one time.
    Bytes peak_entry_bytes() const { return peak_ * burst_bytes_; }
    /// Pieces put into entries, entries drained or dropped, and entries read, so far.
    std::uint64_t accesses() const { return accesses_; }
    /// Bytes that reads took from here, so far.
    Bytes forwarded_bytes() const { return forwarded_; }
    /// Bytes that were written again, or dropped, before they left, so far.
    Bytes overwritten_bytes() const { return overwritten_; }

  private:
    struct Entry {
        Bytes burst = 0;                  ///< address of the burst
        std::vector<DramSegment> pieces;  ///< covered, ascending, neither overlapping nor touching
        bool leaving = false;             ///< scratch of drain_marked()

        Bytes bytes() const;
    };
    void put(DramSegment piece, std::vector<DramSegment>& drained);
    void put_bursts(DramSegment bursts, bool hold, std::vector<DramSegment>& drained);
    void make_room(std::vector<DramSegment>& drained);
    void forward(std::vector<DramSegment>& segments);
    Bytes row_of(Bytes address) const { return address / stripe_bytes_; }
    /// Drains the marked entries, and with them those of the same rows where the setting says so.
    void drain_marked(std::vector<DramSegment>& drained);

    WriteCombineFlush flush_;
    WriteCombineDrain drain_;
    WriteCombineReads reads_;
    Bytes burst_bytes_;
    Bytes stripe_bytes_;
    std::uint32_t capacity_;
    std::vector<Entry> entries_;  ///< oldest first
    std::size_t peak_ = 0;
    std::uint64_t accesses_ = 0;
    Bytes forwarded_ = 0;
    Bytes overwritten_ = 0;
    std::vector<DramSegment> scratch_;
    std::vector<Bytes> rows_;  ///< scratch of drain_marked()
};

}  // namespace palimpsest
