#pragma once
// Writes safetensors files, byte by byte. Shares nothing with src/engine.

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace palimpsest {

/// The bytes of values, little-endian.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Eight bytes of length, then the header as given, then the data.
inline std::string safetensors_file(const std::string& header, const std::string& data) {
    return bytes_of(std::vector<std::uint64_t>{header.size()}) + header + data;
}

class SafetensorsBuilder {
  public:
    void add(const std::string& name, const std::string& dtype, const std::vector<std::uint64_t>& shape,
             const std::string& bytes) {
        std::string sizes;
        for (const std::uint64_t size : shape) {
            sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
        }
        tensors_.emplace_back(name, fmt::format(R"({{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", dtype, sizes,
                                                data_.size(), data_.size() + bytes.size()));
        data_ += bytes;
    }
    void add(const std::string& name, const std::vector<std::uint64_t>& shape, const std::vector<float>& values) {
        add(name, "F32", shape, bytes_of(values));
    }

    /// The header is padded with spaces, so that the data begin at a multiple of 8 plus `misalignment`.
    std::string file(std::size_t misalignment = 0) const {
        std::string header = R"({"__metadata__":{"format":"pt"})";
        for (const auto& [name, entry] : tensors_) {
            header += fmt::format(R"(,"{}":{})", name, entry);
        }
        header += "}";
        header.append(7 - (header.size() + 7) % 8 + misalignment, ' ');
        return safetensors_file(header, data_);
    }

  private:
    std::vector<std::pair<std::string, std::string>> tensors_;
    std::string data_;
};

}  // namespace palimpsest
