#pragma once
// A run cut into bins of equal width, without knowing how long it will be: when there are kMostBins, neighbours are
// merged and bins are twice as wide. A finished run of more than kMostBins x kFirstBinCycles cycles has between half of
// kMostBins and kMostBins bins.
//
//   CycleSeries series;
//   at cycle series.next_end(): series.sample(totals so far)
//   at the end:                 series.finish(cycle, totals)

#include <cstddef>

#include "palimpsest/profile.h"

namespace palimpsest {

/// Counts since the start of the run; they never fall.
struct SeriesTotals {
    Bytes bytes_read = 0;
    Bytes bytes_written = 0;
    std::uint64_t held_command_cycles = 0;
};

class CycleSeries {
  public:
    static constexpr Cycles kFirstBinCycles = 1024;
    static constexpr std::size_t kMostBins = 512;

    CycleSeries() { series_.bin_cycles = kFirstBinCycles; }

    /// The cycle at which the bin under way ends.
    Cycles next_end() const { return series_.bin_cycles * (bins() + 1); }
    /// Closes the bin under way, in cycle `next_end()`.
    void sample(const SeriesTotals& totals);
    /// Closes a last bin that is shorter, where cycles are left. Nothing may follow.
    void finish(Cycles cycle, const SeriesTotals& totals);
    const ProfileSeries& series() const { return series_; }

  private:
    std::size_t bins() const { return series_.dram_bytes_read.size(); }
    void append(const SeriesTotals& totals);
    void merge_neighbours();

    ProfileSeries series_;
    SeriesTotals before_;
};

}  // namespace palimpsest
