// Timelines: what goes in through the timeline sink comes out as Trace Event JSON that a viewer takes whole.

#include "report/timeline_writer.h"

#include "palimpsest/error.h"
#include "support/catch.h"
#include "support/scratch_directory.h"
#include "support/trace_events.h"

using namespace palimpsest;

namespace {

constexpr Picoseconds kNs = 1000;

TimelineSlice slice(std::uint32_t track, Picoseconds begin_ps, Picoseconds end_ps, std::string name = "work") {
    TimelineSlice made;
    made.track = track;
    made.begin_ps = begin_ps;
    made.end_ps = end_ps;
    made.name = std::move(name);
    made.category = "test";
    return made;
}

void value(TimelineWriter& writer, TimelineSink::CounterId counter, Picoseconds time_ps, double number) {
    writer.value(counter, time_ps, std::vector<double>{number});
}

std::vector<std::pair<std::int64_t, double>> pairs(const std::vector<TraceEvents::Value>& values) {
    std::vector<std::pair<std::int64_t, double>> result;
    for (const TraceEvents::Value& v : values) {
        result.emplace_back(v.time, v.value);
    }
    return result;
}

}  // namespace

TEST_CASE("tracks, slices, arguments and arrows of a timeline", "[timeline]") {
    const ScratchDirectory scratch;
    TimelineWriter writer(scratch / "run.json", {"a \"run\"\n\x01 of \xc3\xa9", "abc"}, {});
    const auto loads = writer.track("dma_load");
    const auto array = writer.track("pe_array");
    CHECK(writer.track("dma_load") == loads);
    TimelineSlice load = slice(loads, 1'001 * kNs, 2'345'678 * kNs, "qkv");
    load.arguments = {{"bytes", std::uint64_t{1} << 40}, {"traffic", std::string_view("weights")}};
    load.flow_out = 7;
    writer.slice(load);
    TimelineSlice tile = slice(array, 2'345'678 * kNs, 2'345'700 * kNs, "qkv");
    tile.flow_in = 7;
    writer.slice(tile);
    writer.slice(slice(array, 2'345'700 * kNs, 2'345'700 * kNs, "nothing"));
    writer.finish(3'000'000 * kNs);

    const TraceEvents events = read_trace_events(scratch / "run.json");
    CHECK(events.process == "palimpsest: a \"run\"\n\x01 of \xc3\xa9");
    CHECK(events.track_order == std::vector<std::string>{"dma_load", "pe_array"});
    CHECK(events.other.at("config_hash") == "abc");
    const TraceEvents::Slice& read = events.tracks.at("dma_load").at(0);
    CHECK(read.begin == 1'001);
    CHECK(read.end == 2'345'678);
    CHECK(read.arguments == nlohmann::json{{"bytes", std::uint64_t{1} << 40}, {"traffic", "weights"}});
    CHECK(events.arrows == 1);
    CHECK(events.tracks.at("pe_array").at(1).duration() == 0);
}

TEST_CASE("slices side by side stay so whatever the clock's period", "[timeline]") {
    const ScratchDirectory scratch;
    for (const Picoseconds period : {333, 625, 1250, 1501, 3999}) {
        CAPTURE(period);
        TimelineWriter writer(scratch / "run.json", {}, {});
        const auto track = writer.track("pe_array");
        for (Picoseconds cycle = 0; cycle < 500; ++cycle) {
            writer.slice(slice(track, cycle * period, (cycle + 1) * period));
        }
        writer.finish(500 * period);
        const TraceEvents events = read_trace_events(scratch / "run.json");  // throws where two overlap
        CHECK(events.tracks.at("pe_array").back().end == static_cast<std::int64_t>(500 * period / kNs));
    }
}

TEST_CASE("of a counter's values at one time the last counts, and what does not change is not written", "[timeline]") {
    const ScratchDirectory scratch;
    TimelineWriter writer(scratch / "run.json", {}, {});
    const auto depth = writer.counter("queue", {"commands"});
    const auto traffic = writer.counter("DRAM", {"read", "write"});
    value(writer, depth, 0, 0);
    value(writer, depth, 0, 3);
    value(writer, depth, 5 * kNs, 2);
    value(writer, depth, 5 * kNs, 3);
    value(writer, depth, 9 * kNs, 1);
    writer.value(traffic, 2 * kNs, std::vector<double>{0.25, 12.5});
    writer.finish(10 * kNs);
    const TraceEvents events = read_trace_events(scratch / "run.json");
    using Pairs = std::vector<std::pair<std::int64_t, double>>;
    CHECK(pairs(events.counters.at("queue commands")) == Pairs{{0, 3}, {9, 1}});
    CHECK(pairs(events.counters.at("DRAM read")) == Pairs{{2, 0.25}});
    CHECK(pairs(events.counters.at("DRAM write")) == Pairs{{2, 12.5}});
}

TEST_CASE("a window holds the slices that reach into it and what counters are at its start", "[timeline]") {
    const ScratchDirectory scratch;
    TimelineWriter writer(scratch / "run.json", {}, {100 * kNs, 200 * kNs});
    const auto track = writer.track("unit");
    const auto counter = writer.counter("queue", {"commands"});
    value(writer, counter, 10 * kNs, 1);
    value(writer, counter, 50 * kNs, 2);
    writer.slice(slice(track, 0, 100 * kNs, "before"));
    writer.slice(slice(track, 100 * kNs, 100 * kNs, "at its start"));
    writer.slice(slice(track, 100 * kNs, 150 * kNs, "inside"));
    value(writer, counter, 150 * kNs, 3);
    writer.slice(slice(track, 150 * kNs, 300 * kNs, "out of it"));
    value(writer, counter, 200 * kNs, 4);
    writer.slice(slice(track, 300 * kNs, 400 * kNs, "after"));
    writer.finish(400 * kNs);
    const TraceEvents events = read_trace_events(scratch / "run.json");
    std::vector<std::string> names;
    for (const TraceEvents::Slice& shown : events.tracks.at("unit")) {
        names.push_back(shown.name);
    }
    CHECK(names == std::vector<std::string>{"at its start", "inside", "out of it"});
    using Pairs = std::vector<std::pair<std::int64_t, double>>;
    CHECK(pairs(events.counters.at("queue commands")) == Pairs{{100, 2}, {150, 3}});
}

TEST_CASE("timelines are compressed as their name says", "[timeline]") {
    const ScratchDirectory scratch;
    for (const std::string name : {"run.json", "run.json.gz", "run.json.zst"}) {
        CAPTURE(name);
        TimelineWriter writer(scratch / name, {}, {});
        const auto track = writer.track("unit");
        for (Picoseconds i = 0; i < 10'000; ++i) {
            writer.slice(slice(track, i * kNs, (i + 1) * kNs));
        }
        writer.finish(10'000 * kNs);
        CHECK(read_trace_events(scratch / name).tracks.at("unit").size() == 10'000);
    }
    CHECK(std::filesystem::file_size(scratch / "run.json.gz") * 10 < std::filesystem::file_size(scratch / "run.json"));
    CHECK(std::filesystem::file_size(scratch / "run.json.zst") * 10 < std::filesystem::file_size(scratch / "run.json"));
}

TEST_CASE("a timeline that is not finished leaves nothing, and what was there stays", "[timeline]") {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "run.json") << "before";
    {
        TimelineWriter writer(scratch / "run.json", {}, {});
        writer.slice(slice(writer.track("unit"), 0, 5));
        CHECK(scratch.entries() == 2);
    }
    CHECK(scratch.entries() == 1);
    CHECK(content_of(scratch / "run.json") == "before");
    CHECK_THROWS_AS(TimelineWriter(scratch / "no/such/place.json", {}, {}), SimulationError);
}

TEST_CASE("a timeline that is too long says how long it is and which window fits", "[timeline]") {
    const ScratchDirectory scratch;
    constexpr Picoseconds kUs = 1'000'000;
    const auto write = [&](Picoseconds until_us) {
        TimelineWriter writer(scratch / "run.json", {}, {2 * kUs, until_us * kUs}, 10'000);
        const auto track = writer.track("unit");
        for (Picoseconds i = 0; i < 1'000; ++i) {
            writer.slice(slice(track, i * kUs, (i + 1) * kUs));
        }
        writer.finish(1'000 * kUs);
    };
    std::string message;
    try {
        write(5'000);
    } catch (const InputError& error) {
        message = error.what();
    }
    INFO(message);
    CHECK(scratch.entries() == 0);
    const auto says = [&](const char* part) { return message.find(part) != std::string::npos; };
    CHECK(says("2us:1000us"));
    CHECK(says("(1000 events)"));                     // 998 slices and the names
    const std::size_t colon = message.rfind("2us:");  // of the window that fits
    REQUIRE(colon != std::string::npos);
    const auto fits = static_cast<Picoseconds>(std::stoul(message.substr(colon + 4)));
    CHECK(fits > 50);
    write(fits);
    CHECK(std::filesystem::file_size(scratch / "run.json") <= 10'000);
}

TEST_CASE("a disk that takes no more is an error at the end", "[timeline]") {
    if (!std::filesystem::is_character_file("/dev/full")) {
        return;
    }
    TimelineWriter writer("/dev/full", {}, {});
    const auto track = writer.track("unit");
    for (Picoseconds i = 0; i < 5'000; ++i) {
        CHECK_NOTHROW(writer.slice(slice(track, i * kNs, (i + 1) * kNs)));
    }
    CHECK_THROWS_AS(writer.finish(1), SimulationError);
}
