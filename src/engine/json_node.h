#pragma once
// A value in a JSON file together with its place, so that whoever reads it can say what is wrong where.

#include <cstdint>
#include <optional>
#include <string>

#include "config/json_document.h"

namespace palimpsest {

class JsonNode {
  public:
    /// Both must outlive the node and those taken from it.
    JsonNode(const std::string& file, const Json& value) : JsonNode(&file, &value, "") {}

    /// Not there, or null.
    bool absent() const { return value_ == nullptr || value_->is_null(); }
    const std::string& path() const { return path_; }
    const Json& value() const;

    /// A member of an object, which may be absent. Throws where this is something else.
    JsonNode operator[](const std::string& key) const;
    /// An element of an array; size() throws where this is something else.
    JsonNode at(std::size_t index) const;
    std::size_t size() const;

    /// Throw InputError where the value is of another type; an absent one is `fallback`, or an error without.
    const std::string& text() const;
    bool flag(std::optional<bool> fallback = std::nullopt) const;
    /// A whole number below `limit`.
    std::uint32_t number_below(std::uint32_t limit) const;

    /// Throws InputError: the value is not what can be read, which is `accepted`.
    [[noreturn]] void refuse(const std::string& accepted) const;
    [[noreturn]] void refuse(const std::string& what_is_there, const std::string& accepted) const;

  private:
    JsonNode(const std::string* file, const Json* value, std::string path)
        : file_(file), value_(value), path_(std::move(path)) {}

    const std::string* file_;
    const Json* value_;
    std::string path_;
};

}  // namespace palimpsest
