#pragma once
// A small reader of Trace Event JSON for tests, written from the format's description and knowing nothing of the
// writer. It refuses what a viewer would drop, or draw where it does not belong.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/compressed_input.h"

namespace palimpsest {

/// Times in nanoseconds, which is what viewers keep of microseconds with decimals.
struct TraceEvents {
    struct Slice {
        std::int64_t begin = 0, end = 0;
        std::string name, category;
        nlohmann::json arguments;
        std::uint64_t flow_in = 0, flow_out = 0;
        std::int64_t duration() const { return end - begin; }
    };
    struct Value {
        std::int64_t time = 0;
        double value = 0;
    };
    std::string process;
    std::vector<std::string> track_order;                ///< names by sort index
    std::map<std::string, std::vector<Slice>> tracks;    ///< by name, in file order
    std::map<std::string, std::vector<Value>> counters;  ///< "name series", in file order
    std::size_t arrows = 0;
    nlohmann::json other;
};

namespace detail {

inline void demand_event(bool holds, const std::string& what, const nlohmann::json& event) {
    if (!holds) {
        throw std::runtime_error(what + ": " + event.dump());
    }
}

inline std::int64_t nanoseconds(const nlohmann::json& event, const char* key) {
    demand_event(event.contains(key) && event[key].is_number(), std::string("no number ") + key, event);
    const double ns = event[key].get<double>() * 1000;
    demand_event(ns >= 0 && std::abs(ns - std::round(ns)) < 2e-3, std::string("no whole nanoseconds in ") + key, event);
    return std::llround(ns);
}

inline const std::string& text(const nlohmann::json& event, const char* key) {
    demand_event(event.contains(key) && event[key].is_string(), std::string("no text ") + key, event);
    return event[key].get_ref<const std::string&>();
}

inline TraceEvents::Slice slice(const nlohmann::json& event) {
    TraceEvents::Slice slice;
    slice.begin = nanoseconds(event, "ts");
    slice.end = slice.begin + nanoseconds(event, "dur");
    // Some viewers stay with microseconds in floating point, and must not see an overlap where there is none.
    demand_event(event["ts"].get<double>() + event["dur"].get<double>() <= static_cast<double>(slice.end) / 1000,
                 "rounding makes a slice longer", event);
    slice.name = text(event, "name");
    slice.category = text(event, "cat");
    slice.arguments = event.at("args");
    if (event.contains("bind_id")) {
        const std::uint64_t id = std::stoull(text(event, "bind_id"), nullptr, 16);
        const bool out = event.value("flow_out", false), in = event.value("flow_in", false);
        demand_event(id != 0 && out != in, "an arrow without number or direction", event);
        (out ? slice.flow_out : slice.flow_in) = id;
    } else {
        demand_event(!event.contains("flow_out") && !event.contains("flow_in"), "an arrow without number", event);
    }
    return slice;
}

/// Slices of a track stand one after another in time, and in the file; an arrow goes from one slice to later ones.
inline void check(TraceEvents& events) {
    std::map<std::uint64_t, const TraceEvents::Slice*> sources;
    for (const auto& [name, slices] : events.tracks) {
        for (std::size_t i = 1; i < slices.size(); ++i) {
            if (slices[i].begin < slices[i - 1].end) {
                throw std::runtime_error("slices overlap on " + name + ": " + slices[i - 1].name + ", " +
                                         slices[i].name + " at " + std::to_string(slices[i].begin));
            }
        }
        for (const TraceEvents::Slice& slice : slices) {
            if (slice.flow_out != 0 && !sources.emplace(slice.flow_out, &slice).second) {
                throw std::runtime_error("two slices begin arrow " + std::to_string(slice.flow_out));
            }
        }
    }
    std::map<std::uint64_t, std::size_t> ends;
    for (const auto& [name, slices] : events.tracks) {
        for (const TraceEvents::Slice& slice : slices) {
            if (slice.flow_in == 0) {
                continue;
            }
            const auto source = sources.find(slice.flow_in);
            if (source == sources.end() || source->second->end > slice.begin) {
                throw std::runtime_error("an arrow to " + name + " comes from nowhere or from later: " + slice.name);
            }
            ++ends[slice.flow_in];
            ++events.arrows;
        }
    }
    if (ends.size() != sources.size()) {
        throw std::runtime_error("an arrow goes nowhere");
    }
    for (const auto& [name, values] : events.counters) {
        for (std::size_t i = 1; i < values.size(); ++i) {
            if (values[i].time <= values[i - 1].time) {
                throw std::runtime_error("counter " + name + " goes back in time");
            }
        }
    }
}

}  // namespace detail

inline TraceEvents parse_trace_events(const std::string& json) {
    using detail::demand_event;
    const nlohmann::json document = nlohmann::json::parse(json);
    TraceEvents events;
    std::map<std::int64_t, std::string> names;    // by tid
    std::map<std::int64_t, std::int64_t> orders;  // tid by sort index
    for (const nlohmann::json& event : document.at("traceEvents")) {
        const std::string& phase = detail::text(event, "ph");
        const std::string& name = detail::text(event, "name");
        demand_event(event.at("pid") == 1 && event.at("tid").is_number_integer(), "no process or thread", event);
        demand_event(event.contains("args") && event["args"].is_object(), "no arguments", event);
        const auto tid = event["tid"].get<std::int64_t>();
        if (phase == "M" && name == "process_name") {
            demand_event(events.process.empty(), "a second process", event);
            events.process = detail::text(event["args"], "name");
        } else if (phase == "M" && name == "thread_name") {
            demand_event(names.emplace(tid, detail::text(event["args"], "name")).second, "a track named twice", event);
        } else if (phase == "M" && name == "thread_sort_index") {
            demand_event(orders.emplace(event["args"].at("sort_index").get<std::int64_t>(), tid).second,
                         "two tracks in one place", event);
        } else if (phase == "X") {
            demand_event(names.count(tid) != 0, "a slice on a track without a name", event);
            events.tracks[names[tid]].push_back(detail::slice(event));
        } else if (phase == "C") {
            demand_event(!event["args"].empty(), "a counter without values", event);
            for (const auto& [series, value] : event["args"].items()) {
                demand_event(value.is_number(), "a counter that is no number", event);
                events.counters[name + " " + series].push_back({detail::nanoseconds(event, "ts"), value.get<double>()});
            }
        } else {
            demand_event(false, "an event of no kind known", event);
        }
    }
    for (const auto& [order, tid] : orders) {
        events.track_order.push_back(names.at(tid));
    }
    events.other = document.value("otherData", nlohmann::json());
    detail::check(events);
    return events;
}

/// Of a file as it is, or compressed.
inline TraceEvents read_trace_events(const std::string& path) {
    CompressedInput input(path);
    std::string json, piece(1 << 16, '\0');
    while (const std::size_t n = input.read(piece.data(), piece.size())) {
        json.append(piece, 0, n);
    }
    return parse_trace_events(json);
}

}  // namespace palimpsest
