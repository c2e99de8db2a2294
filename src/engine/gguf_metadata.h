#pragma once
// What a GGUF file says about its model: values by key.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace palimpsest {

/// The file's codes of metadata types.
enum class GgufType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
inline constexpr std::uint32_t kGgufTypes = 13;

/// Numbers keep their bytes until asked for; arrays of arrays are passed over.
struct GgufArray {
    GgufType type = GgufType::u8;  ///< of the elements
    std::uint64_t count = 0;
    std::span<const std::byte> numbers;
    std::vector<std::string_view> texts;
};
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, GgufArray>;

/// Texts and numbers point into the file's bytes.
class GgufMetadata {
  public:
    explicit GgufMetadata(std::string path) : path_(std::move(path)) {}

    /// False where the key is there already.
    bool add(const std::string& key, GgufValue value) { return values_.emplace(key, std::move(value)).second; }

    /// Values by key; nothing where there is no such key. InputError where it holds another type.
    std::optional<std::uint64_t> integer(const std::string& key) const;  ///< 0 or more
    std::optional<double> number(const std::string& key) const;
    std::optional<bool> flag(const std::string& key) const;
    std::optional<std::string> text(const std::string& key) const;
    std::optional<std::vector<std::string>> texts(const std::string& key) const;
    std::optional<std::vector<float>> floats(const std::string& key) const;           ///< an array of float32
    std::optional<std::vector<std::int32_t>> integers(const std::string& key) const;  ///< an array of int32

    /// InputError about a key: what is there, and what would be accepted.
    [[noreturn]] void refuse(const std::string& key, const std::string& accepted) const;

  private:
    const GgufValue* find(const std::string& key) const;
    const GgufArray* array(const std::string& key, GgufType type, const std::string& accepted) const;
    template <class T>
    std::optional<T> one(const std::string& key, const std::string& accepted) const;
    template <class T>
    std::optional<std::vector<T>> numbers(const std::string& key, GgufType type, const std::string& accepted) const;

    std::string path_;
    std::map<std::string, GgufValue> values_;
};

}  // namespace palimpsest
