#pragma once
// What was sent to a channel and is not taken yet, in order, in runs: bursts with one owner and consecutive columns of
// a row.

#include <cstdint>

#include "hardware/dram/address_map.h"
#include "hardware/dram/burst_queue.h"
#include "hardware/dram/ring.h"

namespace palimpsest {

/// A run of bursts before they are taken into a queue.
struct Arrival {
    DramLocation where;  ///< of the first
    BurstOwner owner;
    std::uint32_t count = 1;
    bool write = false;
    bool may_match = false;  ///< a write to one of them may be queued before it
};

class ArrivalFifo {
  public:
    bool empty() const { return runs_.empty(); }
    std::uint64_t bursts() const { return bursts_; }
    std::size_t runs() const { return runs_.size(); }
    const Arrival& operator[](std::size_t i) const { return runs_[i]; }
    const Arrival& front() const { return runs_.front(); }
    const Arrival& back() const { return runs_[runs_.size() - 1]; }

    void push(const DramLocation& where, const BurstOwner& owner, std::uint32_t count, bool write, bool may_match) {
        bursts_ += count;
        if (!runs_.empty()) {
            Arrival& last = runs_.back();
            if (last.where.bank == where.bank && last.where.row == where.row &&
                last.where.column + last.count == where.column && last.owner.goes_on(owner, last.count) &&
                last.write == write && last.may_match == may_match) {
                last.count += count;
                return;
            }
        }
        Arrival& arrival = runs_.push_slot();
        arrival.where = where;  // field by field: a copy of the whole would wait for its parts
        arrival.owner.index = owner.index;
        arrival.owner.streamed = owner.streamed;
        arrival.owner.urgent = owner.urgent;
        arrival.owner.traffic = owner.traffic;
        arrival.count = count;
        arrival.write = write;
        arrival.may_match = may_match;
    }
    /// Takes bursts from the front; no more than it holds.
    void pop(std::uint64_t bursts) {
        bursts_ -= bursts;
        while (bursts > 0) {
            Arrival& first = runs_.front();
            if (first.count > bursts) {
                first.count -= static_cast<std::uint32_t>(bursts);
                first.where.column = static_cast<std::uint16_t>(first.where.column + bursts);
                first.owner.index += first.owner.streamed ? static_cast<std::uint32_t>(bursts) : 0;
                return;
            }
            bursts -= first.count;
            runs_.pop_front();
        }
    }

  private:
    detail::Ring<Arrival> runs_;
    std::uint64_t bursts_ = 0;
};

}  // namespace palimpsest
