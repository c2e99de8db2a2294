// Each rule of the protocol checker can fail, alone; and one clock later, where it is a distance, it holds.

#include <set>
#include <sstream>

#include "hardware/dram/command_trace.h"
#include "hardware/dram/protocol_checker.h"
#include "palimpsest/error.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

/// Values apart from one another, so that each constraint can be the only one in the way.
DramTiming separable_timing() {
    DramTiming t;
    t.nCL = 10;
    t.nCWL = 8;
    t.nRCD = 10;
    t.nRP = 10;
    t.nRAS = 20;
    t.nRC = 35;
    t.nRRD_S = 4;
    t.nRRD_L = 6;
    t.nFAW = 26;
    t.nCCD_S = 5;
    t.nCCD_L = 7;
    t.nWTR_S = 3;
    t.nWTR_L = 9;
    t.nRTP = 6;
    t.nWR = 12;
    t.nRTRS = 2;
    t.nRFC = 40;
    t.nREFI = 500;
    t.nRFCpb = 15;
    t.nCKE = 8;
    t.nXP = 7;
    t.nCKESR = 11;
    t.nXS = 45;
    t.burst_length = 8;
    return t;
}

DramOrganisation small_organisation() {
    DramOrganisation o;
    o.ranks = 2;
    o.bank_groups = 4;
    o.banks_per_group = 4;
    o.rows = 128;
    o.columns = 64;
    return o;
}

/// "ACT 0 r0 g1 b2 row3 col8" in short: kind, clock, then what it needs.
DramCommand cmd(DramCommandKind kind, DramClock clock, std::uint8_t group = 0, std::uint8_t bank = 0,
                std::uint32_t row = 0, std::uint32_t column = 0, std::uint8_t rank = 0) {
    DramCommand c;
    c.kind = kind;
    c.clock = clock;
    c.rank = rank;
    c.bank_group = group;
    c.bank = bank;
    c.row = row;
    c.column = column;
    return c;
}

DramCommand on_rank_1(DramCommandKind kind, DramClock clock) {
    return cmd(kind, clock, 0, 0, 0, 0, 1);
}

std::vector<std::string> rules_broken(const std::vector<DramCommand>& commands,
                                      RefreshMode refresh = RefreshMode::all_bank, std::uint32_t nRFCpb = 15) {
    DramTiming timing = separable_timing();
    timing.nRFCpb = nRFCpb;
    ProtocolChecker checker(timing, small_organisation(), refresh);
    for (const DramCommand& command : commands) {
        checker.command(command);
    }
    std::vector<std::string> rules;
    for (const ProtocolViolation& violation : checker.violations()) {
        rules.push_back(violation.rule);
    }
    return rules;
}

constexpr auto ACT = DramCommandKind::activate, PRE = DramCommandKind::precharge, PREA = DramCommandKind::precharge_all,
               RD = DramCommandKind::read, WR = DramCommandKind::write, REF = DramCommandKind::refresh,
               REFPB = DramCommandKind::refresh_bank, PDE = DramCommandKind::power_down_enter,
               PDX = DramCommandKind::power_down_exit, SRE = DramCommandKind::self_refresh_enter,
               SRX = DramCommandKind::self_refresh_exit;

struct Fault {
    std::string rule;
    std::vector<DramCommand> commands;
    RefreshMode refresh = RefreshMode::all_bank;
    std::uint32_t nRFCpb = 15;
};

/// The last command is a clock too early.
std::vector<Fault> distances() {
    return {
        {"tRCD", {cmd(ACT, 0), cmd(RD, 9)}},
        {"tRCD", {cmd(ACT, 0), cmd(WR, 9)}},
        {"tRAS", {cmd(ACT, 0), cmd(PRE, 19)}},
        {"tRAS", {cmd(ACT, 0), cmd(PREA, 19)}},
        {"tRP", {cmd(ACT, 0), cmd(PRE, 30), cmd(ACT, 39)}},
        {"tRP", {cmd(ACT, 0), cmd(PREA, 30), cmd(ACT, 39)}},
        {"tRC", {cmd(ACT, 0), cmd(PRE, 20), cmd(ACT, 34)}},
        {"tRRD_S", {cmd(ACT, 0, 0), cmd(ACT, 3, 1)}},
        {"tRRD_L", {cmd(ACT, 0, 0, 0), cmd(ACT, 5, 0, 1)}},
        {"tFAW", {cmd(ACT, 0, 0), cmd(ACT, 6, 1), cmd(ACT, 12, 2), cmd(ACT, 18, 3), cmd(ACT, 25, 0, 1)}},
        {"tCCD_S", {cmd(ACT, 0, 0), cmd(ACT, 6, 1), cmd(RD, 20, 0), cmd(RD, 24, 1)}},
        {"tCCD_S", {cmd(ACT, 0, 0), cmd(ACT, 6, 1), cmd(WR, 20, 0), cmd(WR, 24, 1)}},
        {"tCCD_L", {cmd(ACT, 0), cmd(RD, 20), cmd(RD, 26, 0, 0, 0, 8)}},
        {"tCCD_L", {cmd(ACT, 0), cmd(WR, 20), cmd(WR, 26, 0, 0, 0, 8)}},
        {"tWTR_S", {cmd(ACT, 0, 0), cmd(ACT, 6, 1), cmd(WR, 20, 0), cmd(RD, 34, 1)}},
        {"tWTR_L", {cmd(ACT, 0), cmd(WR, 20), cmd(RD, 40)}},
        {"tRTP", {cmd(ACT, 0), cmd(RD, 30), cmd(PRE, 35)}},
        {"tRTP", {cmd(ACT, 0), cmd(RD, 30), cmd(PREA, 35)}},
        {"tWR", {cmd(ACT, 0), cmd(WR, 20), cmd(PRE, 43)}},
        {"read-to-write turnaround", {cmd(ACT, 0), cmd(RD, 20), cmd(WR, 27)}},
        {"tRTRS", {cmd(ACT, 0), on_rank_1(ACT, 1), cmd(RD, 20), on_rank_1(RD, 25)}},
        {"tRTRS", {cmd(ACT, 0), on_rank_1(ACT, 1), cmd(WR, 20), on_rank_1(WR, 25)}},
        {"tRTRS", {cmd(ACT, 0), on_rank_1(ACT, 1), cmd(WR, 20), on_rank_1(RD, 23)}},
        {"tRTRS", {cmd(ACT, 0), on_rank_1(ACT, 1), cmd(RD, 20), on_rank_1(WR, 27)}},
        {"tRFC", {cmd(REF, 0), cmd(ACT, 39)}},
        {"tRFC", {cmd(REF, 0), cmd(REF, 39)}},
        {"tRFC", {cmd(REF, 0), cmd(REFPB, 39)}},
        {"tRFC", {cmd(REF, 0), cmd(SRE, 39)}},
        {"tRFC", {cmd(REF, 0), cmd(PDE, 1), cmd(PDX, 9), cmd(ACT, 39)}},
        {"tRP before REF", {cmd(ACT, 0), cmd(PRE, 30), cmd(REF, 39)}},
        {"tRC before REF", {cmd(ACT, 0), cmd(PRE, 20), cmd(REF, 34)}},
        {"tREFI", {cmd(REF, 100), cmd(REF, 101 + 9 * 500)}},

        {"tRFCpb", {cmd(REFPB, 0), cmd(ACT, 14)}},
        {"tRFCpb", {cmd(REFPB, 0), cmd(REFPB, 14, 0, 1)}},
        {"tRFCpb", {cmd(REFPB, 0), cmd(REF, 14)}},
        {"tRFCpb", {cmd(REFPB, 0), cmd(SRE, 14)}},
        {"tRP before REFPB", {cmd(ACT, 0), cmd(PRE, 30), cmd(REFPB, 39)}},
        {"tRC before REFPB", {cmd(ACT, 0), cmd(PRE, 20), cmd(REFPB, 34)}},
        {"tRRD before REFPB", {cmd(ACT, 0, 1), cmd(REFPB, 3)}},
        {"tRRD after REFPB", {cmd(REFPB, 0), cmd(ACT, 3, 1)}},

        {"tRDPDEN", {cmd(ACT, 0), cmd(RD, 20), cmd(PDE, 34)}},
        {"tWRPDEN", {cmd(ACT, 0), cmd(WR, 20), cmd(PDE, 43)}},
        {"tCKE", {cmd(PDE, 5), cmd(PDX, 12)}},
        {"tXP", {cmd(PDE, 0), cmd(PDX, 10), cmd(ACT, 16)}},
        {"tXP", {cmd(PDE, 0), cmd(PDX, 10), cmd(REF, 16)}},
        {"tXP", {cmd(PDE, 0), cmd(PDX, 10), cmd(PDE, 16)}},
        {"tXP", {cmd(PDE, 0), cmd(PDX, 10), cmd(SRE, 16)}},
        {"tXP", {cmd(ACT, 0), cmd(PDE, 1), cmd(PDX, 20), cmd(RD, 26)}},

        {"tRP before SRE", {cmd(ACT, 0), cmd(PRE, 30), cmd(SRE, 39)}},
        {"tRP before SRE", {cmd(ACT, 0), cmd(PREA, 30), cmd(SRE, 39)}},
        {"tCKESR", {cmd(SRE, 0), cmd(SRX, 10)}},
        {"tXS", {cmd(SRE, 0), cmd(SRX, 20), cmd(REF, 64)}},
        {"tXS", {cmd(SRE, 0), cmd(SRX, 20), cmd(ACT, 64)}},
    };
}

/// The last command may not come at all.
std::vector<Fault> impossible() {
    return {
        {"data bus", {cmd(ACT, 0), cmd(RD, 20), cmd(WR, 24)}},
        {"ACT to open bank", {cmd(ACT, 0), cmd(ACT, 50, 0, 0, 1)}},
        {"PRE to closed bank", {cmd(PRE, 0)}},
        {"column command to closed bank", {cmd(RD, 5)}},
        {"column command to closed bank", {cmd(WR, 5)}},
        {"column command to closed bank", {cmd(ACT, 0), cmd(PREA, 30), cmd(RD, 50)}},
        {"column command to other row", {cmd(ACT, 0, 0, 0, 1), cmd(RD, 20, 0, 0, 2)}},
        {"REF with open bank", {cmd(ACT, 0), cmd(REF, 60)}},
        {"command bus", {cmd(ACT, 0), on_rank_1(ACT, 0)}},
        {"address", {cmd(ACT, 0, 0, 0, 128)}},
        {"address", {cmd(ACT, 0), cmd(RD, 20, 0, 0, 0, 4)}},
        {"REFPB without tRFCpb", {cmd(REFPB, 100)}, RefreshMode::per_bank, 0},
        {"REFPB with open bank", {cmd(ACT, 0), cmd(REFPB, 60)}},
        {"REFPB order", {cmd(REFPB, 0), cmd(REFPB, 20, 0, 2)}},
        {"REFPB order", {cmd(REFPB, 0), cmd(REFPB, 20)}},
        {"REFPB order", {cmd(REFPB, 0), cmd(REF, 20), cmd(REFPB, 100, 0, 1)}},
        {"command in power-down", {cmd(PDE, 0), cmd(ACT, 50)}},
        {"command in power-down", {cmd(PDE, 0), cmd(REF, 50)}},
        {"command in power-down", {cmd(PDE, 0), cmd(PDE, 50)}},
        {"command in power-down", {cmd(PDE, 0), cmd(SRX, 50)}},
        {"PDX without power-down", {cmd(PDE, 0), cmd(PDX, 10), cmd(PDX, 60)}},
        {"command in self-refresh", {cmd(SRE, 0), cmd(ACT, 50)}},
        {"command in self-refresh", {cmd(SRE, 0), cmd(REF, 50)}},
        {"command in self-refresh", {cmd(SRE, 0), cmd(REFPB, 50)}},
        {"command in self-refresh", {cmd(SRE, 0), cmd(PDX, 50)}},
        {"SRX without self-refresh", {cmd(SRX, 50)}},
        {"SRE with open bank", {cmd(ACT, 0), cmd(SRE, 60)}},
        {"SRE without REF since SRX", {cmd(SRE, 0), cmd(SRX, 20), cmd(SRE, 100)}},
    };
}

/// Read data are out only after the row is closed where tRTP + tRP is short: needs a timing of its own.
std::vector<std::string> read_before_self_refresh(DramClock clock) {
    DramTiming timing = separable_timing();
    timing.nRTP = 2;
    timing.nRP = 3;
    ProtocolChecker checker(timing, small_organisation());
    for (const DramCommand& command : {cmd(ACT, 0), cmd(RD, 30), cmd(PRE, 32), cmd(SRE, clock)}) {
        checker.command(command);
    }
    std::vector<std::string> rules;
    for (const ProtocolViolation& violation : checker.violations()) {
        rules.push_back(violation.rule);
    }
    return rules;
}

/// All 16 banks in turn from clock 100 on, then the first once more.
std::vector<DramCommand> bank_refreshes(DramClock first_again) {
    std::vector<DramCommand> commands;
    for (std::uint8_t b = 0; b < 16; ++b) {
        commands.push_back(cmd(REFPB, 100 + DramClock{15} * b, b / 4, b % 4));
    }
    commands.push_back(cmd(REFPB, first_again));
    return commands;
}

}  // namespace

TEST_CASE("A command one clock too early breaks that one rule, and on its clock none", "[dram][checker]") {
    for (Fault fault : distances()) {
        CAPTURE(fault.rule);
        const bool late = fault.rule == "tREFI";  // its last command is a clock too late
        CHECK(rules_broken(fault.commands) == std::vector<std::string>{fault.rule});
        fault.commands.back().clock += late ? -1 : 1;
        CHECK(rules_broken(fault.commands).empty());
    }
    CHECK(read_before_self_refresh(44) == std::vector<std::string>{"read data before SRE"});
    CHECK(read_before_self_refresh(45).empty());
}

TEST_CASE("A command that may not come at all breaks that one rule, and without it none", "[dram][checker]") {
    for (Fault fault : impossible()) {
        CAPTURE(fault.rule);
        CHECK(rules_broken(fault.commands, fault.refresh, fault.nRFCpb) == std::vector<std::string>{fault.rule});
        fault.commands.pop_back();
        CHECK(rules_broken(fault.commands, fault.refresh, fault.nRFCpb).empty());
    }
}

TEST_CASE("Each bank is refreshed once in nine intervals at least", "[dram][checker]") {
    CHECK(rules_broken(bank_refreshes(100 + 9 * 500), RefreshMode::per_bank).empty());
    CHECK(rules_broken(bank_refreshes(101 + 9 * 500), RefreshMode::per_bank) ==
          std::vector<std::string>{"tREFI of a bank"});
    CHECK(rules_broken(bank_refreshes(101 + 9 * 500), RefreshMode::none).empty());
}

TEST_CASE("Every rule that the checker has is broken by a trace of these tests", "[dram][checker]") {
    std::set<std::string> broken{"read data before SRE", "tREFI of a bank"};  // in tests of their own
    for (const std::vector<Fault>& faults : {distances(), impossible()}) {
        for (const Fault& fault : faults) {
            broken.insert(fault.rule);
        }
    }
    std::set<std::string> rules;
    for (std::size_t i = 0; i < kProtocolRules; ++i) {
        rules.insert(std::string(name_of(static_cast<ProtocolRule>(i))));
    }
    CHECK(rules.size() == kProtocolRules);  // no name twice
    CHECK(broken == rules);
}

TEST_CASE("Time in self-refresh does not count for the refresh interval", "[dram][checker]") {
    const DramClock asleep = 100000;
    const std::vector<DramCommand> before{cmd(REF, 100), cmd(SRE, 200), cmd(SRX, 200 + asleep)};
    for (const bool late : {false, true}) {
        std::vector<DramCommand> commands = before;
        commands.push_back(cmd(REF, 100 + 9 * 500 + asleep + (late ? 1 : 0)));
        const std::vector<std::string> expected(late ? 1 : 0, "tREFI");
        CHECK(rules_broken(commands) == expected);
    }
    ProtocolChecker checker(separable_timing(), small_organisation());
    for (const std::uint8_t rank : {0, 1}) {
        checker.command(cmd(SRE, 50 + rank, 0, 0, 0, 0, rank));
    }
    checker.finish(asleep);
    CHECK(checker.violations().empty());
}

TEST_CASE("A rank that sleeps and is refreshed by the book breaks nothing", "[dram][checker]") {
    CHECK(rules_broken({cmd(ACT, 0), cmd(RD, 20), cmd(PDE, 35), cmd(PDX, 43), cmd(PREA, 50), cmd(SRE, 60), cmd(SRX, 71),
                        cmd(REF, 116), cmd(PDE, 117), cmd(PDX, 125), cmd(SRE, 156), cmd(SRX, 167)})
              .empty());
    CHECK(rules_broken(
              {cmd(REFPB, 0), cmd(ACT, 4, 1), cmd(ACT, 15), cmd(REFPB, 19, 0, 1), cmd(RD, 25), cmd(REFPB, 34, 0, 2)})
              .empty());
}

TEST_CASE("A refresh that never comes is reported at the end", "[dram][checker]") {
    ProtocolChecker checker(separable_timing(), small_organisation());
    checker.finish(9 * 500);
    CHECK(checker.violations().empty());
    checker.finish(9 * 500 + 1);
    CHECK(checker.violations().size() == 2);  // both ranks
    ProtocolChecker by_bank(separable_timing(), small_organisation(), RefreshMode::per_bank);
    by_bank.finish(9 * 500);
    CHECK(by_bank.violations().empty());
    by_bank.finish(9 * 500 + 1);
    CHECK(by_bank.violations().size() == 2 * 16);
    ProtocolChecker without(separable_timing(), small_organisation(), false);
    without.finish(100000);
    CHECK(without.violations().empty());
}

TEST_CASE("Command traces are read back as written, and bad lines are refused by number", "[dram][checker]") {
    const std::vector<DramCommand> commands{cmd(ACT, 3, 1, 2, 77),
                                            cmd(RD, 20, 1, 2, 77, 8),
                                            cmd(WR, 30, 1, 2, 77, 16),
                                            cmd(PRE, 70, 1, 2),
                                            cmd(PREA, 90, 0, 0, 0, 0, 1),
                                            cmd(REF, 120),
                                            cmd(REFPB, 200, 1, 2),
                                            cmd(PDE, 300),
                                            cmd(PDX, 310),
                                            cmd(SRE, 320),
                                            cmd(SRX, 340)};
    std::stringstream file;
    CommandTraceWriter writer(file);
    for (const DramCommand& command : commands) {
        writer.command(command);
    }
    CHECK(read_command_trace(file, "trace") == commands);
    CHECK(trace_line(commands[1]) == "20 RD 0 0 1 2 77 8");
    CHECK(trace_line(commands[5]) == "120 REF 0 0 - - - -");
    CHECK(trace_line(commands[6]) == "200 REFPB 0 0 1 2 - -");
    CHECK(trace_line(commands[7]) == "300 PDE 0 0 - - - -");
    for (const char* bad : {"20 XX 0 0 1 2 77 8", "RD 0 0 1 2 77 8", "20 RD 0 0 1 2 77", "20 RD 0 0 1 2 77 8 9",
                            "20 REF 0 0 1 2 - -", "20 RD 0 0 -1 2 77 8", "20 RD 0 300 1 2 77 8"}) {
        std::stringstream in(std::string("# comment\n\n") + bad + "\n");
        std::string message;
        try {
            read_command_trace(in, "trace");
        } catch (const InputError& error) {
            message = error.what();
        }
        CHECK(message.find("line 3") != std::string::npos);
        CHECK(message.find(bad) != std::string::npos);
    }
}
