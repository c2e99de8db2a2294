#include "config/dram_relations.h"

#include <array>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using Problems = std::vector<DramProblem>;

void require(Problems& problems, bool holds, std::string_view path, std::uint64_t value, std::string accepted) {
    if (!holds) {
        problems.push_back({std::string(path), fmt::format("value {}", value), std::move(accepted)});
    }
}

void at_least(Problems& problems, std::string_view path, std::uint64_t value, std::uint64_t least,
              std::string_view why) {
    require(problems, value >= least, path, value, fmt::format("{} or more: {}", least, why));
}

void within(Problems& problems, std::string_view path, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    require(problems, value >= least && value <= most, path, value, fmt::format("{} to {}", least, most));
}

// Relations that the controller needs, in the order of the table below.

void positive(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    const std::array<std::pair<std::string_view, std::uint64_t>, 19> values{{
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
        {"timing.nCKE", t.nCKE},
        {"timing.nXP", t.nXP},
        {"timing.nCKESR", t.nCKESR},
        {"timing.nXS", t.nXS},
        {"timing.burst_length", t.burst_length},
        {"timing.beats_per_clock", t.beats_per_clock},
    }};
    for (const auto& [path, value] : values) {
        at_least(problems, path, value, 1, "it is a number of clocks, beats or picoseconds");
    }
}

void whole_bursts(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    require(problems, t.beats_per_clock > 0 && t.burst_length > 0 && t.burst_length % t.beats_per_clock == 0,
            "timing.burst_length", t.burst_length, fmt::format("a multiple of beats_per_clock, {}", t.beats_per_clock));
}

void row_cycle(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    require(problems, t.nRC >= std::uint64_t{t.nRAS} + t.nRP, "timing.nRC", t.nRC,
            fmt::format("nRAS + nRP = {} or more", std::uint64_t{t.nRAS} + t.nRP));
}

void row_is_used(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    at_least(problems, "timing.nRAS", config.timing.nRAS, config.timing.nRCD,
             "nRCD, as a row is open at least until its first column command");
}

void bursts_do_not_overlap(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    if (config.timing.beats_per_clock > 0) {
        at_least(problems, "timing.nCCD_S", config.timing.nCCD_S, config.timing.burst_clocks(),
                 "the clocks of a burst on the data bus");
    }
}

void same_group_is_slower(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    at_least(problems, "timing.nCCD_L", t.nCCD_L, t.nCCD_S, "nCCD_S");
    at_least(problems, "timing.nRRD_L", t.nRRD_L, t.nRRD_S, "nRRD_S");
    at_least(problems, "timing.nWTR_L", t.nWTR_L, t.nWTR_S, "nWTR_S");
}

void window_holds_an_activate(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    at_least(problems, "timing.nFAW", config.timing.nFAW, config.timing.nRRD_S, "nRRD_S");
}

void write_latency(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    if (t.beats_per_clock > 0) {
        require(problems, t.nCWL < t.nCL + t.burst_clocks() + 2, "timing.nCWL", t.nCWL,
                fmt::format("less than nCL + burst clocks + 2 = {}", t.nCL + t.burst_clocks() + 2));
    }
}

void time_for_work(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramTiming& t = config.timing;
    const std::uint64_t banks = config.organisation.banks();
    switch (config.refresh.mode) {
        case RefreshMode::none:
            break;
        case RefreshMode::all_bank:
            at_least(problems, "timing.nREFI", t.nREFI,
                     std::uint64_t{t.nRFC} + t.nRC + t.nRP + config.organisation.ranks,
                     "nRFC + nRC + nRP + ranks, or there is no time for anything but refresh");
            break;
        case RefreshMode::per_bank:
            at_least(problems, "timing.nRFCpb", t.nRFCpb, 1, "refresh.mode is per_bank");
            at_least(problems, "timing.nREFI", t.nREFI, banks * t.nRFCpb,
                     "banks x nRFCpb, or refresh falls behind for ever");
            break;
    }
}

void postponed_refreshes(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    within(problems, "refresh.postpone", config.refresh.postpone, 0, kDramPostponeLimit);
}

void self_refresh_is_of_all_banks(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    require(problems, config.power_down.self_refresh_after == 0 || config.refresh.mode == RefreshMode::all_bank,
            "power_down.self_refresh_after", config.power_down.self_refresh_after,
            "0, or refresh.mode all_bank: the device refreshes all banks and the controller goes on from there");
}

void organisation_limits(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramOrganisation& o = config.organisation;
    within(problems, "organisation.channels", o.channels, 1, 256);
    const std::uint64_t banks = std::uint64_t{o.ranks} * o.bank_groups * o.banks_per_group;
    if (banks < 1 || banks > kDramBankLimit) {
        problems.push_back(
            {"organisation.ranks",
             fmt::format("{} ranks x {} bank groups x {} banks", o.ranks, o.bank_groups, o.banks_per_group),
             fmt::format("1 to {} banks a channel", kDramBankLimit)});
    }
    at_least(problems, "organisation.rows", o.rows, 1, "a bank has rows");
    at_least(problems, "organisation.columns", o.columns, config.timing.burst_length, "the columns of one burst");
    at_least(problems, "organisation.bus_bits", o.bus_bits, 8, "whole bytes a beat");
    require(problems, o.devices_per_rank > 0 && o.bus_bits % o.devices_per_rank == 0, "organisation.devices_per_rank",
            o.devices_per_rank, fmt::format("a divisor of bus_bits, {}: each device has as many pins", o.bus_bits));
}

void queues(const DramConfig& config, const DramStandard* /*standard*/, Problems& problems) {
    const DramControllerConfig& c = config.controller;
    within(problems, "controller.read_queue", c.read_queue, 1, kDramQueueLimit);
    within(problems, "controller.write_queue", c.write_queue, 1, kDramQueueLimit);
    require(problems, c.write_high >= 1 && c.write_high <= c.write_queue, "controller.write_high", c.write_high,
            fmt::format("at most write_queue, {}", c.write_queue));
    require(problems, c.write_low < c.write_high, "controller.write_low", c.write_low,
            fmt::format("less than write_high, {}", c.write_high));
    within(problems, "controller.page_timeout", c.page_timeout, 1, 65536);
}

constexpr std::array<DramRelation, 13> kStructure{{
    {"numbers", "every count of clocks, beats or picoseconds is 1 or more", "", "all", positive},
    {"bursts", "burst_length is a multiple of beats_per_clock", "", "all", whole_bursts},
    {"row cycle", "nRC >= nRAS + nRP", "tRC in all standards", "all", row_cycle},
    {"row use", "nRAS >= nRCD", "", "all", row_is_used},
    {"data bus", "nCCD_S >= burst_length / beats_per_clock", "", "all", bursts_do_not_overlap},
    {"bank groups", "nCCD_L >= nCCD_S, nRRD_L >= nRRD_S, nWTR_L >= nWTR_S", "DDR4, LPDDR5, HBM2", "all",
     same_group_is_slower},
    {"activates", "nFAW >= nRRD_S", "", "all", window_holds_an_activate},
    {"turnaround", "nCWL < nCL + burst clocks + 2", "", "all", write_latency},
    {"time for work",
     "all-bank refresh: nREFI >= nRFC + nRC + nRP + ranks; per-bank: nRFCpb >= 1, nREFI >= banks x nRFCpb", "", "all",
     time_for_work},
    {"postponed refreshes", "refresh.postpone <= 7", "at most 8 refreshes put off in all standards", "all",
     postponed_refreshes},
    {"self-refresh", "power_down.self_refresh_after needs refresh.mode all_bank", "", "all",
     self_refresh_is_of_all_banks},
    {"organisation", "1 to 256 channels of 1 to 64 banks, a row holds a burst, devices share the bus evenly", "", "all",
     organisation_limits},
    {"queues", "1 to 64 bursts each, write_low < write_high <= write_queue, page_timeout 1 to 65536", "", "all",
     queues},
}};

void raise(const std::vector<DramProblem>& problems, const std::string& file) {
    std::string text;
    for (const DramProblem& problem : problems) {
        text += fmt::format("{}{}{}: {}; accepted: {}", text.empty() ? "" : "\n", file.empty() ? "" : file + ": ",
                            problem.path, problem.what_is_there, problem.accepted);
    }
    if (!text.empty()) {
        throw InputError(text);
    }
}

}  // namespace

std::span<const DramRelation> dram_structure_relations() {
    return kStructure;
}

std::vector<DramProblem> dram_structure_problems(const DramConfig& config) {
    std::vector<DramProblem> problems;
    for (const DramRelation& relation : kStructure) {
        relation.check(config, nullptr, problems);
    }
    return problems;
}

void check_dram_structure(const DramConfig& config, const std::string& file) {
    raise(dram_structure_problems(config), file);
}

void check_jedec(const DramConfig& config, const std::string& file) {
    raise(jedec_problems(config), file);
}

}  // namespace palimpsest
