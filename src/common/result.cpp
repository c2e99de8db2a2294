#include "palimpsest/result.h"

namespace palimpsest {
namespace {

/// Applies `f` to each counter of `to` and the same of `from`.
template <class Function>
void for_each_counter(DramCounts& to, const DramCounts& from, Function f) {
    for (std::size_t i = 0; i < kTrafficClasses; ++i) {
        f(to.read_by_class[i], from.read_by_class[i]);
        f(to.written_by_class[i], from.written_by_class[i]);
        f(to.read_bursts_by_class[i], from.read_bursts_by_class[i]);
        f(to.write_bursts_by_class[i], from.write_bursts_by_class[i]);
        f(to.activates_by_class[i], from.activates_by_class[i]);
        f(to.read_row_hits_by_class[i], from.read_row_hits_by_class[i]);
        f(to.write_row_hits_by_class[i], from.write_row_hits_by_class[i]);
    }
    f(to.bytes_read, from.bytes_read);
    f(to.bytes_written, from.bytes_written);
    f(to.row_hits, from.row_hits);
    f(to.row_misses, from.row_misses);
    f(to.row_conflicts, from.row_conflicts);
    f(to.activates, from.activates);
    f(to.precharges, from.precharges);
    f(to.reads, from.reads);
    f(to.writes, from.writes);
    f(to.refreshes, from.refreshes);
    f(to.bank_refreshes, from.bank_refreshes);
    f(to.power_downs, from.power_downs);
    f(to.self_refreshes, from.self_refreshes);
    f(to.forwarded_reads, from.forwarded_reads);
    f(to.merged_writes, from.merged_writes);
    f(to.active_clocks, from.active_clocks);
    f(to.precharged_clocks, from.precharged_clocks);
    f(to.active_power_down_clocks, from.active_power_down_clocks);
    f(to.precharged_power_down_clocks, from.precharged_power_down_clocks);
    f(to.self_refresh_clocks, from.self_refresh_clocks);
    f(to.data_bus_clocks, from.data_bus_clocks);
    f(to.refresh_clocks, from.refresh_clocks);
    f(to.waiting_clocks, from.waiting_clocks);
    f(to.idle_clocks, from.idle_clocks);
}

}  // namespace

DramCounts& DramCounts::operator+=(const DramCounts& other) {
    for_each_counter(*this, other, [](std::uint64_t& to, std::uint64_t from) { to += from; });
    return *this;
}

DramCounts DramCounts::operator-(const DramCounts& earlier) const {
    DramCounts difference = *this;
    for_each_counter(difference, earlier, [](std::uint64_t& to, std::uint64_t from) { to -= from; });
    return difference;
}

}  // namespace palimpsest
