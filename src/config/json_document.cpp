#include "config/json_document.h"

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
};

/// Line and column of the byte before offset `bytes_read`.
Place place_of(const std::string& text, std::size_t bytes_read) {
    Place place;
    const std::size_t end = std::min(text.size(), bytes_read > 0 ? bytes_read - 1 : 0);
    for (std::size_t i = 0; i < end; ++i) {
        if (text[i] == '\n') {
            ++place.line;
            place.column = 1;
        } else {
            ++place.column;
        }
    }
    return place;
}

/// The parser's own words without its name, number and position.
std::string reason_of(const Json::parse_error& error) {
    const std::string text = error.what();
    const std::string marker = ": ";
    const std::size_t position = text.find("column ");
    const std::size_t start = text.find(marker, position == std::string::npos ? 0 : position);
    return start == std::string::npos ? text : text.substr(start + marker.size());
}

/// Hears the parser's events and stops at the first key that an object has twice, and at nesting that no file of ours
/// has and that would use up the stack of those who walk the document.
class DocumentGuard {
  public:
    explicit DocumentGuard(const std::string& file) : file_(file) {}

    bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
        constexpr int kDeepest = 200;
        if (depth > kDeepest) {
            throw InputError(file_, "", fmt::format("more than {} levels of brackets", kDeepest), "a JSON document");
        }
        switch (event) {
            case Json::parse_event_t::object_start:
                open_.emplace_back();
                break;
            case Json::parse_event_t::object_end:
                open_.pop_back();
                break;
            case Json::parse_event_t::key:
                if (!open_.back().insert(parsed.get<std::string>()).second) {
                    throw InputError(file_, "", fmt::format("key {} appears twice in one object", parsed.dump()),
                                     "each key once");
                }
                break;
            default:
                break;
        }
        return true;
    }

  private:
    const std::string& file_;
    std::vector<std::set<std::string>> open_;
};

bool is_index(const std::string& key) {
    return !key.empty() && key.size() < 10 &&
           std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string read_text_file(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        throw InputError(path, "", fmt::format("cannot be read: {}", std::strerror(errno)), "a readable file");
    }
    if (S_ISDIR(status.st_mode)) {
        throw InputError(path, "", "is a directory", "a readable file");
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        throw InputError(path, "", fmt::format("cannot be read: {}", std::strerror(errno)), "a readable file");
    }
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

Json parse_json(const std::string& text, const std::string& file) {
    try {
        DocumentGuard guard(file);
        return Json::parse(
            text, [&guard](int depth, Json::parse_event_t event, Json& parsed) { return guard(depth, event, parsed); });
    } catch (const Json::parse_error& error) {
        const Place place = place_of(text, error.byte);
        throw InputError(file, fmt::format("line {}, column {}", place.line, place.column), reason_of(error),
                         "a JSON document");
    } catch (const Json::out_of_range& error) {  // 1e999
        const std::string text_of_error = error.what();
        throw InputError(file, "", text_of_error.substr(std::min(text_of_error.size(), text_of_error.find("] ") + 2)),
                         "numbers that a 64-bit float can hold");
    }
}

Json read_json_file(const std::string& path) {
    return parse_json(read_text_file(path), path);
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> keys;
    std::string key;
    const auto finish = [&] {
        if (!key.empty()) {
            keys.push_back(std::move(key));
            key.clear();
        }
    };
    for (const char c : path) {
        if (c == '.' || c == '[' || c == ']') {
            finish();
        } else {
            key += c;
        }
    }
    finish();
    return keys;
}

std::string join_path(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

std::string join_path(const std::string& path, std::size_t index) {
    return fmt::format("{}[{}]", path, index);
}

const Json* find_path(const Json& document, std::string_view path) {
    const Json* at = &document;
    for (const std::string& key : split_path(path)) {
        if (at->is_object() && at->contains(key)) {
            at = &(*at)[key];
        } else if (at->is_array() && is_index(key) && std::stoul(key) < at->size()) {
            at = &(*at)[std::stoul(key)];
        } else {
            return nullptr;
        }
    }
    return at;
}

bool is_annotated(const Json& value) {
    return value.is_object() && value.contains("value");
}

Json strip_annotations(const Json& document, const std::string& path, Json& sources) {
    if (is_annotated(document)) {
        if (document.contains("source") && document["source"].is_string()) {
            sources[path] = document["source"];
        }
        return document["value"];
    }
    Json plain = document;
    if (document.is_object()) {
        for (const auto& [key, value] : document.items()) {
            plain[key] = strip_annotations(value, join_path(path, key), sources);
        }
    } else if (document.is_array()) {
        for (std::size_t i = 0; i < document.size(); ++i) {
            plain[i] = strip_annotations(document[i], join_path(path, i), sources);
        }
    }
    return plain;
}

void merge_onto(Json& under, const Json& over) {
    if (!under.is_object() || !over.is_object() || is_annotated(under) || is_annotated(over)) {
        under = over;
        return;
    }
    for (const auto& [key, value] : over.items()) {
        if (under.contains(key)) {
            merge_onto(under[key], value);
        } else {
            under[key] = value;
        }
    }
}

}  // namespace palimpsest
