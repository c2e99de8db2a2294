#pragma once
// The bursts that the scheduler sees, reads or writes, of one channel: a list of all and a list a bank, oldest first.
// An entry is a run of bursts that came one after another and have consecutive columns of a row.

#include <array>
#include <bit>
#include <cstdint>

#include "hardware/dram/address_map.h"
#include "hardware/dram/device_timing.h"
#include "palimpsest/counters.h"

namespace palimpsest {

inline constexpr std::uint32_t kMaxQueue = 64;  ///< bursts a queue can hold: free slots are bits of one word

/// Who waits for a burst: a part of a transaction, or an answer of a stream (channel.h).
struct BurstOwner {
    std::uint32_t index = 0;
    bool streamed = false;
    bool urgent = false;
    Traffic traffic = Traffic::weights;
    /// Whether `next`'s burst may follow `bursts` of this owner's in a run: the same part goes on, or single requests
    /// of one burst follow one another.
    bool goes_on(const BurstOwner& next, std::uint32_t bursts) const {
        return next.index == index + (streamed ? bursts : 0) && next.streamed == streamed && next.urgent == urgent &&
               next.traffic == traffic;
    }
    /// The owner of the burst that many further.
    BurstOwner after(std::uint32_t bursts) const {
        BurstOwner owner = *this;
        owner.index += streamed ? bursts : 0;
        return owner;
    }
};

class BurstQueue {
  public:
    using Slot = std::uint8_t;
    static constexpr Slot kNone = 0xff;

    struct Entry {
        // Of the run's first burst; the others follow in order and column.
        std::uint64_t order = 0;  ///< of entry into the channel's queues, urgent ones first; smaller is older
        std::uint32_t row = 0;
        std::uint16_t column = 0;
        std::uint8_t bank = 0;
        BurstOwner owner;                     ///< unused for posted writes, its traffic class apart
        std::uint8_t count = 1;               ///< bursts
        bool activated = false;               ///< an ACT was issued for it
        bool precharged = false;              ///< a PRE was issued for it
        Slot previous = kNone, next = kNone;  ///< in its bank, by age
        Slot older = kNone, younger = kNone;  ///< of all banks

        /// A burst that has just come, in no list yet. Field by field: a copy of the whole would wait for its parts.
        void fill(const DramLocation& where, const BurstOwner& its_owner, std::uint64_t its_order,
                  std::uint32_t bursts) {
            order = its_order;
            count = static_cast<std::uint8_t>(bursts);
            row = where.row;
            column = where.column;
            bank = where.bank;
            owner.index = its_owner.index;
            owner.streamed = its_owner.streamed;
            owner.urgent = its_owner.urgent;
            owner.traffic = its_owner.traffic;
            activated = precharged = false;
        }
    };

    explicit BurstQueue(std::uint32_t capacity)
        : capacity_(capacity), free_(capacity >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << capacity) - 1) {
        head_.fill(kNone);
        tail_.fill(kNone);
        hit_.fill(kNone);
    }

    std::uint32_t size() const { return size_; }
    bool full() const { return size_ == capacity_; }
    std::uint32_t room() const { return capacity_ - size_; }
    Entry& operator[](Slot slot) { return entries_[slot]; }
    const Entry& operator[](Slot slot) const { return entries_[slot]; }
    Slot oldest(std::uint32_t bank) const { return head_[bank]; }
    /// Order and bank in one word, of a bank's oldest burst and of its oldest hit: the smaller word is the older
    /// bank's. Valid where there is one.
    std::uint64_t oldest_word(std::uint32_t bank) const { return oldest_word_[bank]; }
    std::uint64_t hit_word(std::uint32_t bank) const { return hit_word_[bank]; }
    /// The oldest burst of the bank's open row; kNone while it is closed.
    Slot oldest_hit(std::uint32_t bank) const { return hit_[bank]; }

    bool contains(const DramLocation& where) const {
        for (Slot s = head_[where.bank]; s != kNone; s = entries_[s].next) {
            const Entry& entry = entries_[s];
            if (entry.row == where.row && where.column >= entry.column && where.column < entry.column + entry.count) {
                return true;
            }
        }
        return false;
    }

    /// The oldest burst of all; the next younger one is `younger` of its entry.
    Slot first() const { return first_; }
    std::uint32_t bursts_of(std::uint32_t bank) const { return count_[bank]; }
    /// Bursts whose row is not open.
    std::uint32_t strangers() const { return strangers_; }

    /// Puts bursts in their place, the first with `order`. `open`: the bank's open row is theirs.
    void insert(const DramLocation& where, std::uint64_t order, const BurstOwner& owner, bool open,
                std::uint32_t bursts = 1) {
        const std::uint32_t bank = where.bank;
        size_ += bursts;
        count_[bank] = static_cast<std::uint8_t>(count_[bank] + bursts);
        strangers_ += open ? 0 : bursts;
        if (last_ != kNone) {
            Entry& last = entries_[last_];
            if (last.order + last.count == order && last.bank == bank && last.row == where.row &&
                last.column + last.count == where.column && last.owner.goes_on(owner, last.count)) {
                last.count = static_cast<std::uint8_t>(last.count + bursts);
                return;
            }
        }
        const auto slot = static_cast<Slot>(std::countr_zero(free_));
        free_ &= free_ - 1;
        Entry& entry = entries_[slot];
        entry.fill(where, owner, order, bursts);
        Slot before = tail_[bank];
        while (before != kNone && entries_[before].order > order) {  // an urgent burst goes before others
            before = entries_[before].previous;
        }
        entry.previous = before;
        entry.next = before == kNone ? head_[bank] : entries_[before].next;
        (entry.previous == kNone ? head_[bank] : entries_[entry.previous].next) = slot;
        (entry.next == kNone ? tail_[bank] : entries_[entry.next].previous) = slot;
        before = last_;
        while (before != kNone && entries_[before].order > order) {
            before = entries_[before].older;
        }
        entry.older = before;
        entry.younger = before == kNone ? first_ : entries_[before].younger;
        (entry.older == kNone ? first_ : entries_[entry.older].younger) = slot;
        (entry.younger == kNone ? last_ : entries_[entry.younger].older) = slot;
        if (entry.previous == kNone) {
            oldest_word_[bank] = word_of(slot);
        }
        if (open && (hit_[bank] == kNone || order < entries_[hit_[bank]].order)) {
            set_hit(bank, slot);
        }
    }

    /// Takes out a bank's oldest hits, of one run; the next burst of the row becomes the oldest hit.
    void remove_hits(std::uint32_t bank, std::uint32_t bursts = 1) {
        const Slot slot = hit_[bank];
        Entry& entry = entries_[slot];
        size_ -= bursts;
        count_[bank] = static_cast<std::uint8_t>(count_[bank] - bursts);
        if (entry.count > bursts) {
            entry.count = static_cast<std::uint8_t>(entry.count - bursts);
            entry.column = static_cast<std::uint16_t>(entry.column + bursts);
            entry.order += bursts;
            entry.owner.index += entry.owner.streamed ? bursts : 0;
            entry.activated = entry.precharged = false;
            hit_word_[bank] = word_of(slot);
            if (entry.previous == kNone) {
                oldest_word_[bank] = hit_word_[bank];
            }
            return;
        }
        Slot following = entry.next;
        while (following != kNone && entries_[following].row != entry.row) {
            following = entries_[following].next;
        }
        set_hit(bank, following);
        (entry.previous == kNone ? head_[bank] : entries_[entry.previous].next) = entry.next;
        (entry.next == kNone ? tail_[bank] : entries_[entry.next].previous) = entry.previous;
        (entry.older == kNone ? first_ : entries_[entry.older].younger) = entry.younger;
        (entry.younger == kNone ? last_ : entries_[entry.younger].older) = entry.older;
        if (entry.previous == kNone && entry.next != kNone) {
            oldest_word_[bank] = word_of(entry.next);
        }
        free_ |= std::uint64_t{1} << slot;
    }

    void row_opened(std::uint32_t bank, std::uint32_t row) {
        Slot first_hit = kNone;
        for (Slot s = tail_[bank]; s != kNone; s = entries_[s].previous) {
            if (entries_[s].row == row) {
                first_hit = s;
                strangers_ -= entries_[s].count;
            }
        }
        set_hit(bank, first_hit);
    }
    void row_closed(std::uint32_t bank) {
        if (hit_[bank] == kNone) {
            return;
        }
        const std::uint32_t row = entries_[hit_[bank]].row;
        for (Slot s = hit_[bank]; s != kNone; s = entries_[s].next) {
            strangers_ += entries_[s].row == row ? entries_[s].count : 0;
        }
        hit_[bank] = kNone;
    }

    /// Takes out everything.
    void clear() {
        for (; first_ != kNone; first_ = entries_[first_].younger) {
            const std::uint32_t bank = entries_[first_].bank;
            head_[bank] = tail_[bank] = hit_[bank] = kNone;
            count_[bank] = 0;
            free_ |= std::uint64_t{1} << first_;
        }
        last_ = kNone;
        size_ = strangers_ = 0;
    }

  private:
    std::uint64_t word_of(Slot slot) const { return entries_[slot].order * kMaxBanks + entries_[slot].bank; }
    void set_hit(std::uint32_t bank, Slot slot) {
        hit_[bank] = slot;
        if (slot != kNone) {
            hit_word_[bank] = word_of(slot);
        }
    }

    std::uint32_t capacity_;
    std::uint32_t size_ = 0;
    std::uint32_t strangers_ = 0;
    Slot first_ = kNone, last_ = kNone;
    std::uint64_t free_;
    std::array<Slot, kMaxBanks> head_, tail_, hit_;
    std::array<std::uint8_t, kMaxBanks> count_{};
    std::array<std::uint64_t, kMaxBanks> oldest_word_{}, hit_word_{};
    std::array<Entry, kMaxQueue> entries_;
};

}  // namespace palimpsest
