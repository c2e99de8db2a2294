#include "host/profile_checks.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

void require_equal(std::uint64_t booked, std::uint64_t total, const std::string& what) {
    if (booked != total) {
        throw SimulationError(
            fmt::format("the run's profile does not close: {} {}, the run has {}", booked, what, total));
    }
}

/// All entries together.
ProfileEntry sum_of(const auto& parts) {
    ProfileEntry sum;
    for (const auto& part : parts) {
        const ProfileEntry& entry = part.booked;
        sum.commands += entry.commands;
        sum.cycles += entry.cycles;
        sum.macs += entry.macs;
        for (std::size_t t = 0; t < kTrafficClasses; ++t) {
            sum.bytes_read[t] += entry.bytes_read[t];
            sum.bytes_written[t] += entry.bytes_written[t];
        }
        for (std::size_t u = 0; u < sum.busy.size(); ++u) {
            sum.busy[u] += entry.busy[u];
        }
        require_equal(std::accumulate(entry.phase_cycles.begin(), entry.phase_cycles.end(), Cycles{0}),
                      entry.phase_cycles.empty() ? 0 : entry.cycles, "cycles in phases of one entry");
    }
    return sum;
}

void check_sum(const RunResult& result, const ProfileEntry& sum, const char* of) {
    const RunProfile& profile = result.profile;
    require_equal(sum.cycles, result.total.cycles, fmt::format("cycles by {}", of));
    require_equal(sum.macs, result.total.macs, fmt::format("multiply-accumulates by {}", of));
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        const bool kv = t == static_cast<std::size_t>(Traffic::kv);
        const DramCounts& dram = result.total.dram;
        const std::string_view name = name_of(static_cast<Traffic>(t));
        require_equal(sum.bytes_read[t], dram.read_by_class[t] + (kv ? profile.kv_bytes_forwarded : 0),
                      fmt::format("bytes of {} read by {}", name, of));
        require_equal(sum.bytes_written[t], dram.written_by_class[t] + (kv ? profile.kv_bytes_overwritten : 0),
                      fmt::format("bytes of {} written by {}", name, of));
    }
    for (std::size_t u = 0; u < kProfiledUnits.size(); ++u) {
        const auto unit = std::find_if(result.units.begin(), result.units.end(),
                                       [&](const UnitResult& each) { return each.name == kProfiledUnits[u]; });
        require_equal(sum.busy[u], unit == result.units.end() ? 0 : unit->cycles.busy(),
                      fmt::format("busy cycles of {} by {}", kProfiledUnits[u], of));
    }
}

}  // namespace

void check_profile(const RunResult& result) {
    check_sum(result, sum_of(result.profile.operators), "operator");
    check_sum(result, sum_of(result.profile.layers), "layer");
    const ProfileSeries& series = result.profile.series;
    const auto sum = [](const std::vector<Bytes>& bins) { return std::accumulate(bins.begin(), bins.end(), Bytes{0}); };
    require_equal(series.dram_bytes_read.size(), ceil_div(result.total.cycles, series.bin_cycles), "bins");
    require_equal(sum(series.dram_bytes_read), result.total.dram.bytes_read, "bytes read in bins");
    require_equal(sum(series.dram_bytes_written), result.total.dram.bytes_written, "bytes written in bins");
}

}  // namespace palimpsest
