#pragma once
// Slow models of what the KV-MMU's parts hold and where they put it: plain containers, one byte or one token at a time.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "hardware/kv_mmu/kv_geometry.h"
#include "hardware/memory_request.h"

namespace palimpsest {

/// Which token sits in which slot of one set: an ordered map, looked through from the start each time.
class GoldenSlotSet {
  public:
    void place(std::uint32_t slot, std::uint32_t position) { token_in_[slot] = position; }
    void free(std::uint32_t slot) { token_in_.erase(slot); }
    const std::map<std::uint32_t, std::uint32_t>& tokens() const { return token_in_; }

    /// Places of the residents in delivery order, by the words of the storage modes.
    std::vector<std::uint32_t> places(StorageMode storage) const {
        std::vector<std::uint32_t> out;
        if (storage == StorageMode::in_place) {
            for (const auto& [slot, position] : token_in_) {
                out.push_back(slot);
            }
            return out;
        }
        std::set<std::uint32_t> positions;
        for (const auto& [slot, position] : token_in_) {
            positions.insert(position);
        }
        for (const std::uint32_t position : positions) {
            out.push_back(storage == StorageMode::append_gather ? position : static_cast<std::uint32_t>(out.size()));
        }
        return out;
    }
    std::uint32_t place_of(StorageMode storage, std::uint32_t position) const {
        std::uint32_t earlier = 0;
        std::uint32_t slot_of = 0;
        for (const auto& [slot, other] : token_in_) {
            earlier += other < position ? 1 : 0;
            slot_of = other == position ? slot : slot_of;
        }
        return storage == StorageMode::in_place ? slot_of : storage == StorageMode::append_gather ? position : earlier;
    }

  private:
    std::map<std::uint32_t, std::uint32_t> token_in_;
};

/// The KV region laid out by walking through it: each byte of each vector gets the next free address, each matrix or
/// region starts on a burst. With bank-interleaved placement the walk is over the addresses: it looks at which bank
/// each lies in, and gives it to the requests and the kind of vector whose bank that is.
class GoldenKvMap {
  public:
    using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

    GoldenKvMap(const CacheConfig& cache, const KvGeometry& g) : g_(g) {
        const std::uint32_t places = cache.storage == StorageMode::append_gather ? g.positions : g.slots;
        for (std::uint32_t element = 0; element < g.head_dim; ++element) {
            bits_ += cache.kv_bits;
            bits_ += cache.kv_bits == 4 && element % cache.kv_group == 0 ? cache.kv_scale_bits : 0;
        }
        const bool by_bank = cache.placement == CachePlacement::bank_interleaved;
        // Which requests (by remainder) and which of K and V share one walk.
        turns_ = by_bank && g.stripe_banks >= 4 && g.batch >= 2 ? 2 : 1;
        std::vector<std::set<std::uint32_t>> kinds{{0, 1}};
        if (by_bank) {
            kinds = {{0}, {1}};
        }
        std::size_t walk = 0;
        for (const auto& kind : kinds) {
            for (std::uint32_t turn = 0; turn < turns_; ++turn) {
                start_walk(walk++, by_bank ? kinds.size() * turns_ : 1);
                for (std::uint32_t request = turn; request < g.batch; request += turns_) {
                    for (std::uint32_t layer = 0; layer < g.layers; ++layer) {
                        lay_out(cache.layout, request, layer, kind, places);
                    }
                }
                align();
            }
        }
        if (by_bank) {  // whole rows of all banks
            while (bytes_ % (g.stripe_bytes * g.stripe_banks) != 0) {
                ++bytes_;
            }
        }
    }

    Bytes bytes() const { return bytes_; }
    Bytes vector_bytes() const { return bits_ / 8; }
    Bytes address(const KvAccess& access, std::uint32_t place, Bytes byte) const {
        return address_.at(
            {access.request.value, access.layer.value, access.head.value, access.value ? 1U : 0U, place})[byte];
    }
    /// Segments of stream bytes [offset, offset + bytes) of vectors at `places`, found byte by byte.
    std::vector<DramSegment> segments(const KvAccess& access, const std::vector<std::uint32_t>& places, Bytes offset,
                                      Bytes bytes) const {
        std::vector<DramSegment> out;
        for (Bytes b = offset; b < offset + bytes; ++b) {
            const Bytes at = address(access, places[b / vector_bytes()], b % vector_bytes());
            if (!out.empty() && out.back().address + out.back().bytes == at) {
                ++out.back().bytes;
            } else {
                out.push_back({at, 1});
            }
        }
        return out;
    }
    /// Which of the banks that stripes go through in turn an address lies in.
    std::uint32_t bank_of(Bytes address) const { return address / g_.stripe_bytes % g_.stripe_banks; }

  private:
    void start_walk(std::size_t walk, std::size_t walks) {
        next_ = g_.kv_base;
        walked_ = 0;
        mine_.assign(walks == 1 ? 1 : g_.stripe_banks, walks == 1);
        for (std::size_t bank = 0; walks > 1 && bank < mine_.size(); ++bank) {
            mine_[bank] = bank / (mine_.size() / walks) == walk;
        }
    }
    Bytes take() {
        while (mine_.size() > 1 && !mine_[bank_of(next_)]) {
            ++next_;
        }
        ++walked_;
        bytes_ = std::max(bytes_, next_ + 1 - g_.kv_base);
        return next_++;
    }
    void align() {
        while (walked_ % g_.burst_bytes != 0) {
            take();
        }
    }
    void put(const Key& key) {
        for (Bytes i = 0; i < vector_bytes(); ++i) {
            address_[key].push_back(take());
        }
    }
    void lay_out(CacheLayout layout, std::uint32_t request, std::uint32_t layer, const std::set<std::uint32_t>& kind,
                 std::uint32_t places) {
        if (layout == CacheLayout::head_major) {
            for (std::uint32_t head = 0; head < g_.kv_heads; ++head) {
                for (const std::uint32_t v : kind) {
                    align();
                    for (std::uint32_t place = 0; place < places; ++place) {
                        put({request, layer, head, v, place});
                    }
                }
            }
            return;
        }
        align();
        for (std::uint32_t place = 0; place < places; ++place) {
            for (const std::uint32_t v : kind) {
                for (std::uint32_t head = 0; head < g_.kv_heads; ++head) {
                    put({request, layer, head, v, place});
                }
            }
        }
    }

    KvGeometry g_;
    Bytes bits_ = 0;  ///< of a vector
    std::uint32_t turns_ = 1;
    std::vector<bool> mine_;  ///< by bank: the walk at hand goes through it
    Bytes next_ = 0, walked_ = 0;
    std::map<Key, std::vector<Bytes>> address_;
    Bytes bytes_ = 0;
};

/// The write-combining buffer as sets of bytes, one burst at a time.
class GoldenCombiner {
  public:
    GoldenCombiner(Bytes burst, std::size_t capacity) : burst_(burst), capacity_(capacity) {}

    /// Each operation returns the bytes that go to DRAM, in order.
    std::vector<Bytes> write(const std::vector<DramSegment>& segments) {
        std::vector<Bytes> out;
        for (const DramSegment& s : segments) {
            for (Bytes at = s.address; at < s.address + s.bytes;) {
                const Bytes burst = at / burst_;
                const Bytes stop = std::min((burst + 1) * burst_, s.address + s.bytes);
                if (capacity_ == 0) {
                    append(at, stop, out);
                } else if (stop - at == burst_) {
                    std::erase_if(entries_, [&](const Entry& e) { return e.burst == burst; });
                    append(at, stop, out);
                } else {
                    merge(burst, at, stop, out);
                }
                at = stop;
            }
        }
        return out;
    }
    std::vector<Bytes> read(const std::vector<DramSegment>& segments) {
        std::vector<Bytes> out;
        for (const DramSegment& s : segments) {
            for (std::size_t i = 0; i < entries_.size();) {
                bool touched = false;
                for (Bytes at = s.address; at < s.address + s.bytes; ++at) {
                    touched = touched || at / burst_ == entries_[i].burst;
                }
                if (touched) {
                    leave(i, out);
                } else {
                    ++i;
                }
            }
        }
        return out;
    }
    std::vector<Bytes> flush() {
        std::vector<Bytes> out;
        while (!entries_.empty()) {
            leave(0, out);
        }
        return out;
    }
    std::uint64_t accesses() const { return accesses_; }
    std::size_t entries() const { return entries_.size(); }

  private:
    struct Entry {
        Bytes burst;
        std::set<Bytes> bytes;
    };
    static void append(Bytes from, Bytes to, std::vector<Bytes>& out) {
        for (; from < to; ++from) {
            out.push_back(from);
        }
    }
    void leave(std::size_t i, std::vector<Bytes>& out) {
        out.insert(out.end(), entries_[i].bytes.begin(), entries_[i].bytes.end());
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
        ++accesses_;
    }
    void merge(Bytes burst, Bytes from, Bytes to, std::vector<Bytes>& out) {
        std::size_t i = 0;
        while (i < entries_.size() && entries_[i].burst != burst) {
            ++i;
        }
        if (i == entries_.size()) {
            if (entries_.size() == capacity_) {
                leave(0, out);
                --i;
            }
            entries_.push_back({burst, {}});
        }
        for (; from < to; ++from) {
            entries_[i].bytes.insert(from);
        }
        ++accesses_;
        if (entries_[i].bytes.size() == burst_) {
            leave(i, out);
        }
    }

    Bytes burst_;
    std::size_t capacity_;
    std::vector<Entry> entries_;
    std::uint64_t accesses_ = 0;
};

}  // namespace palimpsest
