// The shipped cost table: an entry an action, each with a range, a unit, a source and a confidence, on blocks that
// exist.

#include <algorithm>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "config/cost_table.h"
#include "energy/cost_model.h"
#include "energy/sram_scaling.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

nlohmann::json shipped_table() {
    std::ifstream file(PALIMPSEST_SOURCE_DIR "/configs/cost/65nm.json");
    return nlohmann::json::parse(file);
}

void check_entry(const std::string& name, const nlohmann::json& entry, const std::string& unit) {
    INFO(name);
    const double value = entry.at("value");
    CHECK(entry.at("low").get<double>() <= value);
    CHECK(value <= entry.at("high").get<double>());
    CHECK(entry.at("low").get<double>() >= 0);
    CHECK(entry.at("unit") == unit);
    CHECK(entry.at("source").get<std::string>().size() > 20);
    const std::set<std::string> confidences{"published", "derived", "assumed"};
    CHECK(confidences.count(entry.at("confidence")) == 1);
}

}  // namespace

TEST_CASE("the 65 nm table has one entry an action that is not DRAM's", "[cost_file]") {
    const nlohmann::json table = shipped_table();
    std::set<std::string> expected;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Action::dram_activate); ++i) {
        expected.emplace(name_of(static_cast<Action>(i)));
    }
    std::set<std::string> found;
    for (const auto& [name, entry] : table.at("actions").items()) {
        found.insert(name);
        check_entry(name, entry, "pJ");
    }
    CHECK(found == expected);
    CHECK(table.at("node") == "65 nm");
    check_entry("dram_scale", table.at("dram_scale"), "x");
}

TEST_CASE("static powers name blocks of the report and units of the meter", "[cost_file]") {
    const nlohmann::json table = shipped_table();
    for (const auto& [name, entry] : table.at("static_power").items()) {
        check_entry(name, entry, "mW");
        const std::string per = entry.at("per");
        const auto unit = std::find(kStaticUnitNames.begin(), kStaticUnitNames.end(), per);
        REQUIRE(unit != kStaticUnitNames.end());
        // The meter throws on a block or unit that the machine does not have.
        CostTable costs;
        costs.static_power = {{name, {1, 1, 1, {}, {}}, static_cast<StaticUnit>(unit - kStaticUnitNames.begin())}};
        CHECK_NOTHROW(machine_costs(HardwareConfig{}, DramConfig{}, costs));
    }
}

TEST_CASE("areas are in um2, with their source and range", "[cost_file]") {
    const nlohmann::json table = shipped_table();
    for (const auto& [name, entry] : table.at("area").items()) {
        check_entry(name, entry, "um2");
    }
}

TEST_CASE("SRAM scaling meets the CACTI points and rises between them", "[sram_scaling]") {
    CHECK(sram_access_pj(SramAccess::read, 32 * 1024, 32) == 37.5);
    CHECK(sram_access_pj(SramAccess::write, 32 * 1024, 32) == 75.4);
    CHECK(sram_access_pj(SramAccess::read, 1024, 8) == 2.39);
    CHECK(sram_access_pj(SramAccess::write, 2048 * 1024, 64) == 798);
    CHECK(sram_leakage_mw(32 * 1024) == 43);
    CHECK(sram_leakage_mw(64 * 1024) == 77);
    const double between = sram_access_pj(SramAccess::read, 48 * 1024, 32);
    CHECK(between > 37.5);
    CHECK(between < 72.3);
    CHECK(sram_access_pj(SramAccess::read, 32 * 1024, 128) == Approx(2 * 54.4));
    CHECK(sram_access_pj(SramAccess::read, 16, 1) == 2.39);
    CHECK(sram_leakage_mw(4 * 2048 * 1024) == Approx(4 * 2336));
    CHECK(sram_area_mm2(32 * 1024) == 0.216);
    CHECK(sram_area_mm2(1024) == 0.022);
    CHECK(sram_area_mm2(2048 * 1024) == 13.7);
    CHECK(sram_area_mm2(48 * 1024) > 0.216);
    CHECK(sram_area_mm2(48 * 1024) < 0.415);
    CHECK(sram_area_mm2(512) == Approx(0.011));
}
