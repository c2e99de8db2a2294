#include "config/loader.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "config/attention_calibration_json.h"
#include "config/cost_table_json.h"
#include "config/cross_checks.h"
#include "config/field_io.h"
#include "config/operators.h"
#include "config/overrides.h"
#include "config/policy_defaults.h"
#include "config/references.h"
#include "config/request_list.h"
#include "config/resolved.h"

namespace palimpsest {
namespace {

bool is_section(const std::string& path) {
    return std::find(kSections.begin(), kSections.end(), path) != kSections.end();
}

/// What a section is when the run does not say.
const char* default_reference(const std::string& kind) {
    if (kind == "hardware") {
        return "default";
    }
    if (kind == "dram") {
        return "lpddr4-3200";
    }
    return kind == "cost" ? "65nm" : nullptr;
}

/// With the counts that follow from others.
ModelShape read_model(const Json& plain) {
    ModelShape model;
    read_fields(plain, model);
    if (model.kv_heads == 0) {
        model.kv_heads = model.heads;
    }
    if (model.head_dim == 0 && model.heads > 0 && model.hidden % model.heads == 0) {
        model.head_dim = model.hidden / model.heads;
    }
    if (model.ffn_hidden == 0) {
        model.ffn_hidden = 4 * model.hidden;
    }
    if (model.name.empty()) {
        model.name = "model";
    }
    return model;
}

/// "a.b.2" and "a.b[2]" are one path.
std::string canonical(const std::string& path) {
    std::string joined;
    for (const std::string& key : split_path(path)) {
        joined += "." + key;
    }
    return joined;
}

/// Whether one of the canonical paths `set` is `path`, above it or below it.
bool touched_by(const std::set<std::string>& set, const std::string& path) {
    const std::string canonical_path = canonical(path);
    return !path.empty() && std::any_of(set.begin(), set.end(), [&](const std::string& s) {
        return canonical_path.starts_with(s) || s.starts_with(canonical_path + ".");
    });
}

/// One section without a run: its document without annotations, or all that is wrong with it.
template <class Read, class Check>
auto load_section(const std::string& kind, const std::string& reference, const Read& read, const Check& check,
                  const std::vector<std::string>& overrides = {}) {
    const Schemas schemas(configs_directory() + "/schema");
    Diagnostics diagnostics;
    Section section = resolve_section(schemas, kind, reference, "", "", diagnostics);
    std::set<std::string> overridden;
    for (const Override& setting : parse_overrides(overrides, diagnostics)) {
        if (apply_override(schemas, setting, section.document, diagnostics, kind)) {
            overridden.insert(canonical(setting.path));
        }
    }
    const Locate locate = [&](const std::string& path) {
        return touched_by(overridden, path) ? FilePlace{kOverrideFile, path} : section.place_of(path);
    };
    if (!section.layers.empty()) {
        validate_section(schemas, kind, section.document, locate, diagnostics);
    }
    diagnostics.throw_if_any();
    Json sources;
    auto config = read(kind == "cost" ? section.document : strip_annotations(section.document, "", sources));
    const Locate locate_in_run = [&](const std::string& path) { return locate(path.substr(kind.size() + 1)); };
    check(config, locate_in_run, diagnostics);
    diagnostics.throw_if_any();
    return config;
}

template <class T>
T read_plain(const Json& plain) {
    T config;
    read_fields(plain, config);
    return config;
}

/// One call of load_run_config.
class Loader {
  public:
    explicit Loader(std::string path) : path_(std::move(path)), schemas_(configs_directory() + "/schema") {}

    RunConfig load(const std::vector<std::string>& override_texts) {
        document_ = read_json_file(path_);
        const std::vector<Override> overrides = parse_overrides(override_texts, diagnostics_);
        if (!document_.is_object()) {
            schemas_.validate("run", document_, locate_in(path_), diagnostics_);
            diagnostics_.throw_if_any();
        }
        replace_references(overrides);
        resolve_sections();
        for (const Override& setting : overrides) {
            if (!is_section(setting.path) && apply_override(schemas_, setting, run_, diagnostics_)) {
                overridden_.insert(canonical(setting.path));
            }
        }
        validate();
        diagnostics_.throw_if_any();
        return build();
    }

  private:
    /// Overrides of whole references go first, so that others can change what they refer to.
    void replace_references(const std::vector<Override>& overrides) {
        for (const Override& setting : overrides) {
            if (is_section(setting.path)) {
                document_[setting.path] = setting.value;
                replaced_.insert(setting.path);
            }
        }
    }

    void resolve_sections() {
        run_ = document_;
        for (const std::string kind : kSections) {
            const char* fallback = default_reference(kind);
            run_.erase(kind);
            if (document_.contains(kind) || fallback != nullptr) {
                const Json reference = document_.contains(kind) ? document_[kind] : Json(fallback);
                const std::string file = replaced_.contains(kind) ? kOverrideFile : path_;
                sections_[kind] = resolve_section(schemas_, kind, reference, file, kind, diagnostics_);
            }
        }
        schemas_.validate("run", run_, locate_in(path_), diagnostics_);
        run_.erase("sources");
        for (const auto& [kind, section] : sections_) {
            if (!section.layers.empty()) {
                run_[kind] = section.document;
            }
        }
    }

    /// Once more with bases merged and overrides applied. What was wrong in a file is found there again and not
    /// repeated.
    void validate() {
        const Locate locate = [this](const std::string& path) { return place_of(path); };
        Json rest = run_;
        for (const std::string kind : kSections) {
            rest.erase(kind);
            if (run_.contains(kind)) {
                const Locate below = [&locate, kind](const std::string& path) {
                    return locate(path.empty() ? kind : join_path(kind, path));
                };
                validate_section(schemas_, kind, run_[kind], below, diagnostics_);
            }
        }
        schemas_.validate("run", rest, locate, diagnostics_);
    }

    /// The file, and the path in it, that a path of the run comes from.
    FilePlace place_of(const std::string& path) const {
        if (touched_by(overridden_, path)) {
            return {kOverrideFile, path};
        }
        const std::string kind = path.substr(0, path.find('.'));
        const auto section = sections_.find(kind);
        if (section == sections_.end() || section->second.layers.empty()) {
            return {path_, path};
        }
        return section->second.place_of(path.size() > kind.size() ? path.substr(kind.size() + 1) : "");
    }

    void complain(const std::string& path, const std::string& what_is_there, const std::string& accepted) {
        const FilePlace place = place_of(path);
        diagnostics_.add(place.file, place.path, what_is_there, accepted);
    }

    RunConfig build() {
        Json sources = Json::object();
        Json plain = run_;
        for (const std::string kind : kSections) {
            if (run_.contains(kind)) {
                Json stripped = strip_annotations(run_[kind], kind, sources);
                plain[kind] = kind == "cost" ? run_[kind] : std::move(stripped);
            }
        }
        RunConfig config;
        config.name = plain.value("name", std::filesystem::path(path_).stem().string());
        read_sections(plain, config);
        read_workload(plain, config);
        const Json attention = read_attention(plain, config);
        const Json requests = read_requests(plain, config);
        cross_check(
            config, [this](const std::string& path) { return place_of(path); }, diagnostics_);
        diagnostics_.throw_if_any();

        config.resolved = write_run(config);
        config.resolved["attention"].update(attention);
        if (config.workload.requests) {
            config.resolved["workload"]["requests"].update(requests);
        }
        config.hash = hash_of(config.resolved);
        config.resolved["sources"] = sources;
        return config;
    }

    static void read_sections(const Json& plain, RunConfig& config) {
        const auto read = [&plain](const char* key, auto& member) {
            if (plain.contains(key)) {
                read_fields(plain[key], member);
            }
        };
        config.model = read_model(plain.contains("model") ? plain["model"] : Json::object());
        read("cache", config.cache);
        apply_policy_defaults(config.cache);
        read("cache", config.cache);  // what the document says goes before the policy's own
        read("hardware", config.hardware);
        read("dram", config.dram);
        read("pipeline", config.pipeline);
        read("simulation", config.simulation);
        read("workload", config.workload);
        config.cost = read_cost_table(plain["cost"]);
    }

    void read_workload(const Json& plain, RunConfig& config) {
        const Json none = Json::object();
        const Json& workload = plain.contains("workload") ? plain["workload"] : none;
        const bool list = workload.contains("operators");
        const bool csv = workload.contains("layers_csv");
        const bool model = plain.contains("model");
        if (list && csv) {
            complain("workload.layers_csv", "is given beside workload.operators", "one of the two");
        } else if (model && (list || csv)) {
            complain(list ? "workload.operators" : "workload.layers_csv", "is given beside a model", "one of the two");
        } else if (!model && !list && !csv) {
            complain("model", "is missing",
                     "a model (" + join_names(preset_names("model")) +
                         ", a file or an object), or workload.operators, or workload.layers_csv");
        }
        const bool operands_ready = workload.value("operands_ready", false);
        if (list) {
            config.workload.operators = read_operators(workload["operators"], operands_ready);
        } else if (csv) {
            const std::string name = workload["layers_csv"].get<std::string>();
            const std::optional<std::string> file = find_data_file(name, place_of("workload.layers_csv").file);
            if (!file) {
                complain("workload.layers_csv", fmt::format("value \"{}\" is not a file", name),
                         "a file relative to this one or to the shipped configs");
            } else {
                config.workload.operators = read_layers_csv(*file, operands_ready);
            }
        }
    }

    /// Returns what the resolved document says of the file: its name and checksum.
    Json read_requests(const Json& plain, RunConfig& config) {
        if (!plain.contains("workload") || !plain["workload"].contains("requests")) {
            return Json::object();
        }
        const Json& workload = plain["workload"];
        const Json& requests = workload["requests"];
        for (const char* key : {"prompt_tokens", "generated_tokens", "operators", "layers_csv"}) {
            if (workload.contains(key)) {
                complain(std::string("workload.") + key, "is given beside workload.requests",
                         "one of the two: each request brings its own lengths");
            }
        }
        diagnostics_.throw_if_any();
        const std::string name = requests["file"].get<std::string>();
        const std::optional<std::string> file = find_data_file(name, place_of("workload.requests.file").file);
        if (!file) {
            complain("workload.requests.file", fmt::format("value \"{}\" is not a file", name),
                     "a CSV of requests, relative to this file or to the shipped configs");
            return Json::object();
        }
        RequestsConfig served;
        read_fields(requests, served);
        served.file = *file;
        const RequestLimits limits{served.skip,
                                   served.limit,
                                   served.time_scale,
                                   served.max_prompt_tokens,
                                   served.max_output_tokens,
                                   std::max(2U, config.model.max_positions),
                                   served.too_long};
        served.list = parse_requests_csv(read_text_file(*file), *file, served.format, limits);
        set_longest(served, config.workload);
        config.workload.requests = std::move(served);
        return {{"file", name}, {"checksum", checksum_of(*file, requests, "workload.requests.checksum")}};
    }

    /// What the longest request takes: slots, score vectors and tables are laid out for it.
    static void set_longest(const RequestsConfig& served, WorkloadConfig& workload) {
        if (served.list.requests.empty()) {
            throw InputError(served.file, "", "holds no request that is short enough",
                             "at least one that workload.requests.max_prompt_tokens, max_output_tokens and the model's "
                             "positions allow, or workload.requests.too_long \"clamp\"");
        }
        std::uint32_t prompt = 0;
        std::uint32_t tokens = 0;
        for (const RequestSpec& request : served.list.requests) {
            prompt = std::max(prompt, request.prompt_tokens);
            tokens = std::max(tokens, request.prompt_tokens + request.output_tokens);
        }
        workload.prompt_tokens = prompt;
        workload.generated_tokens = tokens - prompt;
    }

    /// The text is found like other files, the model by the engine when the run starts.
    Json read_engine(const Json& attention, RunConfig& config) {
        AttentionEngineSource engine;
        for (const char* key : {"model", "text"}) {
            if (!attention.contains(key)) {
                complain(std::string("attention.") + key, "is missing",
                         fmt::format("a {}, since attention.source is \"engine\"", key));
                return Json::object();
            }
        }
        const std::string name = attention["text"].get<std::string>();
        const std::optional<std::string> file = find_data_file(name, place_of("attention.text").file);
        if (!file) {
            complain("attention.text", fmt::format("value \"{}\" is not a file", name),
                     "a text, relative to this file or to the shipped configs");
            return Json::object();
        }
        engine.model = attention["model"].get<std::string>();
        engine.text = *file;
        engine.skip_tokens = attention.value("skip_tokens", std::uint64_t{0});
        config.attention = engine;
        return {{"model", engine.model},
                {"text", name},
                {"skip_tokens", engine.skip_tokens},
                {"checksum", checksum_of(*file, attention)}};
    }

    /// Returns what the resolved document says of a trace or a calibration: the name the user wrote, and the file's
    /// checksum.
    Json read_attention(const Json& plain, RunConfig& config) {
        const Json none = Json::object();
        const Json& attention = plain.contains("attention") ? plain["attention"] : none;
        if (attention.value("source", "synthetic") == "synthetic") {
            if (attention.contains("calibration")) {
                return read_calibration(attention, config);
            }
            SyntheticAttention synthetic;
            read_fields(attention, synthetic);
            config.attention = synthetic;
            return Json::object();
        }
        if (attention["source"] == "engine") {
            return read_engine(attention, config);
        }
        if (!attention.contains("trace")) {
            complain("attention.trace", "is missing", "a trace file, since attention.source is \"trace\"");
            return Json::object();
        }
        const std::string name = attention["trace"].get<std::string>();
        const std::optional<std::string> file = find_data_file(name, place_of("attention.trace").file);
        if (!file) {
            complain("attention.trace", fmt::format("value \"{}\" is not a file", name),
                     "a file made by `palimpsest record`, relative to this one or to the shipped configs");
            return Json::object();
        }
        config.attention = AttentionTraceSource{*file};
        return {{"trace", name}, {"checksum", checksum_of(*file, attention)}};
    }

    Json read_calibration(const Json& attention, RunConfig& config) {
        Json numbers = write_fields(SyntheticAttention{});
        for (const auto& [key, value] : attention.items()) {
            if (numbers.contains(key)) {
                complain("attention." + key, "is given beside attention.calibration", "one of the two");
            }
        }
        const std::string name = attention["calibration"].get<std::string>();
        const std::string file = find_attention_calibration(name, place_of("attention.calibration").file);
        if (file.empty()) {
            const std::vector<std::string> presets = preset_names("attention");
            const std::string near = nearest_name(name, presets);
            complain("attention.calibration",
                     fmt::format("value \"{}\" is neither a file nor a preset{}", name,
                                 near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)),
                     fmt::format("a file made by `palimpsest inspect --calibrate`, relative to this one or to the "
                                 "shipped configs, or one of {}",
                                 join_names(presets)));
            return Json::object();
        }
        config.attention = CalibratedAttention{read_attention_calibration(schemas_, file, diagnostics_)};
        return {{"calibration", name}, {"checksum", checksum_of(file, attention)}};
    }

    /// Complains when the run expects another.
    std::string checksum_of(const std::string& file, const Json& document,
                            const std::string& path = "attention.checksum") {
        std::string checksum = xxh3_128(read_text_file(file));
        if (document.contains("checksum") && document["checksum"] != checksum) {
            complain(path, quote_value(document["checksum"]),
                     fmt::format("{}, which {} has, or another file", checksum, file));
        }
        return checksum;
    }

    std::string path_;
    Schemas schemas_;
    Diagnostics diagnostics_;
    Json document_;  ///< the run file, references replaced
    Json run_;       ///< the same with its sections in place
    std::map<std::string, Section> sections_;
    std::set<std::string> replaced_;    ///< sections that --set replaced
    std::set<std::string> overridden_;  ///< settings that --set changed
};

}  // namespace

ModelShape load_model(const std::string& reference) {
    return load_section("model", reference, read_model, cross_check_model);
}

HardwareConfig load_hardware(const std::string& reference) {
    return load_section("hardware", reference, read_plain<HardwareConfig>, cross_check_hardware);
}

DramConfig load_dram(const std::string& reference, const std::vector<std::string>& overrides) {
    return load_section("dram", reference, read_plain<DramConfig>, cross_check_dram, overrides);
}

CostTable load_cost_table(const std::string& reference) {
    return load_section("cost", reference, read_cost_table, cross_check_cost);
}

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides) {
    return Loader(path).load(overrides);
}

}  // namespace palimpsest
