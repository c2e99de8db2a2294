#include "engine/gguf_metadata.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

std::string describe(const GgufValue& value) {
    return std::visit(
        [](const auto& held) {
            using T = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<T, GgufArray>) {
                return fmt::format("an array of {}", held.count);
            } else if constexpr (std::is_same_v<T, std::string_view>) {
                constexpr std::size_t kShown = 60;
                return fmt::format("value \"{}\"{}", held.substr(0, kShown), held.size() > kShown ? "..." : "");
            } else {
                return fmt::format("value {}", held);
            }
        },
        value);
}

}  // namespace

const GgufValue* GgufMetadata::find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

void GgufMetadata::refuse(const std::string& key, const std::string& accepted) const {
    const GgufValue* value = find(key);
    throw InputError(path_, key, value == nullptr ? "is missing" : describe(*value), accepted);
}

template <class T>
std::optional<T> GgufMetadata::one(const std::string& key, const std::string& accepted) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!std::holds_alternative<T>(*value)) {
        refuse(key, accepted);
    }
    return std::get<T>(*value);
}

std::optional<std::uint64_t> GgufMetadata::integer(const std::string& key) const {
    const GgufValue* value = find(key);
    if (value != nullptr && std::holds_alternative<std::int64_t>(*value) && std::get<std::int64_t>(*value) >= 0) {
        return static_cast<std::uint64_t>(std::get<std::int64_t>(*value));
    }
    return one<std::uint64_t>(key, "an integer, 0 or more");
}

std::optional<double> GgufMetadata::number(const std::string& key) const {
    const GgufValue* value = find(key);
    if (value != nullptr && std::holds_alternative<std::uint64_t>(*value)) {
        return static_cast<double>(std::get<std::uint64_t>(*value));
    }
    return one<double>(key, "a number");
}

std::optional<bool> GgufMetadata::flag(const std::string& key) const {
    return one<bool>(key, "true or false");
}

std::optional<std::string> GgufMetadata::text(const std::string& key) const {
    const auto value = one<std::string_view>(key, "a string");
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

const GgufArray* GgufMetadata::array(const std::string& key, GgufType type, const std::string& accepted) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return nullptr;
    }
    const auto* held = std::get_if<GgufArray>(value);
    if (held == nullptr || held->type != type) {
        refuse(key, accepted);
    }
    return held;
}

template <class T>
std::optional<std::vector<T>> GgufMetadata::numbers(const std::string& key, GgufType type,
                                                    const std::string& accepted) const {
    const GgufArray* found = array(key, type, accepted);
    if (found == nullptr) {
        return std::nullopt;
    }
    std::vector<T> result(found->count);
    std::ranges::copy(found->numbers, std::as_writable_bytes(std::span(result)).begin());
    return result;
}

std::optional<std::vector<std::string>> GgufMetadata::texts(const std::string& key) const {
    const GgufArray* found = array(key, GgufType::text, "an array of strings");
    if (found == nullptr) {
        return std::nullopt;
    }
    return std::vector<std::string>(found->texts.begin(), found->texts.end());
}

std::optional<std::vector<float>> GgufMetadata::floats(const std::string& key) const {
    return numbers<float>(key, GgufType::f32, "an array of float32");
}

std::optional<std::vector<std::int32_t>> GgufMetadata::integers(const std::string& key) const {
    return numbers<std::int32_t>(key, GgufType::i32, "an array of int32");
}

}  // namespace palimpsest
