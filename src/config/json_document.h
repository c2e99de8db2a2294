#pragma once
// JSON files with errors that point at a line, and dotted paths into documents ("dram.timing.nCL",
// "operators[2].name").

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace palimpsest {

using Json = nlohmann::json;

/// Parses a file. InputError with file, line and column when it is not JSON, or when an object has a key twice.
Json read_json_file(const std::string& path);
Json parse_json(const std::string& text, const std::string& file);

/// Whole file as bytes; InputError when it cannot be read.
std::string read_text_file(const std::string& path);

/// "a.b[2].c" -> {"a", "b", "2", "c"}; "a.b.2.c" gives the same.
std::vector<std::string> split_path(std::string_view path);
/// `key` below `path`: "a" + "b" -> "a.b"; an index gives "a[2]".
std::string join_path(const std::string& path, const std::string& key);
std::string join_path(const std::string& path, std::size_t index);

/// The value at `path`, or null when it is not there.
const Json* find_path(const Json& document, std::string_view path);

/// {"value": x, "unit": ..., "source": ...}: the annotated form of a number.
bool is_annotated(const Json& value);

/// Replaces every annotated number by its value, and adds its source, if any, to `sources` by path.
Json strip_annotations(const Json& document, const std::string& path, Json& sources);

/// `over` laid on `under`: objects are merged key by key, all else (annotated numbers too) is replaced.
void merge_onto(Json& under, const Json& over);

}  // namespace palimpsest
