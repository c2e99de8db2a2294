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
        turns_ = by_bank && g.stripe_banks >= 8 && g.batch >= 2 ? 2 : 1;
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

/// A byte on its way to DRAM, with what it says.
struct GoldenByte {
    Bytes at = 0;
    std::uint64_t value = 0;
};
inline std::vector<Bytes> addresses_of(const std::vector<GoldenByte>& bytes) {
    std::vector<Bytes> out;
    for (const GoldenByte& byte : bytes) {
        out.push_back(byte.at);
    }
    return out;
}

/// The write-combining buffer byte by byte, with data: each entry is a burst and the values of the bytes it has.
class GoldenCombiner {
  public:
    GoldenCombiner(const KvMmuConfig& config, const KvGeometry& geometry) : c_(config), g_(geometry) {}

    /// All bytes of the write become `value`. Returns what goes to DRAM, in order.
    std::vector<GoldenByte> write(const std::vector<DramSegment>& segments, std::uint64_t value) {
        std::vector<GoldenByte> out;
        struct Part {
            Bytes burst;
            std::vector<Bytes> bytes;
        };
        std::vector<Part> parts;
        std::size_t whole = 0;
        for (const DramSegment& s : segments) {
            bool first = true;
            for (Bytes at = s.address; at < s.address + s.bytes; ++at) {
                if (first || parts.back().burst != at / g_.burst_bytes) {
                    parts.push_back({at / g_.burst_bytes, {}});
                    first = false;
                }
                parts.back().bytes.push_back(at);
                whole += parts.back().bytes.size() == g_.burst_bytes ? 1 : 0;
            }
        }
        const bool keeps = c_.write_combine_flush == WriteCombineFlush::full;
        for (const Part& part : parts) {
            const bool complete = part.bytes.size() == g_.burst_bytes;
            const bool passes = complete && !(keeps && 2 * whole <= c_.write_combine_entries);
            if (c_.write_combine_entries == 0 || passes) {
                std::erase_if(entries_, [&](const Entry& e) { return e.burst == part.burst; });
                for (const Bytes at : part.bytes) {
                    out.push_back({at, value});
                }
                continue;
            }
            if (find(part.burst) == entries_.size()) {
                if (entries_.size() == c_.write_combine_entries) {
                    const Bytes oldest = entries_.front().burst;
                    leave([&](Bytes burst) { return burst == oldest || together(burst, oldest); }, out);
                }
                entries_.push_back({part.burst, {}});
            }
            Entry& entry = entries_[find(part.burst)];
            for (const Bytes at : part.bytes) {
                entry.bytes[at] = value;
            }
            ++accesses_;
            if (!keeps && entry.bytes.size() == g_.burst_bytes) {
                leave([&](Bytes burst) { return burst == part.burst; }, out);
            }
        }
        return out;
    }

    struct Read {
        std::vector<GoldenByte> before, behind;  ///< writes that go to DRAM around it
        std::vector<Bytes> from_dram;            ///< in order
        std::vector<GoldenByte> forwarded;
    };
    Read read(const std::vector<DramSegment>& segments) {
        Read out;
        std::set<Bytes> touched;
        for (const DramSegment& s : segments) {
            for (Bytes at = s.address; at < s.address + s.bytes; ++at) {
                touched.insert(at / g_.burst_bytes);
            }
        }
        if (c_.write_combine_reads == WriteCombineReads::drain) {
            std::set<Bytes> read;
            for (const Entry& entry : entries_) {
                if (touched.contains(entry.burst)) {
                    read.insert(entry.burst);
                }
            }
            leave(
                [&](Bytes burst) {
                    return std::ranges::any_of(read, [&](Bytes b) { return b == burst || together(burst, b); });
                },
                out.before);
        }
        std::set<Bytes> delivering;
        std::set<Bytes> rows;
        for (const DramSegment& s : segments) {
            for (Bytes at = s.address; at < s.address + s.bytes; ++at) {
                const std::size_t i = find(at / g_.burst_bytes);
                if (i < entries_.size() && entries_[i].bytes.contains(at)) {
                    out.forwarded.push_back({at, entries_[i].bytes[at]});
                    delivering.insert(entries_[i].burst);
                } else {
                    out.from_dram.push_back(at);
                    rows.insert(at / g_.stripe_bytes);
                }
            }
        }
        accesses_ += delivering.size();
        if (c_.write_combine_drain == WriteCombineDrain::open_row) {
            leave([&](Bytes burst) { return rows.contains(burst * g_.burst_bytes / g_.stripe_bytes); }, out.behind);
        }
        return out;
    }
    std::vector<GoldenByte> flush() {
        std::vector<GoldenByte> out;
        leave([](Bytes) { return true; }, out);
        return out;
    }
    std::uint64_t accesses() const { return accesses_; }
    std::size_t entries() const { return entries_.size(); }

  private:
    struct Entry {
        Bytes burst;
        std::map<Bytes, std::uint64_t> bytes;
    };
    std::size_t find(Bytes burst) const {
        std::size_t i = 0;
        while (i < entries_.size() && entries_[i].burst != burst) {
            ++i;
        }
        return i;
    }
    /// Whether the one burst leaves because the other does.
    bool together(Bytes one, Bytes other) const {
        const Bytes bursts_a_row = g_.stripe_bytes / g_.burst_bytes;
        return c_.write_combine_drain != WriteCombineDrain::entry && one / bursts_a_row == other / bursts_a_row;
    }
    template <class Leaves>
    void leave(Leaves leaves, std::vector<GoldenByte>& out) {
        for (std::size_t i = 0; i < entries_.size();) {
            if (!leaves(entries_[i].burst)) {
                ++i;
                continue;
            }
            for (const auto& [at, value] : entries_[i].bytes) {
                out.push_back({at, value});
            }
            entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
            ++accesses_;
        }
    }

    KvMmuConfig c_;
    KvGeometry g_;
    std::vector<Entry> entries_;
    std::uint64_t accesses_ = 0;
};

}  // namespace palimpsest
