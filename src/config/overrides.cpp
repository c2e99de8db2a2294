#include "config/overrides.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/references.h"

namespace palimpsest {
namespace {

bool is_section(const std::string& key) {
    return std::find(kSections.begin(), kSections.end(), key) != kSections.end();
}

/// Every path that --set knows in a run, or in a section alone.
std::vector<std::string> all_paths(const Schemas& schemas, const std::string& kind) {
    std::vector<std::string> paths = known_paths(schemas.get(kind));
    if (kind != "run") {
        return paths;
    }
    for (const char* section : kSections) {
        const std::vector<std::string> below = known_paths(schemas.get(section), section);
        paths.insert(paths.end(), below.begin(), below.end());
    }
    return paths;
}

std::string last_key(const std::string& path) {
    const std::vector<std::string> keys = split_path(path);
    return keys.empty() ? std::string{} : keys.back();
}

/// A path that ends in the same key ("budget" -> "cache.budget"), else the path that looks most alike.
std::string nearest_path(const std::string& path, const std::vector<std::string>& known) {
    const std::string key = last_key(path);
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const std::string& p) { return last_key(p) == key; });
    return same != known.end() ? *same : nearest_name(path, known);
}

void complain_unknown(const Schemas& schemas, const Override& setting, const std::string& kind,
                      Diagnostics& diagnostics) {
    const std::string near = nearest_path(setting.path, all_paths(schemas, kind));
    std::vector<std::string> keys = split_path(setting.path);
    std::string accepted;
    while (accepted.empty() && !keys.empty()) {  // the keys of the deepest object that exists
        keys.pop_back();
        std::string parent;
        for (const std::string& key : keys) {
            parent = join_path(parent, key);
        }
        const Json* node = keys.empty() ? &schemas.get(kind) : setting_schema(schemas, parent, kind);
        accepted = node != nullptr ? join_names(known_keys(*node)) : "";
    }
    diagnostics.add(kOverrideFile, setting.path,
                    near.empty() ? "unknown setting" : fmt::format("unknown setting, did you mean \"{}\"?", near),
                    accepted);
}

}  // namespace

std::vector<Override> parse_overrides(const std::vector<std::string>& texts, Diagnostics& diagnostics) {
    std::vector<Override> overrides;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            diagnostics.add(kOverrideFile, "", fmt::format("\"{}\"", text), "PATH=VALUE, as in cache.budget=128");
            continue;
        }
        const std::string value = text.substr(equals + 1);
        Json parsed = Json::parse(value, nullptr, false);
        overrides.push_back({text, text.substr(0, equals), parsed.is_discarded() ? Json(value) : std::move(parsed)});
    }
    return overrides;
}

const Json* setting_schema(const Schemas& schemas, const std::string& path, const std::string& kind) {
    std::vector<std::string> keys = split_path(path);
    if (keys.empty()) {
        return nullptr;
    }
    if (kind != "run" || !is_section(keys.front())) {
        return schema_at(schemas.get(kind), keys);
    }
    const Json& section = schemas.get(keys.front());
    keys.erase(keys.begin());
    return schema_at(section, keys);
}

bool apply_override(const Schemas& schemas, const Override& setting, Json& document, Diagnostics& diagnostics,
                    const std::string& kind) {
    const std::vector<std::string> keys = split_path(setting.path);
    if (setting_schema(schemas, setting.path, kind) == nullptr || keys.back() == "base") {
        complain_unknown(schemas, setting, kind, diagnostics);
        return false;
    }
    Json* at = &document;
    for (const std::string& key : keys) {
        if (at->is_array()) {
            const bool index = std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
            if (!index || key.size() > 9 || std::stoul(key) >= at->size()) {
                diagnostics.add(kOverrideFile, setting.path, fmt::format("index {} of a list of {}", key, at->size()),
                                at->empty() ? "nothing: the list is empty" : fmt::format("0 to {}", at->size() - 1));
                return false;
            }
            at = &(*at)[std::stoul(key)];
            continue;
        }
        if (at->is_number() || at->is_boolean()) {  // "rows.value=16" where rows is plain
            *at = Json{{"value", *at}};
        }
        if (!at->is_object()) {
            *at = Json::object();
        }
        at = &(*at)[key];
    }
    if (is_annotated(*at) && !setting.value.is_object()) {
        *at = Json{{"value", setting.value}, {"source", kOverrideFile}};
    } else {
        *at = setting.value;
    }
    return true;
}

}  // namespace palimpsest
