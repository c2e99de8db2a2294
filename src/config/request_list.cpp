#include "config/request_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 20;
/// Of absolute times: what lies further from zero does not fit 64 bits of nanoseconds.
constexpr std::uint64_t kMostSeconds = 10'000'000'000;
/// Simulated time is 64 bits of picoseconds, 213 days.
constexpr std::uint64_t kMostDays = 100;
constexpr std::uint64_t kLongest = kMostDays * 24 * 3600 * kNanoseconds;

/// The columns a format needs, in the order arrival, prompt, output.
struct Format {
    RequestFormat format;
    std::string_view name;
    std::array<std::string_view, 3> columns;
};
constexpr std::array kFormats{
    Format{RequestFormat::palimpsest, "palimpsest", {"arrival_seconds", "prompt_tokens", "output_tokens"}},
    Format{RequestFormat::azure, "azure", {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}},
    Format{RequestFormat::sharegpt, "sharegpt", {"arrival_time_ns", "input_toks", "output_toks"}},
};

std::string columns_of(const Format& format) {
    return fmt::format("{} ({}, {}, {})", format.name, format.columns[0], format.columns[1], format.columns[2]);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\"";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> cells_of(std::string_view line) {
    std::vector<std::string_view> cells;
    while (true) {
        const std::size_t comma = line.find(',');
        cells.push_back(trimmed(line.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return cells;
        }
        line.remove_prefix(comma + 1);
    }
}

/// A whole text as a number; nothing where it is another thing or does not fit.
template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Seconds with up to nine decimals, as nanoseconds: what a double would round.
std::optional<std::uint64_t> decimal_nanoseconds(std::string_view text) {
    const std::size_t point = text.find('.');
    const auto whole = number<std::uint64_t>(text.substr(0, point));
    if (!whole || *whole > kMostSeconds) {
        return std::nullopt;
    }
    std::uint64_t fraction = 0;
    if (point != std::string_view::npos) {
        const std::string_view digits = text.substr(point + 1);
        if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
            return std::nullopt;
        }
        std::string nine(digits.substr(0, 9));
        nine.resize(9, '0');
        fraction = *number<std::uint64_t>(nine);
    }
    return *whole * kNanoseconds + fraction;
}

/// "2023-11-16 18:15:46.6805900", with T for the blank and a zone of +00:00 or Z behind it where there is one.
std::optional<std::uint64_t> timestamp_nanoseconds(std::string_view text) {
    for (const std::string_view zone : {"+00:00", "Z"}) {
        if (text.ends_with(zone)) {
            text.remove_suffix(zone.size());
        }
    }
    constexpr std::size_t least = std::string_view("2023-11-16 18:15:46").size();
    if (text.size() < least || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') ||
        text[13] != ':' || text[16] != ':') {
        return std::nullopt;
    }
    const auto year = number<unsigned>(text.substr(0, 4));
    const auto month = number<unsigned>(text.substr(5, 2));
    const auto day = number<unsigned>(text.substr(8, 2));
    const auto hour = number<unsigned>(text.substr(11, 2));
    const auto minute = number<unsigned>(text.substr(14, 2));
    const auto second = decimal_nanoseconds(text.substr(17));
    if (!year || !month || !day || !hour || !minute || !second || *year < 1970 || *year > 2200 || *hour > 23 ||
        *minute > 59 || *second > 61 * kNanoseconds) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                           std::chrono::day(*day)};
    if (!date.ok()) {
        return std::nullopt;
    }
    const auto days = static_cast<std::uint64_t>(std::chrono::sys_days(date).time_since_epoch().count());
    return ((days * 24 + *hour) * 60 + *minute) * 60 * kNanoseconds + *second;
}

std::optional<std::uint64_t> arrival_of(RequestFormat format, std::string_view text) {
    switch (format) {
        case RequestFormat::azure:
            return timestamp_nanoseconds(text);
        case RequestFormat::sharegpt:
            return number<std::uint64_t>(text);
        default:
            return decimal_nanoseconds(text);
    }
}

std::string_view accepted_arrival(RequestFormat format) {
    switch (format) {
        case RequestFormat::azure:
            return "a date and time as in 2023-11-16 18:15:46.6805900";
        case RequestFormat::sharegpt:
            return "nanoseconds, an integer from 0 on";
        default:
            return "seconds from 0 up to 10^10, as in 12.25";
    }
}

/// The beginning of what may be no text at all, fit for a terminal.
std::string readable(std::string_view text) {
    constexpr std::size_t kMost = 80;
    std::string result(text.substr(0, kMost));
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~'; }, '?');
    return text.size() > kMost ? result + "..." : result;
}

class RequestReader {
  public:
    RequestReader(const std::string& file, RequestFormat format, const RequestLimits& limits)
        : file_(file), wanted_(format), limits_(limits) {}

    void header(std::string_view line, std::size_t number) {
        const std::vector<std::string_view> names = cells_of(line);
        width_ = names.size();
        std::string accepted;
        for (const Format& format : kFormats) {
            if (wanted_ != RequestFormat::automatic && wanted_ != format.format) {
                continue;
            }
            std::size_t found = 0;
            for (std::size_t i = 0; i < format.columns.size(); ++i) {
                const auto name = std::ranges::find(names, format.columns[i]);
                column_[i] = static_cast<std::size_t>(name - names.begin());
                found += name != names.end() ? 1 : 0;
            }
            if (found == format.columns.size()) {
                format_ = &format;
                return;
            }
            accepted += (accepted.empty() ? "" : ", ") + columns_of(format);
        }
        throw InputError(file_, fmt::format("line {}", number), fmt::format("header \"{}\"", readable(trimmed(line))),
                         "a header with all columns of " + accepted);
    }

    void row(std::string_view line, std::size_t number) {
        const std::uint64_t id = rows_++;
        const std::vector<std::string_view> cells = cells_of(line);
        if (cells.size() != width_) {
            throw InputError(file_, fmt::format("line {}", number), fmt::format("{} cells", cells.size()),
                             fmt::format("{} cells, as in the header", width_));
        }
        const auto arrival = arrival_of(format_->format, cells[column_[0]]);
        if (!arrival) {
            fail(number, 0, cells[column_[0]], std::string(accepted_arrival(format_->format)));
        }
        if (*arrival < latest_) {
            fail(number, 0, cells[column_[0]], "no earlier than the row before: rows are in order of arrival");
        }
        latest_ = *arrival;
        RequestSpec request{id, *arrival, tokens(cells, 1, number), tokens(cells, 2, number), number};
        if (id < limits_.skip || (limits_.limit > 0 && id - limits_.skip >= limits_.limit)) {
            return;
        }
        if (!first_) {
            first_ = *arrival;
        }
        request.arrival_ns = scaled(*arrival - *first_, number, cells[column_[0]]);
        take(request, number);
    }

    RequestList finish(std::size_t lines) {
        if (format_ == nullptr) {
            throw InputError(file_, "", "holds no header", "a CSV whose first line names its columns");
        }
        if (rows_ == 0) {
            throw InputError(file_, fmt::format("line {}", lines), "holds no requests",
                             "at least one row below the header");
        }
        if (rows_ <= limits_.skip) {
            throw InputError(file_, "", fmt::format("holds {} requests, and {} are skipped", rows_, limits_.skip),
                             "a workload.requests.skip below the number of rows");
        }
        return std::move(list_);
    }

    bool has_header() const { return format_ != nullptr; }

  private:
    [[noreturn]] void fail(std::size_t number, std::size_t column, std::string_view value,
                           const std::string& accepted) const {
        throw InputError(file_, fmt::format("line {}, column {}", number, format_->columns[column]),
                         fmt::format("value \"{}\"", value), accepted);
    }

    std::uint32_t tokens(const std::vector<std::string_view>& cells, std::size_t column, std::size_t line) const {
        const std::string_view text = cells[column_[column]];
        const auto value = number<std::uint64_t>(text);
        if (!value || *value == 0 || *value > kMostTokens) {
            fail(line, column, text, fmt::format("an integer number of tokens, 1 to {}", kMostTokens));
        }
        return static_cast<std::uint32_t>(*value);
    }

    std::uint64_t scaled(std::uint64_t ns, std::size_t line, std::string_view text) const {
        const double value = std::round(static_cast<double>(ns) * limits_.time_scale);
        if (value > static_cast<double>(kLongest)) {
            fail(line, 0, text,
                 fmt::format("an arrival within {} days of the first, after workload.requests.time_scale", kMostDays));
        }
        return limits_.time_scale == 1 ? ns : static_cast<std::uint64_t>(value);
    }

    void take(RequestSpec request, std::size_t line) {
        const std::uint32_t prompt = std::min({request.prompt_tokens, limits_.max_prompt_tokens,
                                               limits_.max_tokens - 1});  // at least one token is generated
        const std::uint32_t output =
            std::min({request.output_tokens, limits_.max_output_tokens, limits_.max_tokens - prompt});
        if (prompt == request.prompt_tokens && output == request.output_tokens) {
            list_.requests.push_back(request);
            return;
        }
        switch (limits_.too_long) {
            case TooLong::error:
                if (prompt < request.prompt_tokens) {
                    fail(line, 1, fmt::format("{}", request.prompt_tokens), longest(prompt, "prompt"));
                }
                fail(line, 2, fmt::format("{}", request.output_tokens), longest(output, "output"));
            case TooLong::reject:
                list_.rejected.push_back(request);
                return;
            case TooLong::clamp:
                break;
        }
        request.prompt_tokens = prompt;
        request.output_tokens = output;
        ++list_.clamped;
        list_.requests.push_back(request);
    }

    std::string longest(std::uint32_t tokens, std::string_view what) const {
        return fmt::format(
            "at most {} tokens of {} (prompt and output together {}, prompts {}, outputs {}), or "
            "workload.requests.too_long \"clamp\" or \"reject\"",
            tokens, what, limits_.max_tokens, limits_.max_prompt_tokens, limits_.max_output_tokens);
    }

    const std::string& file_;
    RequestFormat wanted_;
    RequestLimits limits_;
    const Format* format_ = nullptr;
    std::array<std::size_t, 3> column_{};
    std::size_t width_ = 0;
    std::uint64_t rows_ = 0;
    std::uint64_t latest_ = 0;
    std::optional<std::uint64_t> first_;
    RequestList list_;
};

}  // namespace

RequestList parse_requests_csv(const std::string& text, const std::string& file, RequestFormat format,
                               const RequestLimits& limits) {
    RequestReader reader(file, format, limits);
    std::string_view rest = text;
    if (rest.starts_with("\xEF\xBB\xBF")) {  // a byte order mark
        rest.remove_prefix(3);
    }
    std::size_t number = 0;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (trimmed(line).empty()) {
            continue;
        }
        if (reader.has_header()) {
            reader.row(line, number);
        } else {
            reader.header(line, number);
        }
    }
    return reader.finish(number);
}

}  // namespace palimpsest
