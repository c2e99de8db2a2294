// Each rule of the protocol checker can fail, alone; and one clock later, where it is a distance, it holds.

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

std::vector<std::string> rules_broken(const std::vector<DramCommand>& commands) {
    ProtocolChecker checker(separable_timing(), small_organisation());
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
               RD = DramCommandKind::read, WR = DramCommandKind::write, REF = DramCommandKind::refresh;

struct Fault {
    std::string rule;
    std::vector<DramCommand> commands;  ///< the last one is a clock too early
};

std::vector<Fault> distances() {
    return {
        {"tRCD", {cmd(ACT, 0), cmd(RD, 9)}},
        {"tRCD", {cmd(ACT, 0), cmd(WR, 9)}},
        {"tRAS", {cmd(ACT, 0), cmd(PRE, 19)}},
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
        {"tWR", {cmd(ACT, 0), cmd(WR, 20), cmd(PRE, 43)}},
        {"read-to-write turnaround", {cmd(ACT, 0), cmd(RD, 20), cmd(WR, 27)}},
        {"tRTRS", {cmd(ACT, 0), cmd(ACT, 1, 0, 0, 0, 0, 1), cmd(RD, 20), cmd(RD, 25, 0, 0, 0, 0, 1)}},
        {"tRTRS", {cmd(ACT, 0), cmd(ACT, 1, 0, 0, 0, 0, 1), cmd(WR, 20), cmd(RD, 23, 0, 0, 0, 0, 1)}},
        {"tRFC", {cmd(REF, 0), cmd(ACT, 39)}},
        {"tRFC", {cmd(REF, 0), cmd(REF, 39)}},
        {"tRP before REF", {cmd(ACT, 0), cmd(PRE, 30), cmd(REF, 39)}},
        {"tRC before REF", {cmd(ACT, 0), cmd(PRE, 20), cmd(REF, 34)}},
    };
}

}  // namespace

TEST_CASE("A command one clock too early breaks that one rule, and on its clock none", "[dram][checker]") {
    for (Fault fault : distances()) {
        CAPTURE(fault.rule);
        CHECK(rules_broken(fault.commands) == std::vector<std::string>{fault.rule});
        ++fault.commands.back().clock;
        CHECK(rules_broken(fault.commands).empty());
    }
}

TEST_CASE("A command that may not come at all breaks that one rule", "[dram][checker]") {
    const std::vector<Fault> faults{
        {"data bus", {cmd(ACT, 0), cmd(RD, 20), cmd(WR, 24)}},
        {"ACT to open bank", {cmd(ACT, 0), cmd(ACT, 50, 0, 0, 1)}},
        {"PRE to closed bank", {cmd(PRE, 0)}},
        {"column command to closed bank", {cmd(RD, 5)}},
        {"column command to closed bank", {cmd(WR, 5)}},
        {"column command to other row", {cmd(ACT, 0, 0, 0, 1), cmd(RD, 20, 0, 0, 2)}},
        {"REF with open bank", {cmd(ACT, 0), cmd(REF, 60)}},
        {"command bus", {cmd(ACT, 0), cmd(ACT, 0, 0, 0, 0, 0, 1)}},
        {"address", {cmd(ACT, 0, 0, 0, 128)}},
        {"address", {cmd(ACT, 0), cmd(RD, 20, 0, 0, 0, 4)}},
        {"tREFI", {cmd(REF, 100), cmd(REF, 100 + 9 * 500 + 1)}},
    };
    for (const Fault& fault : faults) {
        CAPTURE(fault.rule);
        CHECK(rules_broken(fault.commands) == std::vector<std::string>{fault.rule});
    }
}

TEST_CASE("A refresh that never comes is reported at the end", "[dram][checker]") {
    ProtocolChecker checker(separable_timing(), small_organisation());
    checker.finish(9 * 500);
    CHECK(checker.violations().empty());
    checker.finish(9 * 500 + 1);
    CHECK(checker.violations().size() == 2);  // both ranks
    ProtocolChecker without(separable_timing(), small_organisation(), false);
    without.finish(100000);
    CHECK(without.violations().empty());
}

TEST_CASE("Command traces are read back as written, and bad lines are refused by number", "[dram][checker]") {
    const std::vector<DramCommand> commands{cmd(ACT, 3, 1, 2, 77),        cmd(RD, 20, 1, 2, 77, 8),
                                            cmd(WR, 30, 1, 2, 77, 16),    cmd(PRE, 70, 1, 2),
                                            cmd(PREA, 90, 0, 0, 0, 0, 1), cmd(REF, 120)};
    std::stringstream file;
    CommandTraceWriter writer(file);
    for (const DramCommand& command : commands) {
        writer.command(command);
    }
    CHECK(read_command_trace(file, "trace") == commands);
    CHECK(trace_line(commands[1]) == "20 RD 0 0 1 2 77 8");
    CHECK(trace_line(commands[5]) == "120 REF 0 0 - - - -");
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
