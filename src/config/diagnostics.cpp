#include "config/diagnostics.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// Levenshtein distance.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

void Diagnostics::add(const std::string& file, const std::string& path, const std::string& what_is_there,
                      const std::string& accepted) {
    if (places_.emplace(file, path).second) {
        messages_.emplace_back(InputError(file, path, what_is_there, accepted).what());
    }
}

void Diagnostics::throw_if_any() const {
    if (!messages_.empty()) {
        throw InputError(fmt::format("{}", fmt::join(messages_, "\n")));
    }
}

std::string quote_value(const nlohmann::json& value) {
    constexpr std::size_t kLongest = 60;
    std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (text.size() > kLongest) {
        text.resize(kLongest);
        text += "...";
    }
    return "value " + text;
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(name, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string join_names(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace palimpsest
