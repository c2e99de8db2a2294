#include "config/schema.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

using valijson::adapters::NlohmannJsonAdapter;

constexpr std::string_view kSuffix = ".schema.json";

/// Keywords whose values are schemas that apply to the same value.
constexpr std::array kBranchLists{"allOf", "anyOf", "oneOf"};

/// Calls `visit` for the schema and every schema that applies to the same value.
template <class Visit>
void for_each_branch(const Json& schema, const Visit& visit) {
    visit(schema);
    for (const char* list : kBranchLists) {
        if (schema.contains(list)) {
            for (const Json& branch : schema[list]) {
                for_each_branch(branch, visit);
            }
        }
    }
}

/// valijson's path "<root>[a][b]" as ours.
std::string path_of(const std::vector<std::string>& context) {
    std::string path;
    for (std::size_t i = 1; i < context.size(); ++i) {
        std::string key = context[i];
        key.erase(std::remove_if(key.begin(), key.end(), [](char c) { return c == '[' || c == ']' || c == '"'; }),
                  key.end());
        path = join_path(path, key);
    }
    return path;
}

}  // namespace

Locate locate_in(const std::string& file, const std::string& prefix) {
    return [file, prefix](const std::string& path) {
        return FilePlace{file, path.empty() ? prefix : join_path(prefix, path)};
    };
}

struct Schemas::Compiled {
    valijson::Schema schema;
};

Schemas::~Schemas() = default;

Schemas::Schemas(const std::string& directory) : directory_(directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) {
            schemas_[name.substr(0, name.size() - kSuffix.size())] = read_json_file(entry.path().string());
        }
    }
    if (schemas_.empty()) {
        throw InputError(directory, "", "holds no schemas",
                         "the project's configs/schema; set PALIMPSEST_CONFIGS to its configs");
    }
    std::map<std::string, Json> resolved;
    for (const auto& [name, schema] : schemas_) {
        resolved[name] = dereference(schema, 0);
    }
    schemas_ = std::move(resolved);
}

const Json& Schemas::get(const std::string& name) const {
    const auto found = schemas_.find(name);
    if (found == schemas_.end()) {
        throw InputError(directory_, "", fmt::format("{}{} is missing", name, kSuffix), "a complete schema folder");
    }
    return found->second;
}

/// Our references name a whole file or a definition in it: "common.schema.json#/definitions/cost".
Json Schemas::dereference(const Json& node, int depth) const {
    constexpr int kDeepest = 64;
    if (depth > kDeepest) {
        throw InputError(directory_, "", "schemas refer to one another in a circle", "references that end");
    }
    if (node.is_object() && node.contains("$ref")) {
        const std::string reference = node["$ref"].get<std::string>();
        const std::size_t hash = reference.find('#');
        const std::string file = reference.substr(0, hash);
        const std::string pointer = hash == std::string::npos ? "" : reference.substr(hash + 1);
        if (!file.ends_with(kSuffix)) {
            throw InputError(directory_, "", fmt::format("schema reference {}", reference), "NAME.schema.json#/...");
        }
        Json target = get(file.substr(0, file.size() - kSuffix.size())).at(Json::json_pointer(pointer));
        target.erase("$id");
        target.erase("$schema");
        return dereference(target, depth + 1);
    }
    Json copy = node;
    for (auto& child : copy) {
        if (child.is_structured()) {
            child = dereference(child, depth + 1);
        }
    }
    return copy;
}

const Schemas::Compiled& Schemas::compiled(const std::string& name) const {
    std::unique_ptr<Compiled>& entry = compiled_[name];
    if (!entry) {
        entry = std::make_unique<Compiled>();
        valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
        parser.populateSchema(NlohmannJsonAdapter(get(name)), entry->schema);
    }
    return *entry;
}

void Schemas::validate(const std::string& name, const Json& document, const Locate& locate,
                       Diagnostics& diagnostics) const {
    const Json& source = get(name);
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(compiled(name).schema, NlohmannJsonAdapter(document), &results)) {
        return;
    }
    const auto add = [&](const SchemaProblem& problem) {
        const FilePlace place = locate(problem.path);
        diagnostics.add(place.file, place.path, problem.what_is_there, problem.accepted);
    };
    const std::vector<SchemaProblem> problems = explain_schema_errors(source, document);
    std::for_each(problems.begin(), problems.end(), add);
    if (problems.empty()) {  // a keyword that explain_schema_errors does not know
        for (const auto& error : results) {
            add({path_of(error.context), error.description, fmt::format("what {}{} describes", name, kSuffix)});
        }
    }
}

const Json* schema_at(const Json& schema, const std::vector<std::string>& keys) {
    const Json* at = &schema;
    for (const std::string& key : keys) {
        const Json* next = nullptr;
        for_each_branch(*at, [&](const Json& branch) {
            if (next != nullptr) {
                return;
            }
            if (branch.contains("properties") && branch["properties"].contains(key)) {
                next = &branch["properties"][key];
            } else if (branch.contains("additionalProperties") && branch["additionalProperties"].is_object()) {
                next = &branch["additionalProperties"];
            } else if (branch.contains("items") &&
                       std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; })) {
                next = &branch["items"];
            }
        });
        if (next == nullptr) {
            return nullptr;
        }
        at = next;
    }
    return at;
}

std::vector<std::string> known_keys(const Json& schema) {
    std::vector<std::string> keys;
    for_each_branch(schema, [&](const Json& branch) {
        if (branch.contains("properties")) {
            for (const auto& [key, ignored] : branch["properties"].items()) {
                if (key != "$schema" && key != "description") {
                    keys.push_back(key);
                }
            }
        }
    });
    return keys;
}

std::vector<std::string> known_paths(const Json& schema, const std::string& prefix) {
    static const std::vector<std::string> kNotSettings{"$schema", "description", "source", "sources", "base"};
    std::vector<std::string> paths;
    if (schema.contains("properties")) {
        for (const auto& [key, node] : schema["properties"].items()) {
            if (std::find(kNotSettings.begin(), kNotSettings.end(), key) != kNotSettings.end()) {
                continue;
            }
            const std::string path = join_path(prefix, key);
            const std::vector<std::string> below = node.contains("type") && node["type"] == "object"
                                                       ? known_paths(node, path)
                                                       : std::vector<std::string>{};
            if (below.empty()) {
                paths.push_back(path);
            }
            paths.insert(paths.end(), below.begin(), below.end());
        }
    }
    return paths;
}

}  // namespace palimpsest
