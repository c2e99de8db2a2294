#pragma once
// Random small DRAM systems and random traffic for them, from seeds.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "config/dram_config.h"
#include "hardware/dram/transaction.h"

namespace palimpsest {

/// Whether tests hold the production controller to FCFS, urgent bursts, adaptive pages, per-bank and postponed refresh,
/// power-down and self-refresh; the golden controller always has them.
inline constexpr bool kAllDramFeatures = true;

class RandomDram {
  public:
    explicit RandomDram(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + engine_() % (high - low + 1); }
    std::uint32_t u32(std::uint32_t low, std::uint32_t high) { return static_cast<std::uint32_t>(between(low, high)); }
    bool chance(std::uint32_t percent) { return between(1, 100) <= percent; }
    template <class T>
    T one_of(std::initializer_list<T> list) {
        return *(list.begin() + between(0, list.size() - 1));
    }

    /// Any standard, any relations that it allows, everything small so that limits are met often. Without
    /// `all_features`: FR-FCFS, open and closed pages, refresh of all banks when it is due, never asleep.
    DramConfig config(bool all_features = true) {
        DramConfig c;
        c.standard = one_of<std::string>({"DDR3", "DDR4", "LPDDR4", "LPDDR5", "HBM2"});
        DramTiming& t = c.timing;
        t.tCK_ps = 1000;
        t.burst_length = c.standard == "HBM2" ? 4 : c.standard[0] == 'D' ? 8 : 16;
        t.beats_per_clock = c.standard == "LPDDR5" ? 8 : 2;
        const std::uint32_t burst = t.burst_clocks();
        t.nCL = u32(2, 20);
        t.nCWL = u32(1, std::min(t.nCL + burst + 1, 16U));
        t.nRCD = u32(1, 16);
        t.nRP = u32(1, 16);
        t.nRAS = t.nRCD + u32(0, 20);
        t.nRC = t.nRAS + t.nRP + u32(0, 3);
        t.nRRD_S = u32(1, 6);
        t.nRRD_L = t.nRRD_S + u32(0, 4);
        t.nFAW = std::max(t.nRRD_S, u32(1, 40));
        t.nCCD_S = burst + u32(0, 1);
        t.nCCD_L = t.nCCD_S + u32(0, 4);
        t.nWTR_S = u32(1, 6);
        t.nWTR_L = t.nWTR_S + u32(0, 6);
        t.nRTP = u32(1, 10);
        t.nWR = u32(1, 18);
        t.nRTRS = u32(0, 3);
        t.nRFC = u32(5, 60);
        t.nREFI = t.nRFC + t.nRC + t.nRP + u32(10, 400);
        DramOrganisation& o = c.organisation;
        o.channels = one_of({1U, 1U, 2U, 4U});
        o.ranks = one_of({1U, 1U, 2U, 4U});
        o.bank_groups = c.standard == "DDR4" ? one_of({2U, 4U}) : c.standard == "HBM2" ? 4 : 1;
        o.banks_per_group = one_of({1U, 2U, 4U});
        o.rows = one_of({4U, 64U});
        o.columns = t.burst_length * one_of({2U, 8U, 16U});
        o.bus_bits = one_of({8U, 32U});
        DramControllerConfig& k = c.controller;
        c.mapping = mapping(o.columns / t.burst_length > 2);
        k.read_queue = u32(1, 16);
        k.write_queue = u32(1, 16);
        k.write_high = u32(1, k.write_queue);
        k.write_low = u32(0, k.write_high - 1);
        k.page_policy = chance(30) ? PagePolicy::closed : PagePolicy::open;
        k.starvation_cap = u32(0, 6);
        c.refresh.mode = chance(80) ? RefreshMode::all_bank : RefreshMode::none;
        k.pipeline_latency = u32(0, 3);
        if (all_features) {
            add_features(c);
        }
        return c;
    }

    /// The same with rows and queues long enough for streaks, mostly with the policies that allow them.
    DramConfig streaming_config() {
        DramConfig c = config(chance(50));
        DramTiming& t = c.timing;
        DramOrganisation& o = c.organisation;
        t.nCCD_S = std::max(2U, t.burst_clocks()) + u32(0, 1);
        t.nCCD_L = t.nCCD_S + one_of({0U, 0U, 1U, 2U, 4U});
        t.nREFI += one_of({0U, 300U, 2000U});
        o.channels = one_of({1U, 1U, 1U, 2U});
        o.columns = t.burst_length * one_of({16U, 64U, 128U});
        DramControllerConfig& k = c.controller;
        k.read_queue = one_of({u32(2, 16), u32(2, 64), 32U, 64U});
        k.write_queue = one_of({u32(2, 16), u32(2, 64), 32U, 64U});
        k.write_high = one_of({k.write_queue, u32(1, k.write_queue)});
        k.write_low = u32(0, k.write_high - 1);
        if (chance(85)) {
            k.page_policy = PagePolicy::open;
            k.scheduling = DramScheduling::frfcfs;
        }
        if (chance(60)) {
            c.power_down = {};
        }
        c.mapping = one_of<const char*>(
            {"row|rank|bank|channel|column|bankgroup", "row|rank|bank|bankgroup|channel|column",
             "rank|channel|row|bankgroup|bank|column", "row|bank|column|rank|channel|bankgroup",
             "row|bankgroup|bank|rank|column|channel", "rank|bank|row|column|bankgroup|channel|column:2",
             "row|bank|bankgroup|column|rank|column:1|channel", "row|rank|bank|column|bankgroup|column:1|channel"});
        return c;
    }

    /// Piece by piece at random places, streams, strides, and the same few bursts again and again.
    std::vector<DramSegment> segments(const DramConfig& c) {
        const Bytes capacity = c.organisation.bytes(), burst = c.burst_bytes();
        const auto clipped = [capacity](Bytes address, Bytes bytes) {
            return DramSegment{address % capacity, std::min(bytes, capacity - address % capacity)};
        };
        std::vector<DramSegment> list;
        switch (pattern_) {
            case 0:
                list.push_back(clipped(stream_, burst * between(1, 12)));
                stream_ += list.back().bytes;
                break;
            case 1:
                for (std::uint64_t i = between(1, 4); i > 0; --i) {
                    list.push_back(clipped(stream_, between(1, burst)));
                    stream_ += stride_;
                }
                break;
            case 2:
                list.push_back(clipped(engine_() % capacity, between(1, 3 * burst)));
                break;
            default:
                for (std::uint64_t i = between(0, 3); i > 0; --i) {
                    list.push_back(clipped(burst * between(0, 9) + between(0, burst - 1), between(0, 2 * burst)));
                }
        }
        return list;
    }
    void next_pattern(const DramConfig& c) {
        pattern_ = u32(0, 3);
        stream_ = engine_() % c.organisation.bytes();
        stride_ = c.burst_bytes() * between(1, 70);
    }

  private:
    void add_features(DramConfig& c) {
        DramControllerConfig& k = c.controller;
        k.scheduling = chance(20) ? DramScheduling::fcfs : DramScheduling::frfcfs;
        k.page_policy = chance(40) ? PagePolicy::adaptive : k.page_policy;
        k.page_timeout = one_of({1U, 3U, 20U, 100U, 40000U});
        DramTiming& t = c.timing;
        t.nRFCpb = u32(1, t.nRFC);
        t.nCKE = u32(1, 12);
        t.nXP = u32(1, 12);
        t.nCKESR = u32(1, 20);
        t.nXS = u32(1, t.nRFC + 10);
        // Late by at most what it takes to wake the rank and to close its banks, below one interval.
        const std::uint32_t late = t.nCKE + t.nXP + t.nCWL + t.burst_clocks() + t.nWR + t.nRC + t.nRP;
        t.nREFI += late;
        const bool standard_has_it = c.standard[0] == 'L' || c.standard == "HBM2";
        if (standard_has_it && c.refresh.mode == RefreshMode::all_bank && chance(60)) {
            c.refresh.mode = RefreshMode::per_bank;
            t.nREFI = c.organisation.banks() * (t.nRFCpb + late + c.organisation.ranks) + u32(0, 300);
        }
        c.refresh.postpone = chance(50) ? 0 : u32(1, kDramPostponeLimit);
        c.power_down.power_down_after = chance(40) ? 0 : one_of({u32(1, 5), u32(1, 80)});
        if (c.refresh.mode == RefreshMode::all_bank && chance(50)) {
            c.power_down.self_refresh_after = one_of({u32(1, 20), u32(1, 200)});
        }
    }

    std::string mapping(bool split_column) {
        std::vector<std::string> fields{"channel", "rank", "row", "bank", "bankgroup", "column"};
        if (split_column && chance(40)) {
            fields.push_back("column:1");
        }
        std::shuffle(fields.begin(), fields.end(), engine_);
        std::string text;
        for (const std::string& field : fields) {
            text += (text.empty() ? "" : "|") + field;
        }
        return text;
    }

    std::mt19937_64 engine_;
    std::uint32_t pattern_ = 0;
    Bytes stream_ = 0, stride_ = 0;
};

}  // namespace palimpsest
