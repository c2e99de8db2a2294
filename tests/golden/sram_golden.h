#pragma once
// Golden model of SRAM port arbitration: every bank, every cycle, one grant by fixed priority, as docs/blocks/sram.md
// writes it.

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "hardware/sram_arbiter.h"

namespace palimpsest {

class GoldenSram {
  public:
    struct Finished {
        SramClientId client;
        Cycles cycle;  ///< the one after the last word
        Cycles waited;
        bool operator==(const Finished&) const = default;
    };

    explicit GoldenSram(const BuffersConfig& config)
        : configs_{config.weight, config.activation, config.kv, config.score} {}

    /// To be called between steps: counts from the coming cycle on.
    void start(SramClientId id, const BufferRegion& region, bool write) {
        streams_[static_cast<std::size_t>(id)] = {true, write, region, 0, 0};
    }
    /// Whether the array can have the bank in all cycles of the pattern.
    bool is_free(BufferHalf half, std::uint32_t bank, const AccessPattern& pattern) const {
        bool free = true;
        walk(pattern, [&](Cycles cycle) { free = free && !array_.contains(key(half, bank, cycle)); });
        return free;
    }
    void reserve(BufferHalf half, std::uint32_t bank, const AccessPattern& pattern) {
        walk(pattern, [&](Cycles cycle) { array_.insert(key(half, bank, cycle)); });
    }
    bool streaming(SramClientId id) const { return streams_[static_cast<std::size_t>(id)].active; }
    Cycles cycle() const { return cycle_; }

    /// Streams that have nothing left to move, to be asked before the step of a cycle; frees them.
    std::vector<Finished> collect() {
        std::vector<Finished> finished;
        for (std::size_t i = 1; i < kSramClients; ++i) {
            Stream& stream = streams_[i];
            if (stream.active && stream.moved == stream.region.words) {
                stream.active = false;
                finished.push_back({static_cast<SramClientId>(i), cycle_, stream.waited});
            }
        }
        return finished;
    }

    /// One clock.
    void step() {
        std::set<std::array<std::uint64_t, 3>> taken;  // ports in use in this cycle
        for (std::size_t i = 1; i < kSramClients; ++i) {
            Stream& stream = streams_[i];
            if (!stream.active || stream.moved == stream.region.words) {
                continue;
            }
            const BufferConfig& config = configs_[static_cast<std::size_t>(stream.region.where.buffer)];
            const std::uint32_t bank = (stream.region.first_word + stream.moved) / config.words_per_bank();
            const BufferHalf half = stream.region.where;
            const std::array<std::uint64_t, 3> port{static_cast<std::uint64_t>(half.buffer), half.half, bank};
            if (taken.contains(port) || array_.contains(key(half, bank, cycle_))) {
                ++stream.waited;
            } else {
                taken.insert(port);
                ++stream.moved;
                ++words[{half.buffer, stream.write}];
            }
        }
        ++cycle_;
    }

    std::map<std::pair<BufferId, bool>, std::uint64_t> words;  ///< moved by streams: buffer, write

  private:
    struct Stream {
        bool active = false;
        bool write = false;
        BufferRegion region;
        std::uint32_t moved = 0;
        Cycles waited = 0;
    };
    using Key = std::array<std::uint64_t, 4>;
    static Key key(BufferHalf half, std::uint32_t bank, Cycles cycle) {
        return {static_cast<std::uint64_t>(half.buffer), half.half, bank, cycle};
    }
    template <class F>
    static void walk(const AccessPattern& p, F&& visit) {
        for (std::uint64_t s = 0; s < p.sweeps; ++s) {
            for (std::uint64_t f = 0; f < p.folds; ++f) {
                for (std::uint64_t w = 0; w < p.words; ++w) {
                    visit(p.start + s * p.sweep_period + f * p.fold_period + w);
                }
            }
        }
    }

    std::array<BufferConfig, kBufferCount> configs_;
    std::array<Stream, kSramClients> streams_;
    std::set<Key> array_;
    Cycles cycle_ = 0;
};

}  // namespace palimpsest
