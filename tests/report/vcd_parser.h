#pragma once
// A small reader of value change dumps for tests, written from IEEE 1364 clause 18 and knowing nothing of the writer.

#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace palimpsest {

struct ParsedVcd {
    std::string timescale;
    std::map<std::string, std::string> type;  ///< of a variable, by dotted name
    std::map<std::string, std::string> width;
    std::vector<std::uint64_t> times;  ///< every time stamp, in file order
    /// (time, value) in file order, by dotted name: "10" in binary, text of a string variable, "1" of an event.
    std::map<std::string, std::vector<std::pair<std::uint64_t, std::string>>> changes;
};

inline ParsedVcd parse_vcd(const std::string& text) {
    ParsedVcd vcd;
    std::istringstream in(text);
    std::map<std::string, std::string> name_of_id;
    std::vector<std::string> scopes;
    std::uint64_t now = 0;
    const auto until_end = [&in] {
        std::vector<std::string> words;
        for (std::string word; in >> word && word != "$end";) {
            words.push_back(word);
        }
        return words;
    };
    const auto record = [&](const std::string& id, const std::string& value) {
        vcd.changes[name_of_id.at(id)].emplace_back(now, value);
    };
    for (std::string token; in >> token;) {
        if (token == "$scope") {
            scopes.push_back(until_end().at(1));
        } else if (token == "$upscope") {
            until_end();
            scopes.pop_back();
        } else if (token == "$var") {
            const auto words = until_end();
            std::string name;
            for (const std::string& scope : scopes) {
                name += scope + ".";
            }
            name += words.at(3);
            if (!name_of_id.emplace(words.at(2), name).second) {
                throw std::runtime_error("identifier used twice: " + words.at(2));
            }
            vcd.type[name] = words.at(0);
            vcd.width[name] = words.at(1);
        } else if (token == "$timescale") {
            for (const std::string& word : until_end()) {
                vcd.timescale += word;
            }
        } else if (token == "$dumpvars" || token == "$end") {
            // values follow as anywhere else
        } else if (token[0] == '$') {
            until_end();
        } else if (token[0] == '#') {
            now = std::stoull(token.substr(1));
            vcd.times.push_back(now);
        } else if (token[0] == 'b' || token[0] == 's') {
            std::string id;
            in >> id;
            record(id, token.substr(1));
        } else {
            record(token.substr(1), token.substr(0, 1));
        }
    }
    return vcd;
}

}  // namespace palimpsest
