#include "energy/dram_energy.h"

#include <array>

namespace palimpsest {
namespace {

constexpr double kJoulesPerPicojoule = 1e-12;
constexpr double kJoulesPerMilliwattPicosecond = 1e-15;

std::size_t index(Traffic traffic) {
    return static_cast<std::size_t>(traffic);
}

/// A state in picoseconds, from its rank-clocks.
template <std::uint64_t DramCounts::*clocks>
std::uint64_t time_in(const DramCounts& counts, const DramConfig& config) {
    return counts.*clocks * config.timing.tCK_ps;
}

template <std::uint64_t DramCounts::*number>
std::uint64_t number_of(const DramCounts& counts, const DramConfig& /*config*/) {
    return counts.*number;
}

template <std::array<std::uint64_t, kTrafficClasses> DramCounts::*numbers>
std::uint64_t number_by(const DramCounts& counts, const DramConfig& /*config*/, Traffic traffic) {
    return (counts.*numbers)[index(traffic)];
}

std::uint64_t bits(const DramCounts& counts, const DramConfig& config) {
    return (counts.reads + counts.writes) * config.burst_bytes() * 8;
}

std::uint64_t bits_by(const DramCounts& counts, const DramConfig& config, Traffic traffic) {
    return (counts.read_bursts_by_class[index(traffic)] + counts.write_bursts_by_class[index(traffic)]) *
           config.burst_bytes() * 8;
}

constexpr std::array<DramEnergyTerm, 11> kTerms{{
    {"dram_activate", &DramEnergy::activate_precharge_pj, false, number_of<&DramCounts::activates>,
     number_by<&DramCounts::activates_by_class>},
    {"dram_read", &DramEnergy::read_burst_pj, false, number_of<&DramCounts::reads>,
     number_by<&DramCounts::read_bursts_by_class>},
    {"dram_write", &DramEnergy::write_burst_pj, false, number_of<&DramCounts::writes>,
     number_by<&DramCounts::write_bursts_by_class>},
    {"dram_io_bit", &DramEnergy::io_pj_per_bit, false, bits, bits_by},
    {"dram_refresh", &DramEnergy::refresh_pj, false, number_of<&DramCounts::refreshes>, nullptr},
    {"dram_refresh_bank", &DramEnergy::refresh_bank_pj, false, number_of<&DramCounts::bank_refreshes>, nullptr},
    {"dram_active_standby", &DramEnergy::active_standby_mw, true, time_in<&DramCounts::active_clocks>, nullptr},
    {"dram_precharge_standby", &DramEnergy::precharge_standby_mw, true, time_in<&DramCounts::precharged_clocks>,
     nullptr},
    {"dram_active_power_down", &DramEnergy::active_power_down_mw, true, time_in<&DramCounts::active_power_down_clocks>,
     nullptr},
    {"dram_precharge_power_down", &DramEnergy::precharge_power_down_mw, true,
     time_in<&DramCounts::precharged_power_down_clocks>, nullptr},
    {"dram_self_refresh", &DramEnergy::self_refresh_mw, true, time_in<&DramCounts::self_refresh_clocks>, nullptr},
}};

/// Where the report keeps each term, in the order of the terms.
constexpr std::array<double DramEnergyReport::*, kTerms.size()> kParts{&DramEnergyReport::activate_precharge,
                                                                       &DramEnergyReport::read,
                                                                       &DramEnergyReport::write,
                                                                       &DramEnergyReport::io,
                                                                       &DramEnergyReport::refresh,
                                                                       &DramEnergyReport::bank_refresh,
                                                                       &DramEnergyReport::active_standby,
                                                                       &DramEnergyReport::precharge_standby,
                                                                       &DramEnergyReport::active_power_down,
                                                                       &DramEnergyReport::precharge_power_down,
                                                                       &DramEnergyReport::self_refresh};

}  // namespace

std::span<const DramEnergyTerm> dram_energy_terms() {
    return kTerms;
}

DramEnergyReport dram_energy(const DramCounts& counts, const DramConfig& config) {
    DramEnergyReport report;
    for (std::size_t i = 0; i < kTerms.size(); ++i) {
        const DramEnergyTerm& term = kTerms[i];
        const double unit = term.power ? kJoulesPerMilliwattPicosecond : kJoulesPerPicojoule;
        const double joules = static_cast<double>(term.count(counts, config)) * (config.energy.*term.cost) * unit;
        report.*kParts[i] = joules;
        report.total += joules;
    }
    return report;
}

DramEnergy energy_from_idd(const DramCurrents& currents, const DramConfig& config) {
    const DramTiming& t = config.timing;
    const double volts = currents.vdd_v * config.organisation.devices_per_rank;  // of the devices side by side
    const auto ns = [&](std::uint32_t clocks) { return clocks * static_cast<double>(t.tCK_ps) * 1e-3; };
    DramEnergy energy;
    energy.activate_precharge_pj = volts * (currents.idd0_ma * ns(t.nRC) - currents.idd3n_ma * ns(t.nRAS) -
                                            currents.idd2n_ma * ns(t.nRC - t.nRAS));
    energy.read_burst_pj = volts * (currents.idd4r_ma - currents.idd3n_ma) * ns(t.burst_clocks());
    energy.write_burst_pj = volts * (currents.idd4w_ma - currents.idd3n_ma) * ns(t.burst_clocks());
    energy.refresh_pj = volts * (currents.idd5b_ma - currents.idd3n_ma) * ns(t.nRFC);
    energy.refresh_bank_pj = t.nRFCpb == 0 ? 0 : energy.refresh_pj / config.organisation.banks();
    energy.active_standby_mw = volts * currents.idd3n_ma;
    energy.precharge_standby_mw = volts * currents.idd2n_ma;
    energy.active_power_down_mw = volts * currents.idd3p_ma;
    energy.precharge_power_down_mw = volts * currents.idd2p_ma;
    energy.self_refresh_mw = volts * currents.idd6_ma;
    energy.io_pj_per_bit = config.energy.io_pj_per_bit;
    return energy;
}

}  // namespace palimpsest
