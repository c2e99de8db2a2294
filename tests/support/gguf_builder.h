#pragma once
// Writes GGUF files, version 3, byte by byte. Shares nothing with src/engine.

#include <cstdint>
#include <string>
#include <vector>

#include "support/safetensors_builder.h"

namespace palimpsest {

class GgufBuilder {
  public:
    enum Type : std::uint32_t { kF32 = 0, kF16 = 1, kQ8 = 8, kQ4K = 12, kBf16 = 30 };

    void integer(const std::string& key, std::uint32_t value) { pair(key, 4, bytes_of(std::vector{value})); }
    void number(const std::string& key, float value) { pair(key, 6, bytes_of(std::vector{value})); }
    void flag(const std::string& key, bool value) { pair(key, 7, std::string(1, value ? '\1' : '\0')); }
    void text(const std::string& key, const std::string& value) { pair(key, 8, counted(value)); }
    void texts(const std::string& key, const std::vector<std::string>& values) {
        std::string bytes;
        for (const std::string& value : values) {
            bytes += counted(value);
        }
        array(key, 8, values.size(), bytes);
    }
    void numbers(const std::string& key, const std::vector<float>& values) {
        array(key, 6, values.size(), bytes_of(values));
    }
    void integers(const std::string& key, const std::vector<std::int32_t>& values) {
        array(key, 5, values.size(), bytes_of(values));
    }
    void array(const std::string& key, std::uint32_t type, std::uint64_t count, const std::string& bytes) {
        pair(key, 9, bytes_of(std::vector{type}) + bytes_of(std::vector{count}) + bytes);
    }
    void pair(const std::string& key, std::uint32_t type, const std::string& bytes) {
        metadata_ += counted(key) + bytes_of(std::vector{type}) + bytes;
        ++pairs_;
    }
    /// `dimensions`: the contiguous one first.
    void tensor(const std::string& name, std::uint32_t type, const std::vector<std::uint64_t>& dimensions,
                const std::string& bytes) {
        data_.append((alignment - data_.size() % alignment) % alignment, '\0');
        tensor_at(name, type, dimensions, data_.size());
        data_ += bytes;
    }
    void tensor(const std::string& name, const std::vector<std::uint64_t>& dimensions,
                const std::vector<float>& values) {
        tensor(name, kF32, dimensions, bytes_of(values));
    }
    /// One that lies wherever it says.
    void tensor_at(const std::string& name, std::uint32_t type, const std::vector<std::uint64_t>& dimensions,
                   std::uint64_t offset) {
        infos_ += counted(name) + bytes_of(std::vector{static_cast<std::uint32_t>(dimensions.size())}) +
                  bytes_of(dimensions) + bytes_of(std::vector{type}) + bytes_of(std::vector{offset});
        ++tensors_;
    }

    std::string file() const {
        std::string bytes =
            "GGUF" + bytes_of(std::vector{version}) + bytes_of(std::vector{tensors_, pairs_}) + metadata_ + infos_;
        bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
        return bytes + data_;
    }

    std::uint32_t version = 3;
    std::size_t alignment = 32;  ///< general.alignment is not written by itself

  private:
    static std::string counted(const std::string& text) {
        return bytes_of(std::vector{std::uint64_t{text.size()}}) + text;
    }

    std::uint64_t tensors_ = 0, pairs_ = 0;
    std::string metadata_, infos_, data_;
};

}  // namespace palimpsest
