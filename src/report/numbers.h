#pragma once
// Numbers as people read them.

#include <cstdint>
#include <string>
#include <string_view>

namespace palimpsest {

/// "12,345,678"
std::string format_count(std::uint64_t value);
/// Three significant digits with an SI prefix from p to T: "12.3 ms", "1.05 GB", "0 J".
std::string format_si(double value, std::string_view unit);
/// The prefix that suits `value`, for a column of numbers of one unit.
struct SiScale {
    std::string prefix;
    double factor = 1;  ///< what the prefix stands for
};
SiScale si_scale(double value);
/// "61.2 %" of a fraction.
std::string format_percent(double fraction);
/// "3.62x"
std::string format_factor(double factor);
/// A plain number with thousands separators and one decimal below a thousand: "1,234", "56.7".
std::string format_rate(double value);

}  // namespace palimpsest
