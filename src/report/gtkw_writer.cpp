#include "report/gtkw_writer.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "report/scope_tree.h"

namespace palimpsest {
namespace {

// Trace flags of the save file, hexadecimal: how a signal is drawn, and where groups begin and end.
constexpr unsigned kDecimal = 0x24;  // decimal, right-justified
constexpr unsigned kBinary = 0x28;
constexpr unsigned kAscii = 0x820;
constexpr unsigned kAnalogStep = 0x8000;
constexpr unsigned kAnalogMore = 0x20000;  // one more row of height for the analog signal above
constexpr unsigned kGroupBegin = 0x800200;
constexpr unsigned kGroupEnd = 0x1000200;
constexpr unsigned kClosedGroupBegin = 0xc00200;
constexpr unsigned kClosedGroupEnd = 0x1401200;

constexpr unsigned kWindowWidth = 1600;
constexpr unsigned kSignalsWidth = 270;                             // names and values
constexpr unsigned kWaveWidth = kWindowWidth - kSignalsWidth - 80;  // the rest but for frames and the scroll bar

std::string full_name(const VcdWriter::Signal& signal) {
    std::string name;
    for (const std::string& scope : signal.scopes) {
        name += scope + ".";
    }
    name += signal.name;
    if (signal.kind == SignalKind::level && signal.width_bits > 1) {
        name += fmt::format("[{}:0]", signal.width_bits - 1);
    }
    return name;
}

unsigned flags_of(const VcdWriter::Signal& signal) {
    switch (signal.kind) {
        case SignalKind::state:
            return kAscii;
        case SignalKind::event:
            return kBinary;
        case SignalKind::level:
            break;
    }
    return signal.width_bits == 1 ? kBinary : kDecimal | kAnalogStep;
}

void append_signals(std::string& text, const Scope& scope, const std::vector<VcdWriter::Signal>& signals);

/// A group for `scope`. One of many alike (banks, channels) starts closed, so that the machine fits a screen.
void append_group(std::string& text, const Scope& scope, const std::vector<VcdWriter::Signal>& signals, bool open) {
    text += fmt::format("@{:x}\n-{}\n", open ? kGroupBegin : kClosedGroupBegin, scope.name);
    append_signals(text, scope, signals);
    text += fmt::format("@{:x}\n-{}\n", open ? kGroupEnd : kClosedGroupEnd, scope.name);
}

/// The name without the number at its end.
std::string_view stem_of(std::string_view name) {
    const std::size_t last = name.find_last_not_of("0123456789");
    return name.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

void append_signals(std::string& text, const Scope& scope, const std::vector<VcdWriter::Signal>& signals) {
    for (const SignalSink::SignalId id : scope.signals) {
        const VcdWriter::Signal& signal = signals[id];
        text += fmt::format("@{:x}\n+{{{}}} {}\n", flags_of(signal), signal.name, full_name(signal));
        if ((flags_of(signal) & kAnalogStep) != 0) {
            text += fmt::format("@{:x}\n-\n", kAnalogMore);
        }
    }
    constexpr auto kMany = 3;
    for (const Scope& child : scope.children) {
        const auto alike = std::count_if(scope.children.begin(), scope.children.end(), [&child](const Scope& sibling) {
            return stem_of(sibling.name) == stem_of(child.name);
        });
        append_group(text, child, signals, alike < kMany);
    }
}

/// The viewer's zoom is -log2 of the time that 200 pixels show.
double zoom_of(TimeWindow shown) {
    const double span = std::max(1.0, static_cast<double>(shown.end_ps - shown.begin_ps));
    return -std::log2(span / kWaveWidth * 200);
}

}  // namespace

std::string gtkw_text(const std::vector<VcdWriter::Signal>& signals, const std::string& dump_path, TimeWindow shown) {
    std::string text =
        fmt::format("[dumpfile] \"{}\"\n[timestart] {}\n[size] {} 900\n", dump_path, shown.begin_ps, kWindowWidth);
    text += fmt::format("*{:.6f} {}", zoom_of(shown), shown.begin_ps);
    for (int named_marker = 0; named_marker < 26; ++named_marker) {
        text += " -1";
    }
    text += "\n";
    const Scope tree = scope_tree(signals);
    for (const Scope& scope : tree.children) {
        text += fmt::format("[treeopen] {}.\n", scope.name);
    }
    text += fmt::format("[signals_width] {}\n[sst_expanded] 0\n", kSignalsWidth);
    // Where all of it is one machine, its blocks are the groups.
    append_signals(text, tree.children.size() == 1 && tree.signals.empty() ? tree.children.front() : tree, signals);
    return text;
}

}  // namespace palimpsest
