#pragma once
// How full the SRAM buffers are, for waveforms: the words of tiles that have begun to arrive and that a command under
// way, or one the sequencer already holds, still reads or writes.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "hardware/command.h"
#include "hardware/sram_buffers.h"

namespace palimpsest {

/// Follows commands through the sequencer. Tiles are told apart by their first word; parts of one tile that start
/// elsewhere count for themselves, and a half never holds more than its size.
///
/// A place is filled again and again. A command that writes it begins a new filling once the last one has a reader; the
/// tokens of write after read see to it that all users of one filling are complete before the next begins.
class BufferOccupancy {
  public:
    explicit BufferOccupancy(SramBuffers& buffers) : buffers_(buffers) {}

    /// The sequencer has taken the command in.
    void queued(const Command& command);
    /// The command is at its unit: what it writes begins to fill.
    void issued(const Command& command);
    /// What no other command needs any more is free.
    void completed(const Command& command);

  private:
    struct Filling {
        std::uint32_t words = 0;
        std::uint32_t users = 0;  ///< commands queued or under way
        bool has_reader = false;
        bool arriving = false;  ///< a writer has been issued
    };
    using Half = std::map<std::uint32_t, std::deque<Filling>>;  ///< by first word, oldest filling first

    Half& half_of(const BufferRegion& region);
    void add_user(const BufferRegion& region, bool begins_filling, bool reads);
    void show(const BufferRegion& region);

    SramBuffers& buffers_;
    std::array<Half, 2 * kBufferCount> halves_;
};

/// The regions a command reads, and those it writes.
struct CommandRegions {
    std::vector<BufferRegion> reads, writes;
};
CommandRegions regions_of(const Command& command);

}  // namespace palimpsest
