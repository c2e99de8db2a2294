#include "config/cost_table_json.h"

#include <algorithm>

namespace palimpsest {
namespace {

CostEntry read_entry(const Json& entry) {
    if (entry.is_number()) {
        const double value = entry.get<double>();
        return {value, value, value, {}, {}};
    }
    const double value = entry["value"].get<double>();
    return {value, entry.value("low", value), entry.value("high", value), entry.value("source", std::string{}),
            entry.value("confidence", std::string{})};
}

StaticUnit read_unit(const Json& entry) {
    const std::string name = entry.is_object() ? entry.value("per", "machine") : "machine";
    const auto found = std::find(kStaticUnitNames.begin(), kStaticUnitNames.end(), name);
    return static_cast<StaticUnit>(found - kStaticUnitNames.begin());
}

Json write_entry(const CostEntry& entry) {
    return {{"value", entry.value}, {"low", entry.low}, {"high", entry.high}};
}

Json write_entry(const CostEntry& entry, StaticUnit per) {
    Json document = write_entry(entry);
    document["per"] = std::string(kStaticUnitNames[static_cast<std::size_t>(per)]);
    return document;
}

}  // namespace

bool is_cost_table_action(Action action) {
    return action < Action::dram_activate;
}

CostTable read_cost_table(const Json& document) {
    CostTable table;
    table.name = document.value("name", std::string{});
    table.node = document.value("node", std::string{});
    for (std::size_t i = 0; i < kActions; ++i) {
        const std::string name(name_of(static_cast<Action>(i)));
        if (document.contains("actions") && document["actions"].contains(name)) {
            table.actions[i] = read_entry(document["actions"][name]);
        }
    }
    if (document.contains("static_power")) {
        for (const auto& [block, entry] : document["static_power"].items()) {
            table.static_power.push_back({block, read_entry(entry), read_unit(entry)});
        }
    }
    if (document.contains("area")) {
        for (const auto& [block, entry] : document["area"].items()) {
            table.area.push_back({block, read_entry(entry), read_unit(entry)});
        }
    }
    if (document.contains("dram_scale")) {
        table.dram_scale = read_entry(document["dram_scale"]);
    }
    return table;
}

Json write_cost_table(const CostTable& table) {
    Json document{{"name", table.name}, {"node", table.node}};
    for (std::size_t i = 0; i < kActions; ++i) {
        const Action action = static_cast<Action>(i);
        if (is_cost_table_action(action)) {
            document["actions"][std::string(name_of(action))] = write_entry(table.actions[i]);
        }
    }
    document["static_power"] = Json::object();
    for (const StaticEntry& entry : table.static_power) {
        document["static_power"][entry.block] = write_entry(entry.power_mw, entry.per);
    }
    for (const AreaEntry& entry : table.area) {  // without areas no key, as before there were any
        document["area"][entry.block] = write_entry(entry.area_um2, entry.per);
    }
    document["dram_scale"] = write_entry(table.dram_scale);
    return document;
}

}  // namespace palimpsest
