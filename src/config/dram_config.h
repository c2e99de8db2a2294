#pragma once
// A DRAM device, its organisation and its controller, as a DRAM JSON gives them (configs/dram/*.json), JEDEC names.

#include <cstdint>
#include <string>

#include "palimpsest/types.h"

namespace palimpsest {

/// Timing in DRAM clocks unless the name says otherwise. Same-bank-group values end in _L, others in _S; a standard
/// without bank groups gives both the same value.
struct DramTiming {
    Picoseconds tCK_ps = 625;
    std::uint32_t nCL = 28, nCWL = 14;
    std::uint32_t nRCD = 29, nRP = 34, nRAS = 68, nRC = 102;
    std::uint32_t nRRD_S = 16, nRRD_L = 16, nFAW = 64;
    std::uint32_t nCCD_S = 8, nCCD_L = 8;
    std::uint32_t nWTR_S = 17, nWTR_L = 17;
    std::uint32_t nRTP = 12, nWR = 30;
    std::uint32_t nRTRS = 2;                 ///< rank switch, data bus
    std::uint32_t nRFC = 448, nREFI = 6246;  ///< all-bank refresh: its length, and the interval in which one is due
    std::uint32_t nRFCpb = 224;              ///< per-bank refresh; 0: the standard has none
    std::uint32_t nCKE = 12;                 ///< power-down: entry to exit, at least
    std::uint32_t nXP = 12;                  ///< power-down exit to the next command
    std::uint32_t nCKESR = 24;               ///< self-refresh: entry to exit, at least
    std::uint32_t nXS = 460;                 ///< self-refresh exit to the next command
    std::uint32_t burst_length = 16;         ///< beats a burst; two beats a clock of tCK
    std::uint32_t beats_per_clock = 2;

    std::uint32_t burst_clocks() const { return burst_length / beats_per_clock; }
};

struct DramOrganisation {
    std::uint32_t channels = 1;  ///< with a bus and a controller of their own; HBM: pseudo channels
    std::uint32_t ranks = 1;
    std::uint32_t bank_groups = 1;
    std::uint32_t banks_per_group = 8;
    std::uint32_t rows = 65536;
    std::uint32_t columns = 1024;  ///< column addresses a row, each `bus_bits` wide
    std::uint32_t bus_bits = 64;   ///< data bus of one channel (all devices of a rank in lockstep)
    std::uint32_t devices_per_rank = 4;

    std::uint32_t banks() const { return bank_groups * banks_per_group; }
    Bytes row_bytes() const { return Bytes{columns} * bus_bits / 8; }
    Bytes bytes() const { return Bytes{channels} * ranks * banks() * rows * row_bytes(); }
};

enum class DramScheduling : std::uint8_t { frfcfs, fcfs };
enum class PagePolicy : std::uint8_t { open, closed, adaptive };
enum class RefreshMode : std::uint8_t { none, all_bank, per_bank };

/// Rules of docs/blocks/dram.md.
struct DramControllerConfig {
    std::uint32_t read_queue = 32;  ///< bursts visible to the scheduler
    std::uint32_t write_queue = 32;
    std::uint32_t write_high = 24;  ///< drain writes from this many ...
    std::uint32_t write_low = 8;    ///< ... down to this many while reads wait
    DramScheduling scheduling = DramScheduling::frfcfs;
    std::uint32_t starvation_cap = 16;  ///< row hits that may pass the oldest request of another row of the bank
    PagePolicy page_policy = PagePolicy::open;
    std::uint32_t page_timeout = 128;    ///< adaptive: clocks an unwanted row stays open at first
    std::uint32_t pipeline_latency = 1;  ///< clocks added to each read's data, controller and PHY
};

struct DramRefreshConfig {
    RefreshMode mode = RefreshMode::all_bank;
    std::uint32_t postpone = 0;  ///< refreshes of a rank that may be put off while it has work: 0 to 7
};

/// Clocks a rank is idle before it is put to sleep; 0: never.
struct DramPowerDownConfig {
    std::uint32_t power_down_after = 0;
    std::uint32_t self_refresh_after = 0;
};

/// Energy of one command of one channel's rank (all its devices), and background power by state.
struct DramEnergy {
    double activate_precharge_pj = 6956;
    double read_burst_pj = 0;
    double write_burst_pj = 0;
    double refresh_pj = 0;       ///< one all-bank REF
    double refresh_bank_pj = 0;  ///< one per-bank REF
    double active_standby_mw = 226;
    double precharge_standby_mw = 163;
    double active_power_down_mw = 226;
    double precharge_power_down_mw = 163;
    double self_refresh_mw = 163;
    double io_pj_per_bit = 0;
};

/// What the controller is built for, per channel.
inline constexpr std::uint32_t kDramBankLimit = 64;     ///< ranks x bank groups x banks a group
inline constexpr std::uint32_t kDramQueueLimit = 64;    ///< bursts of a queue
inline constexpr std::uint32_t kDramPostponeLimit = 7;  ///< refreshes of a rank put off

struct DramConfig {
    std::string name = "LPDDR4-3200";
    std::string standard = "LPDDR4";  ///< DDR3, DDR4, LPDDR4, LPDDR5, HBM2
    bool allow_nonstandard = false;   ///< values that the standard forbids are not an error
    DramTiming timing;
    DramOrganisation organisation;
    /// Address fields, most significant first, of channel, rank, row, bank, bankgroup, column. A field may be split
    /// with a width in bits as in `column:4`, e.g. "row|rank|bank|column|bankgroup|channel|column:2".
    std::string mapping = "row|rank|bankgroup|bank|column|channel";
    DramControllerConfig controller;
    DramRefreshConfig refresh;
    DramPowerDownConfig power_down;
    DramEnergy energy;

    Bytes burst_bytes() const { return Bytes{timing.burst_length} * organisation.bus_bits / 8; }
    /// All channels together, bytes per second.
    double peak_bandwidth() const {
        return static_cast<double>(organisation.channels) * static_cast<double>(burst_bytes()) /
               (static_cast<double>(timing.burst_clocks()) * static_cast<double>(timing.tCK_ps) * 1e-12);
    }
};

}  // namespace palimpsest
