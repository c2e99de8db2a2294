#include "config/validate.h"

#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "config/attention_calibration_json.h"
#include "config/huggingface.h"
#include "config/loader.h"
#include "config/operators.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// A key that only documents of one kind have at the top.
struct Telltale {
    const char* key;
    const char* kind;
};
constexpr std::array kTelltales{
    Telltale{"pe_array", "hardware"},           Telltale{"core_clock_ps", "hardware"}, Telltale{"timing", "dram"},
    Telltale{"organisation", "dram"},           Telltale{"actions", "cost"},           Telltale{"node", "cost"},
    Telltale{"recency_distances", "attention"}, Telltale{"layers", "model"},           Telltale{"hidden", "model"}};

std::string summary_of(const ModelShape& model) {
    return fmt::format("{}: {} layers, width {}, {} query heads, {} KV heads of {}, {:.1f} M parameters", model.name,
                       model.layers, model.hidden, model.heads, model.kv_heads, model.head_dim,
                       static_cast<double>(model.parameters()) / 1e6);
}

std::string summary_of(const HardwareConfig& hardware) {
    return fmt::format("{}: {} x {} PEs, {} lanes, core clock {} ps", hardware.name, hardware.pe_array.rows,
                       hardware.pe_array.columns, hardware.vector_unit.lanes, hardware.core_clock_ps);
}

std::string summary_of(const DramConfig& dram) {
    return fmt::format("{}: {} channel{}, {:.1f} GB/s peak, {:.1f} GiB", dram.name, dram.organisation.channels,
                       dram.organisation.channels == 1 ? "" : "s", dram.peak_bandwidth() / 1e9,
                       static_cast<double>(dram.organisation.bytes()) / (1ULL << 30));
}

std::string summary_of(const CostTable& cost) {
    return fmt::format("{}: {}, {} blocks with static power", cost.name, cost.node, cost.static_power.size());
}

std::string summary_of(const AttentionCalibration& calibration) {
    return fmt::format("{}: synthetic attention of {} layers, {} heads in the first, over {} positions",
                       calibration.name, calibration.layers.size(), calibration.layers.front().heads.size(),
                       calibration.length);
}

std::string summary_of(const RunConfig& run) {
    const std::string policy = run.cache.policy == "full"
                                   ? "no eviction"
                                   : fmt::format("{} with budget {}", run.cache.policy, run.cache.budget);
    const std::string work =
        run.workload.requests ? fmt::format("{}, {} requests, at most {} at once, {}", run.model.name,
                                            run.workload.requests->list.requests.size(), run.workload.batch, policy)
        : run.workload.operators.empty()
            ? fmt::format("{}, batch {}, {} prompt + {} generated tokens, {}", run.model.name, run.workload.batch,
                          run.workload.prompt_tokens, run.workload.generated_tokens, policy)
            : fmt::format("{} operators", run.workload.operators.size());
    return fmt::format("{}: {}; hardware {}, DRAM {}, costs {}; hash {}", run.name, work, run.hardware.name,
                       run.dram.name, run.cost.name, run.hash);
}

}  // namespace

std::string document_kind(const Json& document) {
    if (!document.is_object()) {
        return "run";
    }
    if (document.contains("$schema") && document["$schema"].is_string()) {
        const std::string schema = std::filesystem::path(document["$schema"].get<std::string>()).filename().string();
        for (const char* kind : {"run", "model", "hardware", "dram", "cost", "attention"}) {
            if (schema == fmt::format("{}.schema.json", kind)) {
                return kind;
            }
        }
    }
    if (is_huggingface_config(document)) {
        return "model";
    }
    for (const Telltale& telltale : kTelltales) {
        if (document.contains(telltale.key)) {
            return telltale.kind;
        }
    }
    return "run";
}

std::string validate_file(const std::string& path, const std::vector<std::string>& overrides) {
    if (std::filesystem::path(path).extension() == ".csv") {
        return fmt::format("{} layers", read_layers_csv(path, false).size());
    }
    const Json document = read_json_file(path);
    if (document.is_object() && document.contains("$schema") && document["$schema"].is_string() &&
        document["$schema"].get<std::string>().find("json-schema.org") != std::string::npos) {
        throw InputError(path, "", "is a JSON Schema",
                         "a run, model, hardware, DRAM, cost or attention file, or a CSV of layers");
    }
    const std::string kind = document_kind(document);
    if (kind != "run" && !overrides.empty()) {
        throw InputError(path, "", fmt::format("is a {} file", kind), "a run, since --set changes runs");
    }
    if (kind == "model") {
        return summary_of(load_model(path));
    }
    if (kind == "hardware") {
        return summary_of(load_hardware(path));
    }
    if (kind == "dram") {
        return summary_of(load_dram(path));
    }
    if (kind == "cost") {
        return summary_of(load_cost_table(path));
    }
    if (kind == "attention") {
        return summary_of(load_attention_calibration(path));
    }
    return summary_of(load_run_config(path, overrides));
}

}  // namespace palimpsest
