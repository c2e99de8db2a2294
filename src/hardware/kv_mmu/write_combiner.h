#pragma once
// Write-combining buffer: pieces of a DRAM burst that are written one after another go to DRAM as one write.
//
// Entries of one burst each, in order of age. What a write covers of whole bursts passes by; a piece of a burst is put
// into the burst's entry. An entry leaves (is drained) when it is full, when a new piece finds no entry free (the
// oldest leaves), when a read touches its burst, or on flush. Capacity 0: every write passes by untouched.

#include <cstdint>
#include <span>
#include <vector>

#include "hardware/memory_request.h"

namespace palimpsest {

class WriteCombiner {
  public:
    WriteCombiner(Bytes burst_bytes, std::uint32_t capacity);

    /// Takes a write; appends what has to go to DRAM now, in order.
    void write(std::span<const DramSegment> segments, std::vector<DramSegment>& drained);
    /// Drains the entries whose burst a read of `segments` touches.
    void read(std::span<const DramSegment> segments, std::vector<DramSegment>& drained);
    /// Drains all entries, oldest first.
    void flush(std::vector<DramSegment>& drained);

    std::size_t entries() const { return entries_.size(); }
    Bytes held_bytes() const;
    /// Pieces put into entries and entries drained, so far.
    std::uint64_t accesses() const { return accesses_; }

  private:
    struct Entry {
        Bytes burst = 0;                  ///< address of the burst
        std::vector<DramSegment> pieces;  ///< covered, ascending, neither overlapping nor touching
    };
    void put(DramSegment piece, std::vector<DramSegment>& drained);
    void drain(std::size_t index, std::vector<DramSegment>& drained);

    Bytes burst_bytes_;
    std::uint32_t capacity_;
    std::vector<Entry> entries_;  ///< oldest first
    std::uint64_t accesses_ = 0;
};

}  // namespace palimpsest
