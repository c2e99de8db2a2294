// What is wrong with a document, in words a user can act on.
#include <algorithm>
#include <cmath>
#include <regex>

#include <fmt/format.h>

#include "config/schema.h"

namespace palimpsest {
namespace {

std::vector<std::string> strings_of(const Json& list) {
    std::vector<std::string> texts;
    for (const Json& entry : list) {
        texts.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
    }
    return texts;
}

std::vector<std::string> types_of(const Json& schema) {
    if (!schema.contains("type")) {
        return {};
    }
    return schema["type"].is_array() ? strings_of(schema["type"])
                                     : std::vector<std::string>{schema["type"].get<std::string>()};
}

bool has_type(const Json& value, const std::string& type) {
    if (type == "integer") {
        return value.is_number_integer();
    }
    if (type == "number") {
        return value.is_number();
    }
    if (type == "string") {
        return value.is_string();
    }
    if (type == "boolean") {
        return value.is_boolean();
    }
    if (type == "object") {
        return value.is_object();
    }
    if (type == "array") {
        return value.is_array();
    }
    return type == "null" && value.is_null();
}

bool type_matches(const Json& schema, const Json& value) {
    const std::vector<std::string> types = types_of(schema);
    return types.empty() ||
           std::any_of(types.begin(), types.end(), [&](const std::string& t) { return has_type(value, t); });
}

std::string noun_of(const std::string& type) {
    if (type == "boolean") {
        return "true or false";
    }
    if (type == "null") {
        return "null";
    }
    return (type == "integer" || type == "object" || type == "array" ? "an " : "a ") + type;
}

std::string range_of(const Json& schema) {
    const bool low = schema.contains("minimum");
    const bool high = schema.contains("maximum");
    if (low && high) {
        return fmt::format(", {} to {}", schema["minimum"].dump(), schema["maximum"].dump());
    }
    if (low) {
        return fmt::format(", {} or more", schema["minimum"].dump());
    }
    return high ? fmt::format(", at most {}", schema["maximum"].dump()) : std::string{};
}

/// Whether every branch only asks for keys; then the message is a choice of keys.
bool only_required_keys(const Json& branches) {
    return std::all_of(branches.begin(), branches.end(),
                       [](const Json& branch) { return branch.size() == 1 && branch.contains("required"); });
}

class Explainer {
  public:
    std::vector<SchemaProblem> problems;

    void explain(const Json& schema, const Json& value, const std::string& path) {
        if (!type_matches(schema, value)) {
            add(path, quote_value(value), schema);
            return;
        }
        if (schema.contains("enum") &&
            std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
            add(path, misspelt(value, schema["enum"]), schema);
            return;
        }
        if (value.is_number()) {
            explain_number(schema, value, path);
        } else if (value.is_string()) {
            explain_string(schema, value.get<std::string>(), path);
        } else if (value.is_object()) {
            explain_object(schema, value, path);
        } else if (value.is_array()) {
            explain_array(schema, value, path);
        }
        explain_branches(schema, value, path);
    }

  private:
    void add(const std::string& path, const std::string& what, const Json& schema) {
        problems.push_back({path, what, accepted_by(schema)});
    }

    static std::string misspelt(const Json& value, const Json& names) {
        std::string text = quote_value(value);
        if (value.is_string()) {
            const std::string near = nearest_name(value.get<std::string>(), strings_of(names));
            text += near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near);
        }
        return text;
    }

    void explain_number(const Json& schema, const Json& value, const std::string& path) {
        const double number = value.get<double>();
        const bool low = schema.contains("minimum") && number < schema["minimum"].get<double>();
        const bool high = schema.contains("maximum") && number > schema["maximum"].get<double>();
        const bool uneven =
            schema.contains("multipleOf") && std::fmod(number, schema["multipleOf"].get<double>()) != 0.0;
        if (low || high || uneven) {
            add(path, quote_value(value), schema);
        }
    }

    void explain_string(const Json& schema, const std::string& text, const std::string& path) {
        const bool empty = schema.contains("minLength") && text.size() < schema["minLength"].get<std::size_t>();
        const bool unlike =
            schema.contains("pattern") && !std::regex_search(text, std::regex(schema["pattern"].get<std::string>()));
        if (empty || unlike) {
            add(path, quote_value(text), schema);
        }
    }

    void explain_object(const Json& schema, const Json& value, const std::string& path) {
        if (schema.contains("required")) {
            for (const Json& key : schema["required"]) {
                if (!value.contains(key.get<std::string>())) {
                    const Json* wanted = schema_at(schema, {key.get<std::string>()});
                    problems.push_back({join_path(path, key.get<std::string>()), "is missing",
                                        wanted != nullptr ? accepted_by(*wanted) : "a value"});
                }
            }
        }
        const Json none = Json::object();
        const Json& properties = schema.contains("properties") ? schema["properties"] : none;
        for (const auto& [key, member] : value.items()) {
            if (schema.contains("propertyNames")) {
                explain(schema["propertyNames"], Json(key), join_path(path, key));
            }
            if (properties.contains(key)) {
                explain(properties[key], member, join_path(path, key));
            } else if (schema.contains("additionalProperties")) {
                const Json& additional = schema["additionalProperties"];
                if (additional.is_object()) {
                    explain(additional, member, join_path(path, key));
                } else if (additional == false) {
                    unknown_key(schema, path, key);
                }
            }
        }
    }

    void unknown_key(const Json& schema, const std::string& path, const std::string& key) {
        const std::vector<std::string> known = known_keys(schema);
        const std::string near = nearest_name(key, known);
        problems.push_back({join_path(path, key),
                            near.empty() ? "unknown key" : fmt::format("unknown key, did you mean \"{}\"?", near),
                            join_names(known)});
    }

    void explain_array(const Json& schema, const Json& value, const std::string& path) {
        const bool few = schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>();
        const bool many = schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>();
        if (few || many) {
            problems.push_back({path, fmt::format("a list of {} entries", value.size()),
                                few ? fmt::format("at least {}", schema["minItems"].dump())
                                    : fmt::format("at most {}", schema["maxItems"].dump())});
        }
        if (schema.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                explain(schema["items"], value[i], join_path(path, i));
            }
        }
    }

    void explain_branches(const Json& schema, const Json& value, const std::string& path) {
        if (schema.contains("allOf")) {
            for (const Json& branch : schema["allOf"]) {
                explain(branch, value, path);
            }
        }
        if (schema.contains("if")) {
            const char* taken = explain_schema_errors(schema["if"], value).empty() ? "then" : "else";
            if (schema.contains(taken)) {
                explain_with_texts(schema, schema[taken], value, path);
            }
        }
        if (schema.contains("anyOf")) {
            explain_choice(schema["anyOf"], value, path, 1, schema["anyOf"].size(), "at least one of ");
        }
        if (schema.contains("oneOf")) {
            explain_choice(schema["oneOf"], value, path, 1, 1, "exactly one of ");
        }
    }

    /// A `then` or `else` branch says what is required; the texts of what is missing are in the schema itself.
    void explain_with_texts(const Json& schema, const Json& branch, const Json& value, const std::string& path) {
        for (SchemaProblem problem : explain_schema_errors(branch, value)) {
            const Json* wanted = schema_at(schema, split_path(problem.path));
            if (wanted != nullptr) {
                problem.accepted = accepted_by(*wanted);
            }
            problem.path = path.empty() ? problem.path : join_path(path, problem.path);
            problems.push_back(problem);
        }
    }

    void explain_choice(const Json& branches, const Json& value, const std::string& path, std::size_t least,
                        std::size_t most, const char* words) {
        std::size_t matching = 0;
        const Json* candidate = nullptr;
        for (const Json& branch : branches) {
            matching += explain_schema_errors(branch, value).empty() ? 1 : 0;
            if (candidate == nullptr && type_matches(branch, value)) {
                candidate = &branch;
            }
        }
        if (matching >= least && matching <= most) {
            return;
        }
        if (only_required_keys(branches)) {
            std::vector<std::string> keys;
            for (const Json& branch : branches) {
                keys.push_back(join_names(strings_of(branch["required"])));
            }
            problems.push_back({path,
                                matching == 0 ? "has none of the keys" : fmt::format("has {} of the keys", matching),
                                words + join_names(keys)});
        } else if (candidate != nullptr) {
            explain(*candidate, value, path);
        } else {
            std::vector<std::string> texts;
            for (const Json& branch : branches) {
                texts.push_back(accepted_by(branch));
            }
            problems.push_back({path, quote_value(value), words + join_names(texts)});
        }
    }
};

}  // namespace

std::vector<SchemaProblem> explain_schema_errors(const Json& schema, const Json& value) {
    Explainer explainer;
    explainer.explain(schema, value, "");
    return explainer.problems;
}

std::string accepted_by(const Json& schema) {
    if (schema.contains("enum")) {
        const std::vector<std::string> names = strings_of(schema["enum"]);
        return (names.size() == 1 ? "" : "one of ") + join_names(names);
    }
    std::string text;
    const std::vector<std::string> types = types_of(schema);
    const bool number =
        std::any_of(types.begin(), types.end(), [](const std::string& t) { return t == "integer" || t == "number"; });
    for (const std::string& type : types) {
        if (type == "object" && types.size() > 1) {
            continue;
        }
        text += (text.empty() ? "" : " or ") + noun_of(type);
    }
    if (number) {
        text += range_of(schema);
        text += schema.contains("multipleOf") ? fmt::format(", a multiple of {}", schema["multipleOf"].dump()) : "";
    }
    for (const char* list : {"allOf", "anyOf"}) {
        if (types.empty() && text.empty() && schema.contains(list)) {
            for (const Json& branch : schema[list]) {
                text += (text.empty() ? "" : " or ") + accepted_by(branch);
            }
        }
    }
    if (schema.contains("unit")) {
        text += " " + schema["unit"].get<std::string>();
    }
    if (schema.contains("pattern")) {
        text += " that matches " + schema["pattern"].get<std::string>();
    }
    if (number && types.size() > 1 && types.back() == "object") {
        text += ", plain or as {\"value\": ...}";
    }
    if (types.size() == 1 && types[0] == "object" && schema.contains("properties")) {
        text += " with keys " + join_names(known_keys(schema));
    }
    if (text == "a string" && schema.contains("minLength")) {
        text = "a string that is not empty";
    }
    return text.empty() ? "a value" : text;
}

}  // namespace palimpsest
