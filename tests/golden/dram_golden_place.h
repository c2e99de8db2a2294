#pragma once
// Part of the golden DRAM controller (dram_golden.h): where an address lies, read off the mapping string bit by bit.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/dram_config.h"

namespace palimpsest {

/// Where a byte address lies, found bit by bit.
struct GoldenPlace {
    std::uint64_t channel = 0, rank = 0, bankgroup = 0, bank = 0, row = 0, column = 0;  ///< column in bursts
    std::uint64_t& operator[](const std::string& name) {
        return name == "channel"     ? channel
               : name == "rank"      ? rank
               : name == "bankgroup" ? bankgroup
               : name == "bank"      ? bank
               : name == "row"       ? row
                                     : column;
    }
    bool operator==(const GoldenPlace&) const = default;
};

inline std::uint32_t golden_bits(std::uint64_t count) {
    std::uint32_t bits = 0;
    while ((std::uint64_t{1} << bits) < count) {
        ++bits;
    }
    return bits;
}

inline GoldenPlace golden_place(const DramConfig& config, Bytes address) {
    const DramOrganisation& o = config.organisation;
    std::map<std::string, std::uint32_t> width{{"channel", golden_bits(o.channels)},
                                               {"rank", golden_bits(o.ranks)},
                                               {"bankgroup", golden_bits(o.bank_groups)},
                                               {"bank", golden_bits(o.banks_per_group)},
                                               {"row", golden_bits(o.rows)},
                                               {"column", golden_bits(o.columns / config.timing.burst_length)}};
    std::vector<std::pair<std::string, int>> pieces;  // -1: the rest of the field
    std::string text = config.mapping + "|";
    while (!text.empty()) {
        const std::string word = text.substr(0, text.find('|'));
        text = text.substr(word.size() + 1);
        const std::size_t colon = word.find(':');
        pieces.emplace_back(word.substr(0, colon), colon == std::string::npos ? -1 : std::stoi(word.substr(colon + 1)));
    }
    for (auto& [name, bits] : pieces) {
        if (bits < 0) {
            int named = 0;
            for (const auto& [other, its_bits] : pieces) {
                named += other == name && its_bits > 0 ? its_bits : 0;
            }
            bits = static_cast<int>(width[name]) - named;
        }
    }
    std::uint64_t rest = address / config.burst_bytes();
    GoldenPlace place;
    std::map<std::string, std::uint32_t> next;
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        for (int i = 0; i < piece->second; ++i) {
            place[piece->first] |= (rest & 1) << next[piece->first]++;
            rest >>= 1;
        }
    }
    return place;
}

}  // namespace palimpsest
