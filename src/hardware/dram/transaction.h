#pragma once
// What the DRAM system is asked for: a list of pieces of memory, read or written as one transaction.

#include <cstdint>
#include <span>

#include "palimpsest/counters.h"
#include "palimpsest/types.h"

namespace palimpsest {

using DramClock = std::uint64_t;  ///< clocks of tCK since reset; clock k lasts from k * tCK to (k + 1) * tCK
inline constexpr DramClock kNever = ~DramClock{0};

/// A contiguous piece of DRAM.
struct DramSegment {
    Bytes address = 0;
    Bytes bytes = 0;
    bool operator==(const DramSegment&) const = default;
};

/// A request of a sender of many, as traces have them.
struct DramRequest {
    static constexpr std::uint64_t kNoCycle = ~std::uint64_t{0};

    std::uint64_t address : 63;
    std::uint64_t write : 1;
    std::uint64_t cycle;  ///< DRAM clock at which it arrives; kNoCycle: as soon as the one before it is taken
};

/// What a sender of many requests is told of each; it owns it and keeps it in place.
struct DramAnswer {
    DramClock taken = 0;       ///< the last burst was taken from the FIFO
    DramClock completion = 0;  ///< as of a transaction; valid when no burst is open
    std::uint32_t open_bursts = 0;
};

/// One read or write. The sender owns it and keeps it in place until it is finished; it may then be used again.
struct DramTransaction {
    std::span<const DramSegment> segments;  ///< looked at during send() only
    bool write = false;
    bool urgent = false;  ///< its bursts go before those that are not, once they are in their queue
    Traffic traffic = Traffic::weights;

    /// Answer: the clock at which its last burst was taken from the FIFO.
    DramClock taken = 0;
    /// Answer: the first clock at which a read's last byte is there (which may lie ahead of the clock in which this
    /// becomes known), or a write's last burst is in the write queue.
    DramClock completion = 0;
    /// Answer: clocks up to the last column command (write: the last burst taken) that were lost to refresh.
    DramClock refresh_wait = 0;

    std::uint64_t user = 0;        ///< the sender's own
    std::uint32_t open_parts = 0;  ///< the DRAM system's own: channels that still work on it
};

}  // namespace palimpsest
