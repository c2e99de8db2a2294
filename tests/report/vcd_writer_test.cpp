// Waveforms: what goes in through the signal sink comes out of the dump, inside the window and in time order.

#include "report/vcd_writer.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"
#include "vcd_parser.h"

using namespace palimpsest;

namespace {

using Changes = std::vector<std::pair<std::uint64_t, std::string>>;

ParsedVcd written_and_read(const VcdWriter& writer, const ScratchDirectory& scratch, Picoseconds end) {
    writer.write(scratch / "run.vcd", end);
    return parse_vcd(content_of(scratch / "run.vcd"));
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a window is two times of ps, ns, us or ms, exact to the picosecond", "[vcd][window]") {
    const auto is = [](const char* text, Picoseconds begin, Picoseconds end) {
        const TimeWindow window = parse_time_window(text, "--vcd-window");
        CHECK(window.begin_ps == begin);
        CHECK(window.end_ps == end);
    };
    is("0us:50us", 0, 50'000'000);
    is("1.5us:1600ns", 1'500'000, 1'600'000);
    is("7ps:8ps", 7, 8);
    is("0.000001us:.5ms", 1, 500'000'000);
    is("1.0ps:2.000ps", 1, 2);
    for (const char* text : {"", ":", "50us", "0us", "0us:", ":50us", "50us:0us", "5us:5us", "0:50", "0us:50s",
                             "-1us:5us", "0us:5 us", "0us:0.0000001us", "1e3ns:5us", "0us:5us:9us", "us:5us", ".us:5us",
                             "0us:99999999999999999999us", "0us:18446744073709551616ps"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_time_window(text, "--vcd-window"), InputError);
    }
}

TEST_CASE("kinds, names and values of a dump", "[vcd]") {
    const ScratchDirectory scratch;
    VcdWriter writer({0, 1000});
    const auto state = writer.declare("machine.pe_array.state", SignalKind::state, 4, "busy,operand,buffer full");
    const auto level = writer.declare("machine.pe_array.commands", SignalKind::level, 8);
    const auto flag = writer.declare("machine.dram.busy", SignalKind::level, 1);
    const auto event = writer.declare("machine.kv_mmu.eviction", SignalKind::event, 1);
    const auto unset = writer.declare("machine.dram.row[3]", SignalKind::level, 16);
    static_cast<void>(unset);
    writer.change(state, 0, 0);
    writer.change(level, 0, 0);
    writer.change(flag, 0, 1);
    writer.change(state, 20, 2);
    writer.change(state, 30, 9);
    writer.change(level, 10, 5);
    writer.change(flag, 40, 0);
    writer.change(event, 15, 1);
    writer.change(event, 25, 1);
    const ParsedVcd vcd = written_and_read(writer, scratch, 800);
    CHECK(vcd.timescale == "1ps");
    CHECK(vcd.type.at("machine.pe_array.state") == "string");
    CHECK(vcd.type.at("machine.kv_mmu.eviction") == "event");
    CHECK(vcd.width.at("machine.pe_array.commands") == "8");
    CHECK(vcd.changes.at("machine.pe_array.state") == Changes{{0, "busy"}, {20, "buffer_full"}, {30, "9"}});
    CHECK(vcd.changes.at("machine.pe_array.commands") == Changes{{0, "0"}, {10, "101"}});
    CHECK(vcd.changes.at("machine.dram.busy") == Changes{{0, "1"}, {40, "0"}});
    CHECK(vcd.changes.at("machine.kv_mmu.eviction") == Changes{{15, "1"}, {25, "1"}});
    CHECK(vcd.changes.at("machine.dram.row_3_") == Changes{{0, "x"}});
    CHECK(vcd.times.front() == 0);
    CHECK(vcd.times.back() == 800);
    CHECK(scratch.entries() == 2);
}

TEST_CASE("a window starts with the last values before it and ends before its end", "[vcd][window]") {
    const ScratchDirectory scratch;
    VcdWriter writer({100, 200});
    const auto level = writer.declare("m.level", SignalKind::level, 8);
    const auto edge = writer.declare("m.edge", SignalKind::level, 8);
    const auto event = writer.declare("m.event", SignalKind::event, 1);
    for (const auto& [time, value] : {std::pair{0, 1}, {50, 2}, {99, 3}, {150, 4}, {199, 5}, {200, 6}, {300, 7}}) {
        writer.change(level, static_cast<Picoseconds>(time), static_cast<std::uint64_t>(value));
    }
    writer.change(edge, 100, 7);
    for (const int time : {0, 99, 100, 199, 200}) {
        writer.change(event, static_cast<Picoseconds>(time), 1);
    }
    const ParsedVcd vcd = written_and_read(writer, scratch, 1000);
    CHECK(vcd.changes.at("m.level") == Changes{{100, "11"}, {150, "100"}, {199, "101"}});
    CHECK(vcd.changes.at("m.edge") == Changes{{100, "111"}});
    CHECK(vcd.changes.at("m.event") == Changes{{100, "1"}, {199, "1"}});
    CHECK(vcd.times.front() == 100);
    CHECK(vcd.times.back() == 200);
}

TEST_CASE("random changes, reported block by block out of order, read back as a simple model has them", "[vcd]") {
    const ScratchDirectory scratch;
    std::mt19937 random(7);
    const TimeWindow window{5'000, 20'000};
    VcdWriter writer(window);
    std::vector<SignalSink::SignalId> ids;
    for (int i = 0; i < 200; ++i) {  // more than one letter's worth of identifiers
        ids.push_back(writer.declare("m.s" + std::to_string(i % 20) + ".v" + std::to_string(i), SignalKind::level, 12));
    }
    // The model: the value of each signal at each time it changed.
    std::vector<std::map<Picoseconds, std::uint64_t>> model(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {  // one signal after the other: far from time order
        Picoseconds time = 0;
        for (int n = 0; n < 50; ++n) {
            const std::uint64_t value = random() % 4096;
            writer.change(ids[i], time, value);
            model[i][time] = value;
            time += random() % 1000;  // at times twice in one picosecond: the last counts
        }
    }
    const ParsedVcd vcd = written_and_read(writer, scratch, 1'000'000);
    CHECK(std::is_sorted(vcd.times.begin(), vcd.times.end()));
    CHECK(std::adjacent_find(vcd.times.begin(), vcd.times.end()) == vcd.times.end());
    const auto value_at = [](const std::map<Picoseconds, std::uint64_t>& changes, Picoseconds time) {
        return std::prev(changes.upper_bound(time))->second;
    };
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Changes& read = vcd.changes.at("m.s" + std::to_string(i % 20) + ".v" + std::to_string(i));
        std::map<Picoseconds, std::uint64_t> dumped;
        for (const auto& [time, bits] : read) {
            dumped[time] = std::stoull(bits, nullptr, 2);
        }
        for (Picoseconds time = window.begin_ps; time < window.end_ps; time += 7) {
            REQUIRE(value_at(dumped, time) == value_at(model[i], time));
        }
    }
}

TEST_CASE("the save file lists every signal under its group", "[vcd][gtkw]") {
    const ScratchDirectory scratch;
    VcdWriter writer({0, 1000});
    writer.declare("machine.pe_array.state", SignalKind::state, 4, "busy,drained");
    for (const char* bank : {"bank0", "bank1", "bank2"}) {
        writer.declare(std::string("machine.dram.channel0.") + bank + ".row", SignalKind::level, 16);
    }
    writer.write(scratch / "run.vcd", 1000);
    const std::string text = content_of(scratch / "run.gtkw");
    CHECK(text.find("[dumpfile] \"" + (scratch / "run.vcd") + "\"") != std::string::npos);
    CHECK(text.find("+{state} machine.pe_array.state\n") != std::string::npos);
    CHECK(text.find("+{row} machine.dram.channel0.bank0.row[15:0]\n") != std::string::npos);
    CHECK(text.find("-pe_array\n") != std::string::npos);
    // Blocks are open groups; banks, being many alike, are closed ones; each that begins ends.
    CHECK(occurrences(text, "@800200\n") == 3);
    CHECK(occurrences(text, "@1000200\n") == 3);
    CHECK(occurrences(text, "@c00200\n") == 3);
    CHECK(occurrences(text, "@1401200\n") == 3);
}

TEST_CASE("a dump that cannot be written is an error and leaves nothing", "[vcd]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "file") << "not a directory";
    VcdWriter writer({0, 1000});
    CHECK_THROWS_AS(writer.write(scratch / "file/run.vcd", 1000), SimulationError);
    CHECK(scratch.entries() == 1);
}
