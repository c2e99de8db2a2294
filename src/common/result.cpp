#include "palimpsest/result.h"

namespace palimpsest {

DramCounts DramCounts::operator-(const DramCounts& e) const {
    DramCounts d = *this;
    d.bytes_read -= e.bytes_read;
    d.bytes_written -= e.bytes_written;
    for (std::size_t i = 0; i < kTrafficClasses; ++i) {
        d.read_by_class[i] -= e.read_by_class[i];
        d.written_by_class[i] -= e.written_by_class[i];
        d.read_bursts_by_class[i] -= e.read_bursts_by_class[i];
        d.write_bursts_by_class[i] -= e.write_bursts_by_class[i];
        d.activates_by_class[i] -= e.activates_by_class[i];
    }
    d.row_hits -= e.row_hits;
    d.row_misses -= e.row_misses;
    d.row_conflicts -= e.row_conflicts;
    d.activates -= e.activates;
    d.precharges -= e.precharges;
    d.reads -= e.reads;
    d.writes -= e.writes;
    d.refreshes -= e.refreshes;
    d.active_clocks -= e.active_clocks;
    d.precharged_clocks -= e.precharged_clocks;
    d.data_bus_clocks -= e.data_bus_clocks;
    d.refresh_clocks -= e.refresh_clocks;
    d.waiting_clocks -= e.waiting_clocks;
    d.idle_clocks -= e.idle_clocks;
    return d;
}

}  // namespace palimpsest
