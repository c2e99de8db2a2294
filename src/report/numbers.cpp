#include "report/numbers.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace palimpsest {
namespace {

/// Three significant digits of a value from 1 to 999.
std::string three_digits(double value) {
    const double size = std::fabs(value);
    return fmt::format("{:.{}f}", value, size < 9.995 ? 2 : (size < 99.95 ? 1 : 0));
}

}  // namespace

std::string format_count(std::uint64_t value) {
    std::string digits = fmt::format("{}", value);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return digits;
}

SiScale si_scale(double value) {
    static constexpr std::array<std::string_view, 9> kPrefixes{"p", "n", "u", "m", "", "k", "M", "G", "T"};
    if (value == 0 || !std::isfinite(value)) {
        return {};
    }
    std::size_t prefix = 4;  // that of 1
    double factor = 1;
    while (std::fabs(value) < 0.9995 * factor && prefix > 0) {
        factor /= 1000;
        --prefix;
    }
    while (std::fabs(value) >= 999.5 * factor && prefix + 1 < kPrefixes.size()) {
        factor *= 1000;
        ++prefix;
    }
    return {std::string(kPrefixes[prefix]), factor};
}

std::string format_si(double value, std::string_view unit) {
    if (value == 0 || !std::isfinite(value)) {
        return fmt::format("{} {}", value, unit);
    }
    const SiScale scale = si_scale(value);
    return fmt::format("{} {}{}", three_digits(value / scale.factor), scale.prefix, unit);
}

std::string format_percent(double fraction) {
    return fmt::format("{:.1f} %", fraction * 100);
}

std::string format_factor(double factor) {
    return fmt::format("{:.2f}x", factor);
}

std::string format_rate(double value) {
    if (value < 999.95) {
        return fmt::format("{:.1f}", value);
    }
    return format_count(static_cast<std::uint64_t>(std::llround(value)));
}

}  // namespace palimpsest
