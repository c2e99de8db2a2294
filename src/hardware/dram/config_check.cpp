#include "hardware/dram/config_check.h"

#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "hardware/dram/burst_queue.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// What a standard fixes, whatever the speed grade.
struct StandardRules {
    std::string_view name;
    std::vector<std::uint32_t> burst_lengths, beats_per_clock, bank_groups;
    double refresh_interval_ns;  ///< longest average distance of all-bank refreshes at normal temperature
    std::string_view source;
};

const std::array<StandardRules, 5>& standards() {
    static const std::array<StandardRules, 5> rules{{
        {"DDR3", {8}, {2}, {1}, 7800, "JESD79-3F"},
        {"DDR4", {8}, {2}, {2, 4}, 7800, "JESD79-4"},
        {"LPDDR4", {16, 32}, {2}, {1}, 3904, "JESD209-4"},
        {"LPDDR5", {16, 32}, {4, 8}, {1, 4}, 3906.25, "JESD209-5"},
        {"HBM2", {2, 4}, {2}, {4}, 3900, "JESD235"},
    }};
    return rules;
}

class Findings {
  public:
    explicit Findings(const std::string& file) : file_(file) {}

    void check(bool holds, std::string_view path, const std::string& value, const std::string& accepted) {
        if (!holds) {
            text_ += fmt::format("{}{}{}: {}; accepted: {}", text_.empty() ? "" : "\n",
                                 file_.empty() ? "" : file_ + ": ", path, value, accepted);
        }
    }
    void at_least(std::string_view path, std::uint64_t value, std::uint64_t least, std::string_view why) {
        check(value >= least, path, fmt::format("{}", value), fmt::format("at least {} ({})", least, why));
    }
    void one_of(std::string_view path, std::uint32_t value, const std::vector<std::uint32_t>& list,
                std::string_view source) {
        bool found = false;
        std::string accepted;
        for (const std::uint32_t entry : list) {
            found = found || entry == value;
            accepted += fmt::format("{}{}", accepted.empty() ? "" : " or ", entry);
        }
        check(found, path, fmt::format("{}", value), fmt::format("{} ({})", accepted, source));
    }
    void raise() const {
        if (!text_.empty()) {
            throw InputError(text_);
        }
    }

  private:
    std::string file_;
    std::string text_;
};

void check_timing(const DramConfig& config, Findings& findings) {
    const DramTiming& t = config.timing;
    const std::array<std::pair<std::string_view, std::uint64_t>, 15> positive{{
        {"timing.tCK_ps", t.tCK_ps},
        {"timing.nCL", t.nCL},
        {"timing.nCWL", t.nCWL},
        {"timing.nRCD", t.nRCD},
        {"timing.nRP", t.nRP},
        {"timing.nRAS", t.nRAS},
        {"timing.nRRD_S", t.nRRD_S},
        {"timing.nCCD_S", t.nCCD_S},
        {"timing.nRTP", t.nRTP},
        {"timing.nWR", t.nWR},
        {"timing.nWTR_S", t.nWTR_S},
        {"timing.nRFC", t.nRFC},
        {"timing.nREFI", t.nREFI},
        {"timing.burst_length", t.burst_length},
        {"timing.beats_per_clock", t.beats_per_clock},
    }};
    for (const auto& [path, value] : positive) {
        findings.at_least(path, value, 1, "it is a number of clocks, beats or picoseconds");
    }
    if (t.beats_per_clock == 0 || t.tCK_ps == 0) {
        return;
    }
    findings.check(t.burst_length % t.beats_per_clock == 0, "timing.burst_length", fmt::format("{}", t.burst_length),
                   fmt::format("a multiple of timing.beats_per_clock, {}", t.beats_per_clock));
    findings.at_least("timing.nRC", t.nRC, std::uint64_t{t.nRAS} + t.nRP, "nRAS + nRP");
    findings.at_least("timing.nRAS", t.nRAS, t.nRCD, "nRCD: a row is open at least until its first column command");
    findings.at_least("timing.nCCD_S", t.nCCD_S, t.burst_clocks(), "the clocks of a burst on the data bus");
    findings.at_least("timing.nCCD_L", t.nCCD_L, t.nCCD_S, "nCCD_S");
    findings.at_least("timing.nRRD_L", t.nRRD_L, t.nRRD_S, "nRRD_S");
    findings.at_least("timing.nWTR_L", t.nWTR_L, t.nWTR_S, "nWTR_S");
    findings.at_least("timing.nFAW", t.nFAW, t.nRRD_S, "nRRD_S");
    findings.check(t.nCL + t.burst_clocks() + 2 > t.nCWL, "timing.nCWL", fmt::format("{}", t.nCWL),
                   "less than nCL + burst clocks + 2");
    if (config.refresh.mode != RefreshMode::none) {
        findings.at_least("timing.nREFI", t.nREFI, std::uint64_t{t.nRFC} + t.nRC + t.nRP + config.organisation.ranks,
                          "nRFC + nRC + nRP + ranks: time for something else than refresh");
    }
}

void check_standard(const DramConfig& config, Findings& findings) {
    std::string names;
    for (const StandardRules& rules : standards()) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", rules.name);
        if (rules.name != config.standard) {
            continue;
        }
        const DramTiming& t = config.timing;
        findings.one_of("timing.burst_length", t.burst_length, rules.burst_lengths, rules.source);
        findings.one_of("timing.beats_per_clock", t.beats_per_clock, rules.beats_per_clock, rules.source);
        findings.one_of("organisation.bank_groups", config.organisation.bank_groups, rules.bank_groups, rules.source);
        const double interval_ns = static_cast<double>(t.nREFI) * static_cast<double>(t.tCK_ps) / 1000;
        findings.check(config.refresh.mode == RefreshMode::none || interval_ns <= rules.refresh_interval_ns * 1.001,
                       "timing.nREFI", fmt::format("{} clocks = {:.0f} ns", t.nREFI, interval_ns),
                       fmt::format("at most {:.0f} ns ({})", rules.refresh_interval_ns, rules.source));
        return;
    }
    findings.check(false, "standard", fmt::format("\"{}\"", config.standard), names);
}

void check_controller(const DramConfig& config, Findings& findings) {
    const DramControllerConfig& c = config.controller;
    const DramOrganisation& o = config.organisation;
    const std::uint64_t banks = std::uint64_t{o.ranks} * o.bank_groups * o.banks_per_group;
    const auto in_range = [&](std::string_view path, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
        findings.check(value >= least && value <= most, path, fmt::format("{}", value),
                       fmt::format("{} to {}", least, most));
    };
    in_range("organisation.channels", o.channels, 1, 256);
    findings.check(banks >= 1 && banks <= kMaxBanks, "organisation", fmt::format("{} banks a channel", banks),
                   fmt::format("1 to {} (ranks x bank groups x banks a group)", kMaxBanks));
    findings.at_least("organisation.rows", o.rows, 1, "a bank has rows");
    findings.at_least("organisation.columns", o.columns, config.timing.burst_length, "the columns of one burst");
    findings.at_least("organisation.bus_bits", o.bus_bits, 8, "whole bytes a beat");
    in_range("controller.read_queue", c.read_queue, 1, kMaxQueue);
    in_range("controller.write_queue", c.write_queue, 1, kMaxQueue);
    in_range("controller.write_high", c.write_high, 1, c.write_queue);
    findings.check(c.write_low < c.write_high, "controller.write_low", fmt::format("{}", c.write_low),
                   fmt::format("less than write_high, {}", c.write_high));
}

}  // namespace

void check_dram_config(const DramConfig& config, const std::string& file) {
    Findings findings(file);
    check_standard(config, findings);
    check_timing(config, findings);
    check_controller(config, findings);
    findings.raise();
}

}  // namespace palimpsest
