#include "report/time_window.h"

#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <string_view>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct TimeUnit {
    std::string_view suffix;
    unsigned decimals;  ///< of a picosecond: 3 for ns
};
constexpr std::array<TimeUnit, 4> kTimeUnits{{{"ps", 0}, {"ns", 3}, {"us", 6}, {"ms", 9}}};

/// Digits are read one by one: a decimal fraction of a microsecond is a whole number of picoseconds or an error.
std::optional<Picoseconds> parse_time(std::string_view text) {
    if (text.size() < 3) {
        return std::nullopt;
    }
    const std::string_view suffix = text.substr(text.size() - 2);
    const TimeUnit* unit = nullptr;
    for (const TimeUnit& candidate : kTimeUnits) {
        if (candidate.suffix == suffix) {
            unit = &candidate;
        }
    }
    if (unit == nullptr) {
        return std::nullopt;
    }
    Picoseconds value = 0;
    unsigned decimals_left = unit->decimals;
    bool in_fraction = false;
    bool any_digit = false;
    const auto append = [&value](unsigned digit) {
        if (value > (std::numeric_limits<Picoseconds>::max() - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
        return true;
    };
    for (const char c : text.substr(0, text.size() - 2)) {
        if (c == '.' && !in_fraction) {
            in_fraction = true;
        } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
            any_digit = true;
            const auto digit = static_cast<unsigned>(c - '0');
            if (in_fraction && decimals_left == 0) {
                if (digit != 0) {
                    return std::nullopt;
                }
                continue;
            }
            decimals_left -= in_fraction ? 1 : 0;
            if (!append(digit)) {
                return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
    for (; decimals_left > 0; --decimals_left) {
        if (!append(0)) {
            return std::nullopt;
        }
    }
    return any_digit ? std::optional(value) : std::nullopt;
}

}  // namespace

TimeWindow parse_time_window(const std::string& text, const std::string& option) {
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos) {
        const auto begin = parse_time(std::string_view(text).substr(0, colon));
        const auto end = parse_time(std::string_view(text).substr(colon + 1));
        if (begin && end && *begin < *end) {
            return {*begin, *end};
        }
    }
    throw InputError(option, "", "\"" + text + "\"",
                     "A:B with A before B, each a number of ps, ns, us or ms in whole picoseconds, such as 0us:50us");
}

}  // namespace palimpsest
