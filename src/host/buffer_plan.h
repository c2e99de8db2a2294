#pragma once
// How the SRAM buffers and the accumulator are divided among tiles.
//
//   weight      two halves, ping and pong: one weight tile each
//   activation  half 0: tensors that stay on chip for a while; half 1: four staging places, two for tiles coming in
//   from DRAM
//               and two for tiles going out
//   kv          a ring of equal places, each whole banks where a bank or more, so that a load and the array meet on a
//   port
//               only when a tile is smaller than a bank
//   score       a ring like it, for logits and probabilities
//   accumulator two halves

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "config/hardware_config.h"
#include "hardware/command.h"
#include "host/hazard.h"

namespace palimpsest {

/// A place for one tile, with the hazards of whatever lies there.
struct Place {
    BufferRegion region;  ///< all of it
    Hazard hazard;
};

/// Places used one after another.
class PlaceRing {
  public:
    PlaceRing() = default;
    explicit PlaceRing(std::vector<Place> places) : places_(std::move(places)) {}

    Place& next() {
        Place& place = places_[next_];
        next_ = (next_ + 1) % places_.size();
        return place;
    }
    std::size_t size() const { return places_.size(); }
    std::uint32_t words_each() const { return places_.empty() ? 0 : places_.front().region.words; }

  private:
    std::vector<Place> places_;
    std::size_t next_ = 0;
};

class BufferPlan {
  public:
    explicit BufferPlan(const HardwareConfig& hardware);

    PlaceRing& weights() { return weights_; }
    PlaceRing& staging_in() { return staging_in_; }
    PlaceRing& staging_out() { return staging_out_; }
    /// The two accumulator halves, by their hazards alone.
    Hazard& next_accumulator();
    /// Divides the KV buffer into equal places of at least `words`. InputError when a half is smaller than that.
    /// Places keep the hazards of the storage under them: dividing anew waits for all earlier users.
    PlaceRing& divide_kv(std::uint32_t words);
    PlaceRing& divide_scores(std::uint32_t words);
    std::uint32_t half_words(BufferId buffer) const;
    std::uint32_t kv_half_words() const { return half_words(BufferId::kv); }
    std::uint32_t score_half_words() const { return half_words(BufferId::score); }
    std::uint32_t word_bytes() const { return config_.activation.word_bytes; }

    /// Takes `words` of the resident half of the activation buffer; nothing when they are not there.
    std::optional<BufferRegion> take_resident(std::uint32_t words);
    void release_residents() { resident_used_ = 0; }

  private:
    struct Division {
        std::uint32_t words = 0;
        PlaceRing ring;
    };
    static PlaceRing divide(BufferId buffer, const BufferConfig& config, std::uint32_t words);
    static PlaceRing& divided(Division& division, BufferId buffer, const BufferConfig& config, std::uint32_t words);

    BuffersConfig config_;
    PlaceRing weights_;
    PlaceRing staging_in_;
    PlaceRing staging_out_;
    std::array<Hazard, 2> accumulators_;
    unsigned next_accumulator_ = 0;
    Division kv_;
    Division score_;
    std::uint32_t resident_used_ = 0;
};

}  // namespace palimpsest
