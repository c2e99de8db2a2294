#pragma once
// An address trace played on DRAM alone, as JSON and as a table (docs/dram-traces.md).

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "common/latency_histogram.h"
#include "config/dram_config.h"
#include "palimpsest/result.h"
#include "report/text_table.h"

namespace palimpsest {

inline constexpr int kDramReportSchemaVersion = 1;

struct DramReport {
    DramConfig config;
    std::string trace;                    ///< as the user named it
    Bytes request_bytes = 0;              ///< of each request
    std::uint64_t reads = 0, writes = 0;  ///< requests
    std::uint64_t first_offer = 0;        ///< DRAM clock
    std::uint64_t cycles = 0;             ///< DRAM clocks from the first offer to the last data
    DramCounts counts;                    ///< of these cycles
    LatencyHistogram read_latency, write_latency;
    double play_seconds = 0;  ///< host time without reading the trace
    double read_seconds = 0;  ///< host time of reading it
    std::uint64_t peak_rss_bytes = 0;

    std::uint64_t requests() const { return reads + writes; }
};

/// Equal traces and configurations give equal documents but for `simulation` and the name of the trace.
nlohmann::ordered_json dram_report_json(const DramReport& report);

/// At most 100 columns of text.
std::string dram_report_text(const DramReport& report, const TerminalStyle& style);

}  // namespace palimpsest
