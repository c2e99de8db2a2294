#pragma once
// Bank-interleaved placement: DRAM cut into lanes that share no bank.
//
// The banks that row stripes go through in turn are divided evenly among the lanes: two for K and V, or four for K and
// V of even and of odd requests. A lane is a memory of its own: consecutive lane bytes fill its share of the banks, one
// row in each, then the next rows.
//
//   lane byte y of lane q lies at   (y / share) * pitch + q * share + y % share
//   pitch = stripe * banks          share = pitch / lanes

#include <cstdint>

#include "config/run_config.h"
#include "hardware/kv_mmu/kv_geometry.h"

namespace palimpsest {

class BankLanes {
  public:
    BankLanes() = default;  ///< one lane: memory as it is
    /// Two lanes with fewer than eight banks or with one request: a lane of one bank would close a row to open the
    /// next. Needs two banks, or there is nothing to divide.
    explicit BankLanes(const KvGeometry& geometry);

    std::uint32_t lanes() const { return lanes_; }
    /// Requests 0, 1, 2 ... take turns over this many lanes of K (and of V).
    std::uint32_t request_lanes() const { return lanes_ <= 2 ? 1 : lanes_ / 2; }
    /// Lane of a request's K or V matrices.
    std::uint32_t lane_of(RequestId request, bool value) const;

    /// Where byte `at` of a lane lies, from the start of the region.
    Bytes place(std::uint32_t lane, Bytes at) const {
        return lanes_ == 1 ? at : at / share_ * pitch_ + lane * share_ + at % share_;
    }
    struct LaneByte {
        std::uint32_t lane = 0;
        Bytes at = 0;
    };
    /// Which byte of which lane lies at `place`, from the start of the region.
    LaneByte lane_byte(Bytes place) const {
        return lanes_ == 1 ? LaneByte{0, place}
                           : LaneByte{static_cast<std::uint32_t>(place % pitch_ / share_),
                                      place / pitch_ * share_ + place % share_};
    }
    /// Bytes from `at` on that lie one behind the other.
    Bytes run(Bytes at) const { return lanes_ == 1 ? ~Bytes{0} : share_ - at % share_; }
    /// Memory that holds `bytes` of every lane.
    Bytes region_bytes(Bytes bytes) const { return lanes_ == 1 ? bytes : ceil_div(bytes, share_) * pitch_; }

  private:
    std::uint32_t lanes_ = 1;
    Bytes share_ = 0;
    Bytes pitch_ = 0;
};

}  // namespace palimpsest
