#include "engine/json_node.h"

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "palimpsest/error.h"

namespace palimpsest {

const Json& JsonNode::value() const {
    static const Json kNull;
    return value_ == nullptr ? kNull : *value_;
}

JsonNode JsonNode::operator[](const std::string& key) const {
    if (!value().is_object()) {
        refuse("an object");
    }
    const auto found = value_->find(key);
    return {file_, found == value_->end() ? nullptr : &*found, join_path(path_, key)};
}

JsonNode JsonNode::at(std::size_t index) const {
    if (index >= size()) {
        refuse(fmt::format("more than {} elements", index));
    }
    return {file_, &(*value_)[index], join_path(path_, index)};
}

std::size_t JsonNode::size() const {
    if (!value().is_array()) {
        refuse("an array");
    }
    return value_->size();
}

const std::string& JsonNode::text() const {
    if (!value().is_string()) {
        refuse("a string");
    }
    return value_->get_ref<const std::string&>();
}

bool JsonNode::flag(std::optional<bool> fallback) const {
    if (absent() && fallback) {
        return *fallback;
    }
    if (!value().is_boolean()) {
        refuse("true or false");
    }
    return value_->get<bool>();
}

std::uint32_t JsonNode::number_below(std::uint32_t limit) const {
    if (!value().is_number_unsigned() || value_->get<std::uint64_t>() >= limit) {
        refuse(fmt::format("a whole number below {}", limit));
    }
    return value_->get<std::uint32_t>();
}

void JsonNode::refuse(const std::string& accepted) const {
    refuse(value_ == nullptr ? "missing" : quote_value(*value_), accepted);
}

void JsonNode::refuse(const std::string& what_is_there, const std::string& accepted) const {
    throw InputError(*file_, path_, what_is_there, accepted);
}

}  // namespace palimpsest
