#pragma once
// Config structs from and to plain JSON (no annotations), through fields.h. The document has passed its schema before
// it is read, so that a wrong type here is a gap between schema and structs.

#include <string>

#include "config/fields.h"
#include "config/json_document.h"
#include "palimpsest/error.h"

namespace palimpsest {

/// Sets the members whose keys are in the document and leaves the others at their defaults.
class FieldReader {
  public:
    explicit FieldReader(const Json& document) : document_(document) {}

    template <class T>
    void operator()(const char* key, T& member) {
        if (!document_.is_object() || !document_.contains(key)) {
            return;
        }
        const Json& value = document_[key];
        if constexpr (std::is_enum_v<T>) {
            for (const auto& entry : names_of(T{})) {
                if (entry.name == value.get<std::string>()) {
                    member = entry.value;
                    return;
                }
            }
            throw InputError("", key, value.dump(), "a value that the schema lists");
        } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
            member = value.get<T>();
        } else {
            FieldReader nested(value);
            fields(nested, member);
        }
    }

  private:
    const Json& document_;
};

/// Writes every member, defaults included.
class FieldWriter {
  public:
    explicit FieldWriter(Json& document) : document_(document) { document_ = Json::object(); }

    template <class T>
    void operator()(const char* key, const T& member) {
        if constexpr (std::is_enum_v<T>) {
            document_[key] = std::string(config_name(member));
        } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
            document_[key] = member;
        } else {
            FieldWriter nested(document_[key]);
            fields(nested, member);
        }
    }

  private:
    Json& document_;
};

template <class T>
void read_fields(const Json& document, T& config) {
    FieldReader reader(document);
    fields(reader, config);
}

template <class T>
Json write_fields(const T& config) {
    Json document;
    FieldWriter writer(document);
    fields(writer, config);
    return document;
}

}  // namespace palimpsest
