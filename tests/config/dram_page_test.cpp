// docs/dram-standards.md says what the presets and the tables in src/config/ say. With PALIMPSEST_UPDATE_FIXTURES set,
// its tables are written anew.
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "config/dram_relations.h"
#include "config/references.h"
#include "config_files.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

const char* const kPage = PALIMPSEST_SOURCE_DIR "/docs/dram-standards.md";

std::string cell(std::string text) {
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
        text.replace(at, 1, "\\|");
    }
    return text;
}

std::string relations_table(std::span<const DramRelation> relations, bool jedec) {
    std::string text = jedec ? "| relation | rule | standards | where the standards have it |\n|---|---|---|---|\n"
                             : "| relation | rule |\n|---|---|\n";
    for (const DramRelation& r : relations) {
        text += jedec ? fmt::format("| {} | {} | {} | {} |\n", r.name, cell(std::string(r.rule)), r.applies, r.source)
                      : fmt::format("| {} | {} |\n", r.name, cell(std::string(r.rule)));
    }
    return text;
}

std::string minima_table() {
    std::string text =
        "| standard | key | time | ns | clocks | MT/s up to | page up to | banks up to |\n"
        "|---|---|---|---|---|---|---|---|\n";
    const auto limit = [](double value) { return value == 0 ? std::string() : fmt::format("{:g}", value); };
    for (const DramStandard& s : dram_standards()) {
        for (const DramMinimum& m : s.minima) {
            text += fmt::format("| {} | `{}` | {} | {} | {} | {} | {} | {} |\n", s.name, m.field, m.symbol, limit(m.ns),
                                limit(m.clocks), limit(m.rate_to), limit(static_cast<double>(m.page_to)),
                                limit(m.banks_to));
        }
    }
    return text;
}

std::string refresh_table() {
    std::string text =
        "| standard | document | tREFI ns | up to Gbit | tRFC ns | tRFCpb ns | tRFC2 ns | tRFC4 ns | "
        "self-refresh exit |\n|---|---|---|---|---|---|---|---|---|\n";
    const auto number = [](double value) { return value == 0 ? std::string() : fmt::format("{:g}", value); };
    for (const DramStandard& s : dram_standards()) {
        for (const DramDensity& d : s.densities) {
            text += fmt::format("| {} | {} | {:g} | {:g} | {:g} | {} | {} | {} | tRFC + {:g} ns |\n", s.name,
                                s.document, s.refresh_interval_ns, d.gigabits, d.tRFC_ns, number(d.tRFCpb_ns),
                                number(d.tRFC2_ns), number(d.tRFC4_ns), s.self_refresh_exit_ns);
        }
    }
    return text;
}

/// A preset with its bases merged and its annotations kept.
Json preset(const Schemas& schemas, const std::string& name) {
    Diagnostics diagnostics;
    Json document = resolve_section(schemas, "dram", name, "", "", diagnostics).document;
    diagnostics.throw_if_any();
    return document;
}

std::string plain(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// One row a key: the value of each preset, and the source of each where they differ.
std::string rows_of(const std::string& section, const std::vector<std::pair<std::string, Json>>& presets) {
    std::string text;
    for (const auto& [key, ignored] : presets.front().second[section].items()) {
        std::string values;
        std::string unit;
        std::vector<std::pair<std::string, std::string>> sources;  ///< source, and whose it is
        for (const auto& [name, document] : presets) {
            const Json& entry = document[section][key];
            const bool annotated = entry.is_object();
            values += fmt::format(" {} |", cell(plain(annotated ? entry["value"] : entry)));
            if (!annotated) {
                continue;
            }
            unit = entry["unit"];
            const std::string source =
                entry["source"].get<std::string>() +
                (entry["confidence"] == "published" ? "" : " (" + plain(entry["confidence"]) + ")");
            const auto same = std::find_if(sources.begin(), sources.end(), [&](auto& s) { return s.first == source; });
            if (same == sources.end()) {
                sources.emplace_back(source, name);
            } else {
                same->second += ", " + name;
            }
        }
        std::string source;
        for (const auto& [words, names] : sources) {
            source += (source.empty() ? "" : "; ") +
                      (presets.size() > 1 && sources.size() > 1 ? names + ": " : std::string()) + words;
        }
        text += fmt::format("| `{}.{}` | {} |{} {} |\n", section, key, unit, values, cell(source));
    }
    return text;
}

std::string presets_tables() {
    const Schemas schemas(shipped("schema"));
    std::map<std::string, std::vector<std::pair<std::string, Json>>> by_standard;
    for (const std::string& name : preset_names("dram")) {
        Json document = preset(schemas, name);
        by_standard[document["standard"]].emplace_back(name, std::move(document));
    }
    std::string text;
    for (const DramStandard& s : dram_standards()) {
        const auto& presets = by_standard.at(std::string(s.name));
        text += fmt::format("{}### {}\n\n| key | unit |", text.empty() ? "" : "\n", s.name);
        std::string rule = "|---|---|";
        for (const auto& [name, document] : presets) {
            text += fmt::format(" {} |", name);
            rule += "---|";
        }
        text += " source |\n" + rule + "---|\n";
        for (const char* section : {"timing", "organisation", "energy"}) {
            text += rows_of(section, presets);
        }
    }
    return text;
}

/// The page with what stands between the markers of `name` replaced.
std::string with_section(const std::string& page, const std::string& name, const std::string& text) {
    const std::string begin = "<!-- begin " + name + " -->\n";
    const std::string end = "<!-- end " + name + " -->";
    const std::size_t from = page.find(begin);
    const std::size_t to = page.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    return page.substr(0, from + begin.size()) + "\n" + text + "\n" + page.substr(to);
}

}  // namespace

TEST_CASE("the page on DRAM standards has the values of the presets and of the checks", "[jedec][docs]") {
    const std::string page = read_text_file(kPage);
    std::string wanted = with_section(page, "structure", relations_table(dram_structure_relations(), false));
    wanted = with_section(wanted, "relations", relations_table(jedec_relations(), true));
    wanted = with_section(wanted, "minima", minima_table());
    wanted = with_section(wanted, "refresh", refresh_table());
    wanted = with_section(wanted, "presets", presets_tables());
    if (std::getenv("PALIMPSEST_UPDATE_FIXTURES") != nullptr) {
        std::ofstream(kPage, std::ios::binary) << wanted;
        return;
    }
    INFO("docs/dram-standards.md is out of date: run test_config '[docs]' with PALIMPSEST_UPDATE_FIXTURES=1");
    CHECK((page == wanted));
}
