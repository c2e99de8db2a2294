#pragma once
// Admission by KV capacity: who has which bytes of the KV region. Plain bookkeeping of the host's, in no time.
//
// Partitions   As many as the region holds, all equal: what eviction to a constant number of slots makes possible. A
//              request has one partition, whatever its length; no free byte is ever out of reach.
// First fit    Each request has neighbouring bytes for all it will ever hold, the first free ones that are enough. What
//              is free may be in pieces, each too small: external fragmentation.

#include <cstdint>
#include <map>
#include <optional>

#include "palimpsest/types.h"

namespace palimpsest {

class KvReservations {
  public:
    static KvReservations partitions(std::uint32_t count, Bytes bytes_each);
    static KvReservations first_fit(Bytes capacity);

    /// Reserves `bytes`, with partitions a whole one, and returns where they begin; nothing where there is no room.
    std::optional<Bytes> reserve(Bytes bytes);
    /// Gives back what begins at `offset`; neighbouring free bytes become one piece.
    void release(Bytes offset);

    /// Whether `bytes` would find room in an empty region.
    bool could_ever_hold(Bytes bytes) const { return bytes <= (partition_ > 0 ? partition_ : capacity_); }
    Bytes capacity() const { return capacity_; }
    Bytes reserved() const { return reserved_; }
    Bytes free() const { return capacity_ - reserved_; }
    /// The most that one request could be given now; with partitions all that is free is of use.
    Bytes usable() const;

  private:
    KvReservations(Bytes capacity, Bytes partition);

    Bytes capacity_;
    Bytes partition_;  ///< 0: first fit
    Bytes reserved_ = 0;
    std::map<Bytes, Bytes> free_;   ///< pieces by where they begin, never touching
    std::map<Bytes, Bytes> taken_;  ///< the same of what is reserved
};

}  // namespace palimpsest
