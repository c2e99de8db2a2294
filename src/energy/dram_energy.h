#pragma once
// DRAM energy: counted commands and clocks of each state x what a DRAM file says they cost. Used by the energy meter
// of a run and by the DRAM played alone.
//
//     const DramEnergyReport energy = dram_energy(system.counts(), config);
//
// A rank-clock is one clock of one rank; channels and ranks are in the counts already.

#include <cstdint>
#include <span>
#include <string_view>

#include "config/dram_config.h"
#include "palimpsest/counters.h"
#include "palimpsest/result.h"

namespace palimpsest {

/// One cost of a DRAM file, and how to count it.
struct DramEnergyTerm {
    std::string_view name;     ///< in reports
    double DramEnergy::*cost;  ///< pJ of one; of a power, mW of a rank
    bool power;                ///< the count is picoseconds in this state, of all ranks together
    std::uint64_t (*count)(const DramCounts&, const DramConfig&);
    /// The part that one kind of traffic caused; null where time and not traffic is what is paid for.
    std::uint64_t (*count_of)(const DramCounts&, const DramConfig&, Traffic);
};

/// All of them: commands and I/O first, then refresh, then background power by state.
std::span<const DramEnergyTerm> dram_energy_terms();

/// In joules.
struct DramEnergyReport {
    double activate_precharge = 0;
    double read = 0, write = 0;
    double io = 0;
    double refresh = 0, bank_refresh = 0;  ///< REF, REFPB
    double active_standby = 0, precharge_standby = 0;
    double active_power_down = 0, precharge_power_down = 0;
    double self_refresh = 0;  ///< with the refreshes that the device does by itself
    double total = 0;         ///< sum of the others

    double background() const {
        return active_standby + precharge_standby + active_power_down + precharge_power_down + self_refresh;
    }
};

DramEnergyReport dram_energy(const DramCounts& counts, const DramConfig& config);

/// Currents of one device as its data sheet lists them, in mA, and its supply.
struct DramCurrents {
    double vdd_v = 1.2;
    double idd0_ma = 0;                 ///< ACT and PRE of one bank every tRC
    double idd2n_ma = 0, idd3n_ma = 0;  ///< standby, all banks closed; banks open
    double idd2p_ma = 0, idd3p_ma = 0;  ///< powered down, the same
    double idd4r_ma = 0, idd4w_ma = 0;  ///< bursts back to back
    double idd5b_ma = 0;                ///< REF every tRFC
    double idd6_ma = 0;                 ///< self-refresh
};

/// Energies and powers of a rank, from the currents of its devices: what a command takes beyond the standby of its
/// time. ACT and PRE: IDD0 tRC - IDD3N tRAS - IDD2N (tRC - tRAS); RD, WR: (IDD4 - IDD3N) x burst; REF: (IDD5B - IDD3N)
/// tRFC, one bank of it an equal share where the standard has a per-bank refresh. I/O is `config`'s.
DramEnergy energy_from_idd(const DramCurrents& currents, const DramConfig& config);

}  // namespace palimpsest
