#pragma once
// Reference of the budgets that sets share by attention: entry by entry, each time looking through all that are left.

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace palimpsest::golden {

/// Gives `sets.size() * mean` places away; returns how many each set got. `sets[i][key]` is set i's attention to a key.
inline std::vector<std::uint32_t> reference_budgets(const std::vector<std::vector<std::uint64_t>>& sets,
                                                    std::uint32_t mean, std::uint32_t least, std::uint32_t sinks,
                                                    std::uint32_t recent) {
    const std::uint32_t keys = static_cast<std::uint32_t>(sets.front().size());
    std::vector<std::set<std::uint32_t>> kept(sets.size());
    using Choice = std::optional<std::pair<std::uint32_t, std::uint32_t>>;  // set, key
    // Key by key and within a key set by set, so that the first of equal ones is found first.
    const auto best = [&](std::uint32_t from_set, std::uint32_t to_set) {
        Choice choice;
        for (std::uint32_t key = 0; key < keys; ++key) {
            for (std::uint32_t set = from_set; set < to_set; ++set) {
                if (!kept[set].contains(key) && (!choice || sets[set][key] > sets[choice->first][choice->second])) {
                    choice = {set, key};
                }
            }
        }
        return choice;
    };
    const std::uint32_t all = static_cast<std::uint32_t>(sets.size());
    std::uint32_t given = 0;
    for (std::uint32_t set = 0; set < all; ++set) {
        for (std::uint32_t key = 0; key < keys; ++key) {
            if (key < sinks || key + recent >= keys) {
                kept[set].insert(key);
            }
        }
        while (kept[set].size() < std::min(least, keys)) {
            kept[set].insert(best(set, set + 1)->second);
        }
        given += static_cast<std::uint32_t>(kept[set].size());
    }
    for (; given < all * mean; ++given) {
        const Choice choice = best(0, all);
        if (!choice) {
            break;
        }
        kept[choice->first].insert(choice->second);
    }
    std::vector<std::uint32_t> budgets;
    for (const auto& set : kept) {
        budgets.push_back(static_cast<std::uint32_t>(set.size()));
    }
    // Where the prompt has fewer tokens than the budget all stay, and places are left for the tokens to come.
    for (std::uint32_t set = 0; given < all * mean; set = (set + 1) % all) {
        ++budgets[set];
        ++given;
    }
    return budgets;
}

}  // namespace palimpsest::golden
