// The relations of the JEDEC standards; what they compare with is in dram_standards.cpp.

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "config/dram_relations.h"

namespace palimpsest {
namespace {

using Problems = std::vector<DramProblem>;

constexpr double kNameTolerance = 0.01;      ///< data rate in a name against tCK
constexpr double kIntervalTolerance = 0.01;  ///< refresh interval against the standard's
constexpr double kBankGroupRate = 3200;      ///< LPDDR5: bank groups above this rate, MT/s
constexpr double kSlowClockRate = 3200;      ///< LPDDR5: WCK at twice CK up to this rate, MT/s

void add(Problems& problems, std::string_view path, std::string what_is_there, std::string accepted) {
    problems.push_back({std::string(path), std::move(what_is_there), std::move(accepted)});
}

std::string value_of(std::uint64_t value) {
    return fmt::format("value {}", value);
}

std::string list_of(const std::vector<std::uint32_t>& values) {
    std::string text;
    for (const std::uint32_t value : values) {
        text += fmt::format("{}{}", text.empty() ? "" : " or ", value);
    }
    return text;
}

void one_of(Problems& problems, std::string_view path, std::uint32_t value, const std::vector<std::uint32_t>& list,
            const DramStandard& standard) {
    if (std::find(list.begin(), list.end(), value) == list.end()) {
        add(problems, path, value_of(value),
            fmt::format("{} ({}, {})", list_of(list), standard.name, standard.document));
    }
}

/// `n` clocks of the config, in words.
std::string clocks_text(std::uint64_t n, const DramConfig& config) {
    return fmt::format("value {} = {:.1f} ns", n, static_cast<double>(n * config.timing.tCK_ps) / 1e3);
}

void at_least_ns(Problems& problems, std::string_view path, std::uint64_t value, double ns, std::uint64_t clocks,
                 const DramConfig& config, const DramStandard& standard, const std::string& why) {
    const double clock_ns = clock_ns_of(standard, config.timing);
    const std::uint64_t least = std::max(clocks, clocks_of(ns, clock_ns));
    if (value >= least) {
        return;
    }
    const std::string times = ns > 0 ? fmt::format("{:g} ns at {:.4g} ns a clock", ns, clock_ns) : "";
    const std::string counts = clocks > 0 ? fmt::format("{} clocks", clocks) : "";
    add(problems, path, clocks_text(value, config),
        fmt::format("{} or more: {}, {}{}{} ({})", least, why, times, ns > 0 && clocks > 0 ? " and at least " : "",
                    counts, standard.vendor_minima ? "published parts" : standard.document));
}

bool refreshes(const DramConfig& config) {
    return config.refresh.mode != RefreshMode::none;
}

/// How many times as often as at normal temperature the config refreshes: 1, 2 or 4; nothing for other intervals.
std::optional<int> refresh_rate(const DramConfig& config, const DramStandard& standard) {
    const double interval_ns = config.timing.nREFI * clock_ns_of(standard, config.timing);
    for (const int rate : {1, 2, 4}) {
        const double wanted = standard.refresh_interval_ns / rate;
        if (std::abs(interval_ns - wanted) <= wanted * kIntervalTolerance) {
            return rate;
        }
    }
    return std::nullopt;
}

void bursts(const DramConfig& config, const DramStandard* s, Problems& problems) {
    one_of(problems, "timing.burst_length", config.timing.burst_length, s->burst_lengths, *s);
    one_of(problems, "timing.beats_per_clock", config.timing.beats_per_clock, s->beats_per_clock, *s);
}

void data_rate(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const double rate = data_rate_of(config.timing);
    const double slack = 0.005;
    const bool found = s->between_rates
                           ? rate >= s->rates.front() * (1 - slack) && rate <= s->rates.back() * (1 + slack)
                           : std::any_of(s->rates.begin(), s->rates.end(),
                                         [&](double grade) { return std::abs(rate - grade) <= grade * slack; });
    if (!found) {
        std::string grades;
        for (const double grade : s->rates) {
            grades += fmt::format("{}{}", grades.empty() ? "" : ", ", std::floor(grade));
        }
        add(problems, "timing.tCK_ps",
            fmt::format("value {} at {} beats a clock = {:.0f} MT/s", config.timing.tCK_ps,
                        config.timing.beats_per_clock, rate),
            s->between_rates ? fmt::format("a clock of {:.0f} to {:.0f} MT/s ({}, {})", s->rates.front(),
                                           s->rates.back(), s->name, s->document)
                             : fmt::format("a clock of {} MT/s ({}, {})", grades, s->name, s->document));
    }
}

/// The rate in a name like "DDR4-2400R"; 0 when it has none.
double rate_in(std::string_view name, std::string_view standard) {
    if (!name.starts_with(standard) || name.size() <= standard.size() || name[standard.size()] != '-') {
        return 0;
    }
    double rate = 0;
    int digits = 0;
    for (std::size_t i = standard.size() + 1; i < name.size() && name[i] >= '0' && name[i] <= '9' && digits < 6; ++i) {
        rate = rate * 10 + (name[i] - '0');
        ++digits;
    }
    return digits >= 3 ? rate : 0;
}

void name_and_rate(const DramConfig& config, const DramStandard* s, Problems& problems) {
    for (const DramStandard& other : dram_standards()) {
        if (other.name != s->name && rate_in(config.name, other.name) > 0) {
            add(problems, "standard", fmt::format("value \"{}\"", s->name),
                fmt::format("{}, or a name other than \"{}\"", other.name, config.name));
        }
    }
    const double named = rate_in(config.name, s->name);
    const double rate = data_rate_of(config.timing);
    if (named > 0 && std::abs(rate - named) > named * kNameTolerance) {
        add(problems, "timing.tCK_ps", fmt::format("value {} = {:.0f} MT/s a pin", config.timing.tCK_ps, rate),
            fmt::format("{:.0f}: the name is \"{}\" ({} beats a clock)", config.timing.beats_per_clock * 1e6 / named,
                        config.name, config.timing.beats_per_clock));
    }
}

void bank_counts(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const DramOrganisation& o = config.organisation;
    std::string accepted;
    for (const DramBanks& banks : s->banks) {
        if (banks.groups == o.bank_groups && banks.banks_per_group == o.banks_per_group) {
            return;
        }
        accepted += fmt::format("{}{} x {}", accepted.empty() ? "" : " or ", banks.groups, banks.banks_per_group);
    }
    add(problems, "organisation.bank_groups",
        fmt::format("{} bank groups x {} banks", o.bank_groups, o.banks_per_group),
        fmt::format("{} ({}, {})", accepted, s->name, s->document));
}

void device_width(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const DramOrganisation& o = config.organisation;
    const std::uint32_t bits = device_bits_of(o);
    if (std::find(s->device_bits.begin(), s->device_bits.end(), bits) == s->device_bits.end()) {
        add(problems, "organisation.devices_per_rank",
            fmt::format("{} bits / {} devices = {} bits", o.bus_bits, o.devices_per_rank, bits),
            fmt::format("devices of {} bits ({}, {})", list_of(s->device_bits), s->name, s->document));
    }
    if (s->name == "DDR4" && (o.bank_groups == 2) != (bits == 16)) {
        add(problems, "organisation.bank_groups", value_of(o.bank_groups),
            fmt::format("{}: devices of {} bits have so many (DDR4, {})", bits == 16 ? 2 : 4, bits, s->document));
    }
}

void no_bank_groups(const DramConfig& config, const DramStandard* s, Problems& problems) {
    if (config.organisation.bank_groups != 1) {
        return;
    }
    const DramTiming& t = config.timing;
    const auto same = [&](std::string_view path, std::uint32_t longer, std::uint32_t shorter, std::string_view name) {
        if (longer != shorter) {
            add(problems, path, value_of(longer),
                fmt::format("{}, {}: {} has no bank groups here", name, shorter, s->name));
        }
    };
    same("timing.nCCD_L", t.nCCD_L, t.nCCD_S, "nCCD_S");
    same("timing.nRRD_L", t.nRRD_L, t.nRRD_S, "nRRD_S");
    same("timing.nWTR_L", t.nWTR_L, t.nWTR_S, "nWTR_S");
}

void minima(const DramConfig& config, const DramStandard* s, Problems& problems) {
    std::string_view done;
    for (const DramMinimum& minimum : s->minima) {
        if (minimum.field == done || !applies(minimum, config)) {
            continue;
        }
        done = minimum.field;
        at_least_ns(problems, fmt::format("timing.{}", minimum.field), config.timing.*minimum.value, minimum.ns,
                    minimum.clocks, config, *s, std::string(minimum.symbol));
    }
}

void four_activates(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const DramTiming& t = config.timing;
    const std::uint64_t least = t.nRRD_S == 0 ? 0 : 4 * (std::uint64_t{t.nRRD_S} - 1) + 1;
    if (t.nFAW < least) {
        add(problems, "timing.nFAW", value_of(t.nFAW),
            fmt::format("{} or more: tFAW >= 4 tRRD in every standard, and nRRD_S = {} ({})", least, t.nRRD_S,
                        s->document));
    }
}

void density(const DramConfig& config, const DramStandard* s, Problems& problems) {
    if (density_of(*s, config) == nullptr) {
        add(problems, "organisation.rows",
            fmt::format("{} rows make {:g} Gbit a device", config.organisation.rows, device_gigabits_of(config)),
            fmt::format("at most {:g} Gbit ({}, {})", s->densities.back().gigabits, s->name, s->document));
    }
}

void refresh_interval(const DramConfig& config, const DramStandard* s, Problems& problems) {
    if (refreshes(config) && !refresh_rate(config, *s)) {
        const double clock_ns = clock_ns_of(*s, config.timing);
        add(problems, "timing.nREFI", clocks_text(config.timing.nREFI, config),
            fmt::format("{}: tREFI {:g} ns at {:.4g} ns a clock, or half or a quarter of it ({}, {})",
                        static_cast<std::uint64_t>(s->refresh_interval_ns / clock_ns), s->refresh_interval_ns, clock_ns,
                        s->name, s->document));
    }
}

void refresh_length(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const DramDensity* line = density_of(*s, config);
    if (line == nullptr || !refreshes(config)) {
        return;
    }
    const int rate = s->name == "DDR4" ? refresh_rate(config, *s).value_or(1) : 1;
    const double ns = rate == 1 ? line->tRFC_ns : rate == 2 ? line->tRFC2_ns : line->tRFC4_ns;
    const std::string symbol = s->name == "DDR4" ? fmt::format("tRFC{}", rate) : s->bank_refresh ? "tRFCab" : "tRFC";
    const std::string of = fmt::format("{:g} Gbit a {}", line->gigabits, s->bank_refresh ? "channel" : "device");
    const double clock_ns = clock_ns_of(*s, config.timing);
    const std::uint64_t least = clocks_of(ns, clock_ns);
    if (config.timing.nRFC < least) {
        add(problems, "timing.nRFC", clocks_text(config.timing.nRFC, config),
            fmt::format("{} or more: {} {:g} ns, {}, at {:.4g} ns a clock ({})", least, symbol, ns, of, clock_ns,
                        s->document));
    }
}

void bank_refresh(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const std::uint32_t clocks = config.timing.nRFCpb;
    const bool used = config.refresh.mode == RefreshMode::per_bank;
    if (used && !s->bank_refresh) {
        add(problems, "refresh.mode", "value \"per_bank\"",
            fmt::format("all_bank: {} has no refresh of one bank", s->name));
        return;
    }
    const DramDensity* line = density_of(*s, config);
    if (line != nullptr && line->tRFCpb_ns > 0 && refreshes(config)) {
        at_least_ns(problems, "timing.nRFCpb", clocks, line->tRFCpb_ns, 0, config, *s,
                    fmt::format("tRFCpb, {:g} Gbit a channel", line->gigabits));
    }
    if (used && clocks >= config.timing.nRFC) {
        add(problems, "timing.nRFCpb", value_of(clocks),
            fmt::format("less than nRFC, {}: one bank is refreshed sooner than all", config.timing.nRFC));
    }
}

void self_refresh_exit(const DramConfig& config, const DramStandard* s, Problems& problems) {
    if (config.power_down.self_refresh_after == 0) {
        return;
    }
    const double clock_ns = clock_ns_of(*s, config.timing);
    const std::uint64_t least = config.timing.nRFC + clocks_of(s->self_refresh_exit_ns, clock_ns);
    if (config.timing.nXS < least) {
        add(problems, "timing.nXS", clocks_text(config.timing.nXS, config),
            fmt::format("{} or more: tRFC + {:g} ns ({})", least, s->self_refresh_exit_ns, s->document));
    }
    if (config.timing.nCKESR < config.timing.nCKE) {
        add(problems, "timing.nCKESR", value_of(config.timing.nCKESR),
            fmt::format("nCKE, {}, or more ({})", config.timing.nCKE, s->document));
    }
}

void lpddr5_clocks(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const double rate = data_rate_of(config.timing);
    if (config.timing.beats_per_clock == 4 && rate > kSlowClockRate * 1.005) {
        add(problems, "timing.beats_per_clock", value_of(4),
            fmt::format("8: WCK runs at four times CK above {:.0f} MT/s, and this is {:.0f} ({})", kSlowClockRate, rate,
                        s->document));
    }
}

void lpddr5_banks(const DramConfig& config, const DramStandard* s, Problems& problems) {
    const DramOrganisation& o = config.organisation;
    const double rate = data_rate_of(config.timing);
    const bool fast = rate > kBankGroupRate * 1.005;
    const bool eight = o.bank_groups == 1 && o.banks_per_group == 8;
    if (fast && o.bank_groups == 1 && !eight) {
        add(problems, "organisation.bank_groups", fmt::format("16 banks without groups at {:.0f} MT/s", rate),
            fmt::format("4 x 4 above {:.0f} MT/s, or 1 x 8 with bursts of 32 ({})", kBankGroupRate, s->document));
    }
    if (!fast && o.bank_groups == 4) {
        add(problems, "organisation.bank_groups", fmt::format("4 bank groups at {:.0f} MT/s", rate),
            fmt::format("1 x 16 or 1 x 8 up to {:.0f} MT/s ({})", kBankGroupRate, s->document));
    }
    if (eight && config.timing.burst_length != 32) {
        add(problems, "timing.burst_length", value_of(config.timing.burst_length),
            fmt::format("32: eight banks without groups have no other ({})", s->document));
    }
    if (o.bank_groups == 4 && config.timing.beats_per_clock > 0 &&
        config.timing.nCCD_L < 2 * config.timing.burst_clocks()) {
        add(problems, "timing.nCCD_L", value_of(config.timing.nCCD_L),
            fmt::format("{} or more: a bank group takes every second burst ({})", 2 * config.timing.burst_clocks(),
                        s->document));
    }
}

void hbm2_channels(const DramConfig& config, const DramStandard* s, Problems& problems) {
    if (config.organisation.bus_bits == 64 && config.timing.burst_length != 4) {
        add(problems, "timing.burst_length", value_of(config.timing.burst_length),
            fmt::format("4: that of a pseudo channel, as bus_bits is 64 ({})", s->document));
    }
}

constexpr std::array<DramRelation, 16> kJedec{{
    {"bursts", "burst_length and beats_per_clock are ones that the standard has", "burst length, mode registers", "all",
     bursts},
    {"data rate", "beats_per_clock / tCK is a data rate of the standard", "speed bins", "all", data_rate},
    {"name", "a rate in the name (DDR4-2400) is that of tCK to 1 %, and the name's standard is the config's", "", "all",
     name_and_rate},
    {"banks", "bank groups x banks are a set that the standard has", "addressing", "all", bank_counts},
    {"device width",
     "bus_bits / devices_per_rank is a width of the standard; DDR4 x16 has two bank groups, others four", "addressing",
     "all", device_width},
    {"no bank groups", "with one bank group, nCCD_L = nCCD_S, nRRD_L = nRRD_S, nWTR_L = nWTR_S", "", "all",
     no_bank_groups},
    {"least times", "each is at least the standard's time at this data rate, page and bank mode (table below)",
     "timing parameters by speed grade", "all", minima},
    {"four activates", "nFAW > 4 (nRRD_S - 1): tFAW >= 4 tRRD, each rounded up by itself", "tFAW, tRRD", "all",
     four_activates},
    {"density", "rows x columns x banks x width is at most the largest device of the standard", "addressing", "all",
     density},
    {"refresh interval", "nREFI tCK is tREFI, a half or a quarter of it, to 1 %", "refresh", "all", refresh_interval},
    {"refresh length", "nRFC tCK >= tRFC of the density (DDR4 at half or a quarter of tREFI: tRFC2, tRFC4)",
     "refresh parameters by density", "all", refresh_length},
    {"per-bank refresh", "refresh.mode per_bank where the standard has it; tRFCpb of the density <= nRFCpb < nRFC",
     "refresh parameters by density", "LPDDR4, LPDDR5, HBM2", bank_refresh},
    {"self-refresh exit", "with self-refresh in use, nXS tCK >= tRFC + 10 ns (LPDDR: 7.5 ns) and nCKESR >= nCKE",
     "tXS, tXSR, tCKESR, tSR", "all", self_refresh_exit},
    {"WCK to CK", "8 beats a clock (WCK:CK 4:1), or 4 (2:1) up to 3200 MT/s", "WCK to CK ratio", "LPDDR5",
     lpddr5_clocks},
    {"bank mode",
     "above 3200 MT/s 4 x 4 banks, nCCD_L >= 2 bursts, or 1 x 8 with bursts of 32; up to it 1 x 16 or 1 x 8",
     "bank architecture", "LPDDR5", lpddr5_banks},
    {"pseudo channels", "a bus of 64 bits is a pseudo channel and has bursts of 4; 128 bits are a legacy channel",
     "pseudo channel and legacy mode", "HBM2", hbm2_channels},
}};

bool concerns(const DramRelation& relation, const DramStandard& standard) {
    // per-bank refresh is looked at for all, as it is refused where the standard has none
    return relation.applies == "all" || relation.check == bank_refresh || relation.applies == standard.name;
}

}  // namespace

std::span<const DramRelation> jedec_relations() {
    return kJedec;
}

std::vector<DramProblem> jedec_problems(const DramConfig& config) {
    std::vector<DramProblem> problems;
    const DramStandard* standard = find_dram_standard(config.standard);
    if (standard == nullptr) {
        std::string names;
        for (const DramStandard& known : dram_standards()) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
        }
        problems.push_back({"standard", fmt::format("value \"{}\"", config.standard), names});
        return problems;
    }
    if (config.timing.tCK_ps == 0 || config.timing.beats_per_clock == 0) {
        return problems;  // a broken structure, told there
    }
    for (const DramRelation& relation : kJedec) {
        if (concerns(relation, *standard)) {
            relation.check(config, standard, problems);
        }
    }
    if (!problems.empty()) {
        problems.front().accepted +=
            "; or \"allow_nonstandard\": true, in the file or by --set, for a device of your own";
    }
    return problems;
}

}  // namespace palimpsest
