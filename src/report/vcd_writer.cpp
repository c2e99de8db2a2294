#include "report/vcd_writer.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "common/atomic_file.h"
#include "palimpsest/error.h"
#include "report/gtkw_writer.h"
#include "report/scope_tree.h"
#include "report/version.h"

namespace palimpsest {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// Blanks end a name in the format, and brackets are bit ranges.
std::string plain_name(std::string name) {
    for (char& c : name) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '[' || c == ']') {
            c = '_';
        }
    }
    return name.empty() ? "_" : name;
}

/// Short printable identifiers: !, ", ... ~, !!, ...
std::string identifier(SignalSink::SignalId signal) {
    constexpr unsigned kFirst = '!';
    constexpr unsigned kLetters = '~' - '!' + 1;
    std::string id;
    for (std::uint64_t n = std::uint64_t{signal} + 1; n > 0; n = (n - 1) / kLetters) {
        id += static_cast<char>(kFirst + (n - 1) % kLetters);
    }
    return id;
}

std::string binary(std::uint64_t value) {
    return fmt::format("b{:b}", value);
}

std::string state_text(const VcdWriter::Signal& signal, std::uint64_t value) {
    if (value < signal.state_names.size()) {
        return signal.state_names[value];
    }
    return fmt::format("{}", value);
}

void append_change(std::string& text, const VcdWriter::Signal& signal, SignalSink::SignalId id, std::uint64_t value) {
    switch (signal.kind) {
        case SignalKind::state:
            text += fmt::format("s{} {}\n", state_text(signal, value), identifier(id));
            break;
        case SignalKind::level:
            if (signal.width_bits == 1) {
                text += fmt::format("{}{}\n", value & 1U, identifier(id));
            } else {
                text += fmt::format("{} {}\n", binary(value), identifier(id));
            }
            break;
        case SignalKind::event:
            text += fmt::format("1{}\n", identifier(id));
            break;
    }
}

void append_variable(std::string& text, const VcdWriter::Signal& signal, SignalSink::SignalId id) {
    switch (signal.kind) {
        case SignalKind::state:
            text += fmt::format("$var string 1 {} {} $end\n", identifier(id), signal.name);
            break;
        case SignalKind::level:
            if (signal.width_bits == 1) {
                text += fmt::format("$var wire 1 {} {} $end\n", identifier(id), signal.name);
            } else {
                text += fmt::format("$var wire {} {} {} [{}:0] $end\n", signal.width_bits, identifier(id), signal.name,
                                    signal.width_bits - 1);
            }
            break;
        case SignalKind::event:
            text += fmt::format("$var event 1 {} {} $end\n", identifier(id), signal.name);
            break;
    }
}

void append_scope(std::string& text, const Scope& scope, const std::vector<VcdWriter::Signal>& signals) {
    for (const SignalSink::SignalId id : scope.signals) {
        append_variable(text, signals[id], id);
    }
    for (const Scope& child : scope.children) {
        text += fmt::format("$scope module {} $end\n", child.name);
        append_scope(text, child, signals);
        text += "$upscope $end\n";
    }
}

std::string initial_values(const std::vector<VcdWriter::Signal>& signals) {
    std::string text = "$dumpvars\n";
    for (SignalSink::SignalId id = 0; id < signals.size(); ++id) {
        const VcdWriter::Signal& signal = signals[id];
        if (signal.kind == SignalKind::event) {
            continue;
        }
        if (signal.has_initial) {
            append_change(text, signal, id, signal.initial);
        } else if (signal.kind == SignalKind::state) {
            text += fmt::format("sunknown {}\n", identifier(id));
        } else {
            text += fmt::format("{}{}\n", signal.width_bits == 1 ? "x" : "bx ", identifier(id));
        }
    }
    return text + "$end\n";
}

}  // namespace

SignalSink::SignalId VcdWriter::declare(std::string_view hierarchy, SignalKind kind, unsigned width_bits,
                                        std::string_view state_names) {
    if (!filter_.wants(hierarchy)) {
        return kLeftOut;
    }
    Signal signal;
    signal.scopes = split(hierarchy, '.');
    std::transform(signal.scopes.begin(), signal.scopes.end(), signal.scopes.begin(), plain_name);
    if (!signal.scopes.empty()) {
        signal.name = signal.scopes.back();
        signal.scopes.pop_back();
    }
    signal.kind = kind;
    signal.width_bits = std::clamp(width_bits, 1U, 64U);
    signal.state_names = split(state_names, ',');
    std::transform(signal.state_names.begin(), signal.state_names.end(), signal.state_names.begin(), plain_name);
    signals_.push_back(std::move(signal));
    return static_cast<SignalId>(signals_.size() - 1);
}

void VcdWriter::change(SignalId signal, Picoseconds time_ps, std::uint64_t value) {
    if (signal == kLeftOut || time_ps >= window_.end_ps) {
        return;
    }
    Signal& entry = signals_[signal];
    if (entry.kind == SignalKind::event) {
        if (value == 0 || time_ps < window_.begin_ps) {
            return;
        }
    } else {
        if (entry.has_latest && entry.latest == value) {
            return;
        }
        entry.latest = value;
        entry.has_latest = true;
        if (time_ps <= window_.begin_ps) {
            entry.initial = value;
            entry.has_initial = true;
            return;
        }
    }
    if (changes_.size() == kMostChanges) {
        overflow_ = true;
        return;
    }
    changes_.push_back({time_ps, value, signal});
}

std::string VcdWriter::header() const {
    std::string text = fmt::format("$version palimpsest {} $end\n$timescale 1 ps $end\n", tool_version());
    append_scope(text, scope_tree(signals_), signals_);
    return text + "$enddefinitions $end\n";
}

void VcdWriter::write(const std::string& path, Picoseconds end_of_run_ps) const {
    if (overflow_) {
        throw InputError("--vcd-window", "", fmt::format("holds more than {} changes", kMostChanges),
                         "a shorter window");
    }
    // By time, then by signal, and of one signal at one time the last.
    std::vector<Change> sorted = changes_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Change& a, const Change& b) {
        return a.time_ps != b.time_ps ? a.time_ps < b.time_ps : a.signal < b.signal;
    });
    AtomicFile file(path);
    file.write(header());
    file.write(fmt::format("#{}\n", window_.begin_ps));
    file.write(initial_values(signals_));
    Picoseconds now = window_.begin_ps;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const Change& change = sorted[i];
        if (i + 1 < sorted.size() && sorted[i + 1].time_ps == change.time_ps && sorted[i + 1].signal == change.signal) {
            continue;
        }
        std::string text;
        if (change.time_ps != now) {
            now = change.time_ps;
            text = fmt::format("#{}\n", now);
        }
        append_change(text, signals_[change.signal], change.signal, change.value);
        file.write(text);
    }
    const Picoseconds end = std::max(now, std::min(window_.end_ps, end_of_run_ps));
    if (end != now) {
        file.write(fmt::format("#{}\n", end));
    }
    file.commit();
    const std::filesystem::path dump(path);
    if (dump.has_filename() && std::filesystem::is_regular_file(dump)) {
        write_file_atomically(std::filesystem::path(dump).replace_extension(".gtkw").string(),
                              gtkw_text(signals_, std::filesystem::absolute(dump).string(), {window_.begin_ps, end}));
    }
}

}  // namespace palimpsest
