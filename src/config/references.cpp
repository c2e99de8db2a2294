#include "config/references.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "config/huggingface.h"
#include "config/loader.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

fs::path beside(const std::string& file, const std::string& name) {
    return (fs::path(file).parent_path() / name).lexically_normal();
}

/// The file that a reference names, or nothing.
std::optional<std::string> find_reference(const std::string& name, const std::string& kind, const std::string& file) {
    const fs::path relative = beside(file, name);
    if (is_file(relative)) {
        return relative.string();
    }
    const fs::path preset = fs::path(preset_directory(kind)) / (name + ".json");
    return name.find('/') == std::string::npos && is_file(preset) ? std::optional(preset.string()) : std::nullopt;
}

/// `unit` beside a number must be the field's own: a value in nanoseconds where clocks count would be silently wrong.
void check_units(const Json& schema, const Json& document, const std::string& path, const Locate& locate,
                 Diagnostics& diagnostics) {
    if (is_annotated(document)) {
        const Json* node = schema_at(schema, split_path(path));
        if (node == nullptr || !document.contains("unit") || !document["unit"].is_string()) {
            return;
        }
        const std::string wanted = node->contains("unit") ? (*node)["unit"].get<std::string>() : std::string{};
        if (!wanted.empty() && document["unit"] != wanted) {
            const FilePlace place = locate(join_path(path, "unit"));
            diagnostics.add(place.file, place.path, quote_value(document["unit"]), wanted);
        }
    } else if (document.is_object()) {
        for (const auto& [key, value] : document.items()) {
            check_units(schema, value, join_path(path, key), locate, diagnostics);
        }
    }
}

void validate_layer(const Schemas& schemas, const std::string& kind, const SectionLayer& layer,
                    Diagnostics& diagnostics) {
    const std::string name = schema_name(kind, layer.document);
    const Locate locate = locate_in(layer.file, layer.prefix);
    schemas.validate(name, layer.document, locate, diagnostics);
    if (name != "huggingface") {
        check_units(schemas.get(name), layer.document, "", locate, diagnostics);
    }
    if (name != "huggingface") {
        validate_section(schemas, name, layer.document, locate, diagnostics);
    }
}

class Resolver {
  public:
    Resolver(const Schemas& schemas, const std::string& kind, Diagnostics& diagnostics)
        : schemas_(schemas), kind_(kind), diagnostics_(diagnostics) {}

    /// Adds the document that `reference` means, then its bases.
    void follow(const Json& reference, const std::string& file, const std::string& prefix) {
        SectionLayer layer{file, prefix, reference, {}};
        if (reference.is_string()) {
            const std::string name = reference.get<std::string>();
            const std::optional<std::string> found = find_reference(name, kind_, file);
            if (!found) {
                complain(file, prefix, name);
                return;
            }
            if (std::any_of(section.layers.begin(), section.layers.end(),
                            [&](const SectionLayer& l) { return l.file == *found && l.prefix.empty(); })) {
                diagnostics_.add(file, prefix, quote_value(reference) + ", which is based on itself",
                                 "a base that ends");
                return;
            }
            layer = {*found, "", read_json_file(*found), {}};
        }
        validate_layer(schemas_, kind_, layer, diagnostics_);
        if (!layer.document.is_object()) {
            return;
        }
        const std::string layer_file = layer.file;
        const std::string base_path = layer.prefix.empty() ? "base" : join_path(layer.prefix, "base");
        Json base;
        if (kind_ == "model" && is_huggingface_config(layer.document)) {
            layer = import_huggingface(layer, diagnostics_);
        } else if (layer.document.contains("base")) {
            base = layer.document["base"];
        }
        for (const char* key : {"$schema", "base", "description", "source"}) {
            layer.document.erase(key);
        }
        if (kind_ == "model" && !layer.document.contains("name") && layer.prefix.empty()) {
            layer.document["name"] = fs::path(layer.file).stem().string();
        }
        section.layers.push_back(std::move(layer));
        if (base.is_string()) {
            follow(base, layer_file, base_path);
        }
    }

    Section section;

  private:
    void complain(const std::string& file, const std::string& path, const std::string& name) {
        const std::vector<std::string> presets = preset_names(kind_);
        const std::string near = nearest_name(name, presets);
        diagnostics_.add(
            file, path,
            fmt::format("value \"{}\" is neither a file nor a preset{}", name,
                        near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)),
            fmt::format("a file relative to {}, or one of {}", beside(file, ".").string(), join_names(presets)));
    }

    const Schemas& schemas_;
    const std::string& kind_;
    Diagnostics& diagnostics_;
};

}  // namespace

Section resolve_section(const Schemas& schemas, const std::string& kind, const Json& reference, const std::string& file,
                        const std::string& prefix, Diagnostics& diagnostics) {
    Resolver resolver(schemas, kind, diagnostics);
    if (!reference.is_string() && !reference.is_object()) {
        diagnostics.add(file, prefix, quote_value(reference), "a preset name, a file name or an object");
    } else {
        resolver.follow(reference, file, prefix);
    }
    Section section = std::move(resolver.section);
    section.document = Json::object();
    for (auto layer = section.layers.rbegin(); layer != section.layers.rend(); ++layer) {
        merge_onto(section.document, layer->document);
    }
    return section;
}

FilePlace Section::place_of(const std::string& path) const {
    if (layers.empty()) {
        return {"", path};
    }
    const auto holder = std::find_if(layers.begin(), layers.end(), [&](const SectionLayer& layer) {
        return find_path(layer.document, path) != nullptr;
    });
    const SectionLayer& layer = holder != layers.end() ? *holder : layers.front();
    const auto renamed = layer.renames.find(path);
    const std::string& name = renamed != layer.renames.end() ? renamed->second : path;
    if (layer.prefix.empty()) {
        return {layer.file, name};
    }
    return {layer.file, name.empty() ? layer.prefix : join_path(layer.prefix, name)};
}

void validate_section(const Schemas& schemas, const std::string& kind, const Json& document, const Locate& locate,
                      Diagnostics& diagnostics) {
    Json sources;
    schemas.validate(kind, kind == "cost" ? document : strip_annotations(document, "", sources), locate, diagnostics);
}

std::string schema_name(const std::string& kind, const Json& document) {
    return kind == "model" && is_huggingface_config(document) ? "huggingface" : kind;
}

std::string preset_directory(const std::string& kind) {
    return (fs::path(configs_directory()) / (kind == "model" ? "models" : kind)).string();
}

std::vector<std::string> preset_names(const std::string& kind) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(preset_directory(kind), error)) {
        if (entry.path().extension() == ".json") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::string> find_data_file(const std::string& name, const std::string& file) {
    for (const fs::path& path : {beside(file, name), fs::path(configs_directory()) / name}) {
        if (is_file(path)) {
            return path.string();
        }
    }
    return std::nullopt;
}

}  // namespace palimpsest
