#include "report/profile_json.h"

#include <algorithm>
#include <numeric>

namespace palimpsest {
namespace {

using Json = nlohmann::ordered_json;

template <std::size_t N>
std::uint64_t sum(const std::array<std::uint64_t, N>& values) {
    return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

/// Adds what is booked on `entry` to `object`, behind its name.
void add_entry(Json& object, const ProfileEntry& entry, const std::vector<std::string>& phases) {
    object["commands"] = entry.commands;
    object["cycles"] = entry.cycles;
    for (std::size_t p = 0; p < phases.size(); ++p) {
        object[phases[p] + "_cycles"] = entry.phase_cycles[p];
    }
    object["macs"] = entry.macs;
    Json by_class = Json::object();
    for (std::size_t t = 0; t < kTrafficClasses; ++t) {
        by_class[std::string(name_of(static_cast<Traffic>(t)))] = entry.bytes_read[t] + entry.bytes_written[t];
    }
    object["dram_bytes"] = by_class;
    object["dram_bytes_read"] = sum(entry.bytes_read);
    object["dram_bytes_written"] = sum(entry.bytes_written);
    Json busy = Json::object();
    for (const std::size_t u : {2U, 3U, 0U, 1U, 4U}) {  // as the report's `units`
        busy[kProfiledUnits[u]] = entry.busy[u];
    }
    object["busy_cycles"] = busy;
}

Json series_json(const ProfileSeries& series, Cycles cycles) {
    Json held = Json::array();
    Cycles begin = 0;
    for (const std::uint64_t command_cycles : series.held_command_cycles) {
        const Cycles width = std::min(series.bin_cycles, cycles - begin);
        held.push_back(static_cast<double>(command_cycles) / static_cast<double>(width));
        begin += width;
    }
    return {{"bin_cycles", series.bin_cycles},
            {"dram_bytes_read", series.dram_bytes_read},
            {"dram_bytes_written", series.dram_bytes_written},
            {"queue_commands", held}};
}

Json residency_json(const ResidencyTrack& track) {
    Json changes = Json::array();
    for (const ResidencyChange& change : track.changes) {
        const std::int64_t token = change.token ? std::int64_t{change.token->value} : -1;
        changes.push_back(Json::array({change.step, change.slot.value, token}));
    }
    return {{"request", track.request.value},
            {"layer", track.layer.value},
            {"kv_head", track.head.value},
            {"steps", track.steps},
            {"slots", track.slots},
            {"complete", track.complete},
            {"changes", changes}};
}

}  // namespace

Json profile_json(const RunProfile& profile, Cycles cycles) {
    Json operators = Json::array();
    for (const OperatorProfile& op : profile.operators) {
        Json entry = {{"name", op.name}};
        add_entry(entry, op.booked, profile.phases);
        operators.push_back(std::move(entry));
    }
    Json layers = Json::array();
    for (const LayerProfile& layer : profile.layers) {
        Json entry = Json::object();
        entry["layer"] = layer.layer ? Json(*layer.layer) : Json();
        add_entry(entry, layer.booked, profile.phases);
        layers.push_back(std::move(entry));
    }
    Json document = {
        {"phases", profile.phases},
        {"operators", operators},
        {"layers", layers},
        {"write_combining",
         {{"kv_bytes_forwarded", profile.kv_bytes_forwarded}, {"kv_bytes_overwritten", profile.kv_bytes_overwritten}}},
        {"series", series_json(profile.series, cycles)}};
    if (profile.residency) {
        document["residency"] = residency_json(*profile.residency);
    }
    return document;
}

}  // namespace palimpsest
