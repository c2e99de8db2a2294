// palimpsest presets: what ships.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "config/attention_calibration_json.h"
#include "config/loader.h"
#include "config/references.h"
#include "palimpsest/error.h"
#include "policy/registry.h"

namespace palimpsest {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string preset_file(const std::string& kind, const std::string& name) {
    return (std::filesystem::path(preset_directory(kind)) / (name + ".json")).string();
}

/// Presets are loaded by their files: a name could mean a file of the current directory.
OrderedJson list_models() {
    OrderedJson list = OrderedJson::array();
    for (const std::string& name : preset_names("model")) {
        const ModelShape model = load_model(preset_file("model", name));
        list.push_back({{"name", name},
                        {"family", model.family},
                        {"layers", model.layers},
                        {"hidden", model.hidden},
                        {"heads", model.heads},
                        {"kv_heads", model.kv_heads},
                        {"head_dim", model.head_dim},
                        {"ffn_hidden", model.ffn_hidden},
                        {"vocabulary", model.vocabulary},
                        {"max_positions", model.max_positions},
                        {"parameters", model.parameters()}});
    }
    return list;
}

OrderedJson list_hardware() {
    OrderedJson list = OrderedJson::array();
    for (const std::string& name : preset_names("hardware")) {
        const HardwareConfig hardware = load_hardware(preset_file("hardware", name));
        const BuffersConfig& buffers = hardware.buffers;
        list.push_back({{"name", name},
                        {"rows", hardware.pe_array.rows},
                        {"columns", hardware.pe_array.columns},
                        {"lanes", hardware.vector_unit.lanes},
                        {"core_clock_ps", hardware.core_clock_ps},
                        {"sram_bytes", buffers.weight.bytes() + buffers.activation.bytes() + buffers.kv.bytes() +
                                           buffers.score.bytes()}});
    }
    return list;
}

OrderedJson list_dram() {
    OrderedJson list = OrderedJson::array();
    for (const std::string& name : preset_names("dram")) {
        const DramConfig dram = load_dram(preset_file("dram", name));
        list.push_back({{"name", name},
                        {"standard", dram.standard},
                        {"channels", dram.organisation.channels},
                        {"bus_bits", dram.organisation.bus_bits},
                        {"burst_bytes", dram.burst_bytes()},
                        {"row_bytes", dram.organisation.row_bytes()},
                        {"bytes", dram.organisation.bytes()},
                        {"peak_gb_per_s", dram.peak_bandwidth() / 1e9}});
    }
    return list;
}

OrderedJson list_costs() {
    OrderedJson list = OrderedJson::array();
    for (const std::string& name : preset_names("cost")) {
        const CostTable cost = load_cost_table(preset_file("cost", name));
        list.push_back({{"name", name},
                        {"node", cost.node},
                        {"pe_mac_pj", cost.actions[static_cast<std::size_t>(Action::pe_mac)].value},
                        {"static_entries", cost.static_power.size()}});
    }
    return list;
}

OrderedJson list_calibrations() {
    OrderedJson list = OrderedJson::array();
    for (const std::string& name : preset_names("attention")) {
        const AttentionCalibration calibration = load_attention_calibration(preset_file("attention", name));
        list.push_back({{"name", name},
                        {"layers", calibration.layers.size()},
                        {"heads", calibration.layers.front().heads.size()},
                        {"length", calibration.length}});
    }
    return list;
}

OrderedJson list_policies() {
    OrderedJson list = OrderedJson::array();
    for (const PolicyInfo& policy : policies()) {
        list.push_back({{"name", policy.name}, {"summary", policy.summary}, {"parameters", policy.parameters}});
    }
    return list;
}

double number(const OrderedJson& entry, const char* key) {
    return entry[key].get<double>();
}

void print_table(const OrderedJson& all) {
    constexpr double kKib = 1024;
    constexpr double kGib = kKib * kKib * kKib;
    fmt::print("models (\"model\")           layers  width  heads  KV heads  positions  parameters\n");
    for (const OrderedJson& m : all["models"]) {
        fmt::print("  {:<24} {:>6} {:>6} {:>6} {:>9} {:>10} {:>9.1f} M\n", m["name"].get<std::string>(),
                   number(m, "layers"), number(m, "hidden"), number(m, "heads"), number(m, "kv_heads"),
                   number(m, "max_positions"), number(m, "parameters") / 1e6);
    }
    fmt::print("\nhardware (\"hardware\")            array  lanes  buffers   core clock\n");
    for (const OrderedJson& h : all["hardware"]) {
        fmt::print("  {:<24} {:>13} {:>6} {:>5} KiB {:>9.3f} GHz\n", h["name"].get<std::string>(),
                   fmt::format("{} x {}", number(h, "rows"), number(h, "columns")), number(h, "lanes"),
                   number(h, "sram_bytes") / kKib, 1000 / number(h, "core_clock_ps"));
    }
    fmt::print("\nDRAM (\"dram\")             standard  channels  bus bits  burst B    row B   GiB  peak GB/s\n");
    for (const OrderedJson& d : all["dram"]) {
        fmt::print("  {:<24} {:>8} {:>9} {:>9} {:>8} {:>8} {:>5} {:>10.1f}\n", d["name"].get<std::string>(),
                   d["standard"].get<std::string>(), number(d, "channels"), number(d, "bus_bits"),
                   number(d, "burst_bytes"), number(d, "row_bytes"), number(d, "bytes") / kGib,
                   number(d, "peak_gb_per_s"));
    }
    fmt::print("\ncost tables (\"cost\")          node  INT8 MAC pJ\n");
    for (const OrderedJson& c : all["cost"]) {
        fmt::print("  {:<24} {:>7} {:>12}\n", c["name"].get<std::string>(), c["node"].get<std::string>(),
                   number(c, "pe_mac_pj"));
    }
    fmt::print("\nsynthetic attention (\"attention.calibration\")  layers  heads  positions\n");
    for (const OrderedJson& a : all["attention"]) {
        fmt::print("  {:<43} {:>7} {:>6} {:>10}\n", a["name"].get<std::string>(), number(a, "layers"),
                   number(a, "heads"), number(a, "length"));
    }
    fmt::print("\npolicies (\"cache.policy\")\n");
    for (const OrderedJson& p : all["policies"]) {
        fmt::print("  {:<24} {}\n", p["name"].get<std::string>(), p["summary"].get<std::string>());
    }
    fmt::print("\npalimpsest presets show models/gpt2 prints one; presets lie in {}\n", configs_directory());
}

void list_presets(bool json) {
    const OrderedJson all{{"models", list_models()}, {"hardware", list_hardware()},      {"dram", list_dram()},
                          {"cost", list_costs()},    {"attention", list_calibrations()}, {"policies", list_policies()}};
    if (json) {
        fmt::print("{}\n", all.dump(2));
    } else {
        print_table(all);
    }
}

/// Prints the file of "models/gpt2", or of "gpt2" where only one kind has it.
void show_preset(const std::string& wanted) {
    std::vector<std::string> known;
    std::vector<std::string> bare;
    std::vector<std::string> files;
    std::vector<std::string> kinds(kSections.begin(), kSections.end());
    kinds.emplace_back("attention");
    for (const std::string& kind : kinds) {
        const std::string folder = std::filesystem::path(preset_directory(kind)).filename().string();
        for (const std::string& name : preset_names(kind)) {
            known.push_back(fmt::format("{}/{}", folder, name));
            bare.push_back(name);
            if (wanted == known.back() || wanted == name) {
                files.push_back(preset_file(kind, name));
            }
        }
    }
    if (files.size() != 1) {
        const std::string near = nearest_name(wanted, wanted.find('/') == std::string::npos ? bare : known);
        throw InputError("", fmt::format("preset \"{}\"", wanted),
                         near.empty() ? "does not exist" : fmt::format("does not exist, did you mean \"{}\"?", near),
                         join_names(known));
    }
    fmt::print("{}", read_text_file(files.front()));
}

}  // namespace

void add_presets_command(CLI::App& app) {
    auto* command = app.add_subcommand(
        "presets", "List the models, hardware, DRAMs, cost tables, attention calibrations and policies that ship");
    const auto json = std::make_shared<bool>(false);
    const auto wanted = std::make_shared<std::string>();
    command->add_flag("--json", *json, "as JSON on standard output");
    auto* show = command->add_subcommand("show", "Print one preset's file");
    show->add_option("preset", *wanted, "as in models/gpt2")->required()->type_name("PRESET");
    command->callback([json, wanted, show] {
        if (show->parsed()) {
            show_preset(*wanted);
        } else {
            list_presets(*json);
        }
    });
}

}  // namespace palimpsest
