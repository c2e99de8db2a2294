#include "host/cycle_series.h"

namespace palimpsest {
namespace {

void merge(std::vector<std::uint64_t>& bins) {
    for (std::size_t i = 0; i < bins.size() / 2; ++i) {
        bins[i] = bins[2 * i] + bins[2 * i + 1];
    }
    bins.resize(bins.size() / 2);
}

}  // namespace

void CycleSeries::append(const SeriesTotals& totals) {
    series_.dram_bytes_read.push_back(totals.bytes_read - before_.bytes_read);
    series_.dram_bytes_written.push_back(totals.bytes_written - before_.bytes_written);
    series_.held_command_cycles.push_back(totals.held_command_cycles - before_.held_command_cycles);
    before_ = totals;
}

void CycleSeries::merge_neighbours() {
    merge(series_.dram_bytes_read);
    merge(series_.dram_bytes_written);
    merge(series_.held_command_cycles);
    series_.bin_cycles *= 2;
}

void CycleSeries::sample(const SeriesTotals& totals) {
    append(totals);
    if (bins() == kMostBins) {
        merge_neighbours();
    }
}

void CycleSeries::finish(Cycles cycle, const SeriesTotals& totals) {
    if (cycle > series_.bin_cycles * bins()) {
        append(totals);
    }
}

}  // namespace palimpsest
