#include "report/timeline_writer.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "palimpsest/error.h"
#include "report/version.h"

namespace palimpsest {
namespace {

constexpr Picoseconds kPicosecondsPerNanosecond = 1000;

bool plain(char c) {
    return c >= ' ' && c < '\x7f' && c != '"' && c != '\\';
}

/// As a JSON string, in quotes; what is no UTF-8 is replaced.
std::string json_string(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), plain)) {
        return fmt::format("\"{}\"", text);
    }
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Microseconds, which the format wants, with up to three decimals.
void append_time(std::string& line, Picoseconds time_ps) {
    const std::uint64_t ns = time_ps / kPicosecondsPerNanosecond;
    fmt::format_to(std::back_inserter(line), "{}", ns / 1000);
    if (const unsigned rest = static_cast<unsigned>(ns % 1000); rest != 0) {
        fmt::format_to(std::back_inserter(line), ".{:03}", rest);
        while (line.back() == '0') {
            line.pop_back();
        }
    }
}

/// The time between two times. Viewers add it to the first in floating point: where that would come out behind the
/// second, and the next slice would seem to lie within this one, it is written a picosecond shorter.
void append_duration(std::string& line, Picoseconds begin_ps, Picoseconds end_ps) {
    const auto microseconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
    const std::uint64_t begin = begin_ps / kPicosecondsPerNanosecond, end = end_ps / kPicosecondsPerNanosecond;
    if (microseconds(begin) + microseconds(end - begin) <= microseconds(end)) {
        append_time(line, (end - begin) * kPicosecondsPerNanosecond);
    } else {
        fmt::format_to(std::back_inserter(line), "{}.{:06}", (end - begin - 1) / 1000,
                       (end - begin - 1) % 1000 * 1000 + 999);
    }
}

void append_number(std::string& line, double value) {
    constexpr double kExact = 1e15;
    if (value == std::floor(value) && std::abs(value) < kExact) {
        fmt::format_to(std::back_inserter(line), "{}", static_cast<std::int64_t>(value));
    } else {
        fmt::format_to(std::back_inserter(line), "{:.6g}", value);
    }
}

std::string time_text(Picoseconds time_ps) {
    constexpr Picoseconds kMicrosecond = 1'000'000;
    return time_ps % kMicrosecond == 0 || time_ps >= 10 * kMicrosecond ? fmt::format("{}us", time_ps / kMicrosecond)
                                                                       : fmt::format("{}ps", time_ps);
}

}  // namespace

TimelineWriter::TimelineWriter(const std::string& path, const About& about, TimeWindow window, Bytes most_bytes)
    : window_(window), most_bytes_(most_bytes), output_(std::make_unique<CompressedOutput>(path)) {
    end_ = fmt::format("\n],\"otherData\":{{\"tool\":\"palimpsest {} {}\",\"config_hash\":{}}}}}\n", tool_version(),
                       tool_git(), json_string(about.config_hash));
    line_ = fmt::format(
        "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
        "{{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"ts\":0,\"name\":\"process_name\",\"args\":{{\"name\":{}}}}}",
        json_string("palimpsest: " + about.name));
    put(window_.begin_ps);
}

TimelineWriter::~TimelineWriter() = default;

void TimelineWriter::begin_event() {
    line_ = ",\n{";
}

void TimelineWriter::put(Picoseconds time_ps) {
    ++events_;
    if (output_ == nullptr) {
        return;
    }
    if (bytes_ + line_.size() + end_.size() > most_bytes_) {
        full_ps_ = time_ps;
        output_.reset();
        return;
    }
    bytes_ += line_.size();
    ++events_written_;
    try {
        output_->write(line_);
    } catch (...) {
        fail();
    }
}

/// The results of the run must not be lost for it, and the room it took on the disk is theirs.
void TimelineWriter::fail() {
    failure_ = std::current_exception();
    output_.reset();
}

TimelineSink::TrackId TimelineWriter::track(std::string_view name) {
    const auto known = std::find(tracks_.begin(), tracks_.end(), name);
    if (known != tracks_.end()) {
        return static_cast<TrackId>(known - tracks_.begin());
    }
    tracks_.emplace_back(name);
    const std::size_t tid = tracks_.size();
    begin_event();
    line_ +=
        fmt::format("\"ph\":\"M\",\"pid\":1,\"tid\":{},\"ts\":0,\"name\":\"thread_name\",\"args\":{{\"name\":{}}}}}",
                    tid, json_string(name));
    line_ += fmt::format(
        ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{0},\"ts\":0,\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{0}}"
        "}}}",
        tid);
    put(window_.begin_ps);
    return static_cast<TrackId>(tid - 1);
}

TimelineSink::CounterId TimelineWriter::counter(std::string_view name, std::initializer_list<std::string_view> series) {
    const auto known =
        std::find_if(counters_.begin(), counters_.end(), [&](const Counter& counter) { return counter.name == name; });
    if (known != counters_.end()) {
        return static_cast<CounterId>(known - counters_.begin());
    }
    Counter& counter = counters_.emplace_back();
    counter.name = name;
    counter.series.assign(series.begin(), series.end());
    return static_cast<CounterId>(counters_.size() - 1);
}

bool TimelineWriter::shows(Picoseconds begin_ps, Picoseconds end_ps) const {
    return begin_ps < window_.end_ps && (end_ps > window_.begin_ps || begin_ps >= window_.begin_ps);
}

void TimelineWriter::slice(const TimelineSlice& slice) {
    if (!shows(slice.begin_ps, slice.end_ps)) {
        return;
    }
    begin_event();
    fmt::format_to(std::back_inserter(line_), "\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":", slice.track + 1);
    append_time(line_, slice.begin_ps);
    line_ += ",\"dur\":";
    append_duration(line_, slice.begin_ps, slice.end_ps);
    fmt::format_to(std::back_inserter(line_), ",\"name\":{},\"cat\":{}", json_string(slice.name),
                   json_string(slice.category));
    if (slice.flow_out != 0) {
        fmt::format_to(std::back_inserter(line_), ",\"bind_id\":\"{:#x}\",\"flow_out\":true", slice.flow_out);
    } else if (slice.flow_in != 0) {
        fmt::format_to(std::back_inserter(line_), ",\"bind_id\":\"{:#x}\",\"flow_in\":true", slice.flow_in);
    }
    line_ += ",\"args\":{";
    for (std::size_t i = 0; i < slice.arguments.size(); ++i) {
        const TimelineArgument& argument = slice.arguments[i];
        fmt::format_to(std::back_inserter(line_), "{}\"{}\":", i == 0 ? "" : ",", argument.name);
        if (const auto* text = std::get_if<std::string_view>(&argument.value)) {
            fmt::format_to(std::back_inserter(line_), "\"{}\"", *text);
        } else {
            fmt::format_to(std::back_inserter(line_), "{}", std::get<std::uint64_t>(argument.value));
        }
    }
    line_ += "}}";
    put(slice.begin_ps);
}

void TimelineWriter::value(CounterId id, Picoseconds time_ps, std::span<const double> values) {
    if (time_ps >= window_.end_ps) {
        return;
    }
    Counter& counter = counters_[id];
    time_ps = std::max(time_ps, window_.begin_ps);  // of what comes before the window the last value is its first
    if (counter.has_value && time_ps != counter.since_ps) {
        write_value(counter);
    }
    counter.values.assign(values.begin(), values.end());
    counter.since_ps = time_ps;
    counter.has_value = true;
}

void TimelineWriter::write_value(Counter& counter) {
    if (counter.values == counter.written) {
        return;
    }
    counter.written = counter.values;
    begin_event();
    line_ += "\"ph\":\"C\",\"pid\":1,\"tid\":1,\"ts\":";
    append_time(line_, counter.since_ps);
    fmt::format_to(std::back_inserter(line_), ",\"name\":\"{}\",\"args\":{{", counter.name);
    for (std::size_t i = 0; i < counter.series.size(); ++i) {
        fmt::format_to(std::back_inserter(line_), "{}\"{}\":", i == 0 ? "" : ",", counter.series[i]);
        append_number(line_, counter.values[i]);
    }
    line_ += "}}";
    put(counter.since_ps);
}

void TimelineWriter::finish(Picoseconds end_of_run_ps) {
    for (Counter& counter : counters_) {
        if (counter.has_value) {
            write_value(counter);
        }
    }
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    if (output_ == nullptr) {
        refuse(end_of_run_ps);
    }
    output_->write(end_);
    output_->commit();
    output_.reset();
}

void TimelineWriter::refuse(Picoseconds end_of_run_ps) const {
    constexpr double kMegabyte = 1e6;
    const double bytes =
        static_cast<double>(bytes_) * static_cast<double>(events_) / static_cast<double>(events_written_);
    // Some room is left for slices of other tracks that began in it and had not come yet.
    const Picoseconds fits_ps = window_.begin_ps + (full_ps_ - std::min(full_ps_, window_.begin_ps)) / 10 * 9;
    throw InputError(
        "--timeline-window", "",
        fmt::format("the timeline of {}:{} would be {:.3g} MB of JSON ({} events), and no more than {:.3g} "
                    "MB are written",
                    time_text(window_.begin_ps), time_text(std::min(end_of_run_ps, window_.end_ps)), bytes / kMegabyte,
                    events_, static_cast<double>(most_bytes_) / kMegabyte),
        fmt::format("a shorter window: {}:{} fits", time_text(window_.begin_ps), time_text(fits_ps)));
}

}  // namespace palimpsest
