#include "report/signal_filter.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::string_view kRoot = "machine.";
constexpr std::array<std::string_view, 3> kDetails{"units", "blocks", "all"};

/// `*` any characters, `?` one. The last star takes more characters whenever what follows it does not fit.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string_view below_root(std::string_view name) {
    return name.starts_with(kRoot) ? name.substr(kRoot.size()) : name;
}

/// The signal itself, or a block above it.
bool selects(std::string_view pattern, std::string_view name) {
    name = below_root(name);
    pattern = below_root(pattern);
    for (std::size_t end = name.find('.'); end != std::string_view::npos; end = name.find('.', end + 1)) {
        if (matches(pattern, name.substr(0, end))) {
            return true;
        }
    }
    return matches(pattern, name);
}

bool of_a_bank(std::string_view name) {
    constexpr std::string_view kBank = ".bank";
    for (std::size_t at = name.find(kBank); at != std::string_view::npos; at = name.find(kBank, at + 1)) {
        const std::size_t number = at + kBank.size();
        if (number < name.size() && std::isdigit(static_cast<unsigned char>(name[number])) != 0) {
            return true;
        }
    }
    return false;
}

/// machine.UNIT.state, machine.UNIT.commands, machine.sequencer.queue_UNIT
bool of_a_unit(std::string_view name) {
    name = below_root(name);
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || name.find('.', dot + 1) != std::string_view::npos) {
        return false;
    }
    const std::string_view signal = name.substr(dot + 1);
    return signal == "state" || signal == "commands" || signal.starts_with("queue_");
}

bool within(SignalDetail detail, std::string_view name) {
    switch (detail) {
        case SignalDetail::units:
            return of_a_unit(name);
        case SignalDetail::blocks:
            return !of_a_bank(name);
        case SignalDetail::all:
            break;
    }
    return true;
}

}  // namespace

SignalDetail parse_signal_detail(const std::string& text, const std::string& option) {
    const auto known = std::find(kDetails.begin(), kDetails.end(), text);
    if (known == kDetails.end()) {
        throw InputError(option, "", "\"" + text + "\"", fmt::format("{}", fmt::join(kDetails, ", ")));
    }
    return static_cast<SignalDetail>(known - kDetails.begin());
}

SignalFilter::SignalFilter(const std::string& blocks, SignalDetail detail) : detail_(detail) {
    for (std::size_t begin = 0; begin < blocks.size();) {
        const std::size_t end = std::min(blocks.find(',', begin), blocks.size());
        if (end > begin) {
            patterns_.push_back({blocks.substr(begin, end - begin)});
        }
        begin = end + 1;
    }
}

bool SignalFilter::wants(std::string_view hierarchy) {
    const bool detailed = within(detail_, hierarchy);
    if (patterns_.empty()) {
        return detailed;
    }
    names_.emplace(hierarchy);
    bool wanted = false;
    for (Pattern& pattern : patterns_) {
        if (selects(pattern.text, hierarchy)) {
            pattern.exists = true;
            pattern.shown = pattern.shown || detailed;
            wanted = wanted || detailed;
        }
    }
    return wanted;
}

void SignalFilter::check() const {
    for (const Pattern& pattern : patterns_) {
        if (pattern.shown) {
            continue;
        }
        if (pattern.exists) {
            throw InputError("--vcd-blocks", "",
                             fmt::format("\"{}\" has no signals of detail {}", pattern.text,
                                         kDetails[static_cast<std::size_t>(detail_)]),
                             "more detail: --vcd-detail blocks or all");
        }
        // What there is where the name leaves the hierarchy.
        std::string above;
        std::set<std::string> beside;
        for (std::string_view rest = below_root(pattern.text);;) {
            beside.clear();
            const std::string prefix = std::string(kRoot) + above;
            for (const std::string& name : names_) {
                if (name.starts_with(prefix)) {
                    beside.insert(name.substr(prefix.size(), name.find('.', prefix.size()) - prefix.size()));
                }
            }
            const std::size_t dot = rest.find('.');
            const std::string part(rest.substr(0, dot));
            if (dot == std::string_view::npos || beside.count(part) == 0) {
                break;
            }
            (above += part) += '.';
            rest.remove_prefix(dot + 1);
        }
        throw InputError("--vcd-blocks", "", "\"" + pattern.text + "\" is no block and no signal",
                         fmt::format("{}{}, or a pattern such as dram.channel*.read_queue",
                                     above.empty() ? "" : "in " + above.substr(0, above.size() - 1) + ": ",
                                     fmt::join(beside, ", ")));
    }
}

}  // namespace palimpsest
