#pragma once
// The score store as a walk: vector after vector is put on chip until one does not fit, the rest into DRAM.

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "config/hardware_config.h"
#include "config/run_config.h"
#include "hardware/kv_mmu/kv_geometry.h"

namespace palimpsest {

class GoldenScoreStore {
  public:
    struct Place {
        bool on_chip = false;
        Bytes address = 0;  ///< in DRAM
    };

    GoldenScoreStore(const KvMmuConfig& config, const CacheConfig& cache, const KvGeometry& geometry) {
        // A score does not straddle words.
        for (std::uint32_t left = geometry.slots; left > 0;) {
            vector_bytes_ += config.score_word_bytes;
            for (std::uint32_t bits = cache.score_bits; bits <= config.score_word_bytes * 8 && left > 0;
                 bits += cache.score_bits) {
                --left;
            }
        }
        Bytes next = geometry.score_base, used = 0;
        for (std::uint32_t request = 0; request < geometry.batch; ++request) {
            for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
                for (std::uint32_t head = 0; head < geometry.kv_heads; ++head) {
                    const bool first = cache.scope == EvictionScope::head ||
                                       (cache.scope == EvictionScope::layer && head == 0) || layer + head == 0;
                    if (first) {
                        add(config, geometry, next, used);
                    }
                    number_[{request, layer, head}] = places_.size() - 1;
                }
            }
        }
        dram_bytes_ = next - geometry.score_base;
    }

    std::uint64_t vector_of(std::uint32_t request, std::uint32_t layer, std::uint32_t head) const {
        return number_.at({request, layer, head});
    }
    const Place& place(std::uint64_t vector) const { return places_.at(vector); }
    std::uint64_t vectors() const { return places_.size(); }
    Bytes vector_bytes() const { return vector_bytes_; }
    Bytes dram_bytes() const { return dram_bytes_; }

  private:
    void add(const KvMmuConfig& config, const KvGeometry& geometry, Bytes& next, Bytes& used) {
        full_ = full_ || used + vector_bytes_ > config.score_store_bytes;
        if (!full_) {
            used += vector_bytes_;
            places_.push_back({true, 0});
            return;
        }
        places_.push_back({false, next});
        next += vector_bytes_;
        while (next % geometry.burst_bytes != 0) {
            ++next;
        }
    }

    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint64_t> number_;
    std::vector<Place> places_;
    Bytes vector_bytes_ = 0, dram_bytes_ = 0;
    bool full_ = false;
};

}  // namespace palimpsest
