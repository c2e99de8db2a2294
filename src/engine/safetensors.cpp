#include "engine/safetensors.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "config/json_document.h"
#include "engine/mapped_file.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kWhat = "a safetensors file";
constexpr std::uint64_t kLengthBytes = 8;
constexpr const char* kIndexName = "model.safetensors.index.json";

struct Dtype {
    const char* name;
    std::uint64_t bytes;
    std::optional<WeightType> weights;
};
constexpr std::array<Dtype, 15> kDtypes{{{"F32", 4, WeightType::f32},
                                         {"F16", 2, WeightType::f16},
                                         {"BF16", 2, WeightType::bf16},
                                         {"F64", 8, {}},
                                         {"BOOL", 1, {}},
                                         {"U8", 1, {}},
                                         {"I8", 1, {}},
                                         {"F8_E5M2", 1, {}},
                                         {"F8_E4M3", 1, {}},
                                         {"U16", 2, {}},
                                         {"I16", 2, {}},
                                         {"U32", 4, {}},
                                         {"I32", 4, {}},
                                         {"U64", 8, {}},
                                         {"I64", 8, {}}}};

struct Extent {
    std::uint64_t begin;
    std::uint64_t end;
    std::string name;
};

/// One file while it is read.
class HeaderReader {
  public:
    HeaderReader(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

    StoredTensors read() {
        const Json header = parse_header();
        StoredTensors tensors;
        for (const auto& [name, entry] : header.items()) {
            if (name != "__metadata__") {
                tensors.emplace(name, read_entry(name, entry));
            }
        }
        check_extents();
        return tensors;
    }

  private:
    [[noreturn]] void refuse(const std::string& name, const std::string& there, const std::string& accepted) const {
        throw InputError(path_, name.empty() ? name : "tensor " + name, there, accepted);
    }

    Json parse_header() {
        if (bytes_.size() < kLengthBytes) {
            refuse("", fmt::format("the file has {} bytes", bytes_.size()),
                   fmt::format("{}: the header's length in {} bytes first", kWhat, kLengthBytes));
        }
        std::uint64_t length = 0;
        for (std::size_t i = 0; i < kLengthBytes; ++i) {
            length |= std::uint64_t{std::to_integer<std::uint8_t>(bytes_[i])} << 8 * i;
        }
        if (length > bytes_.size() - kLengthBytes) {
            throw InputError(path_, "byte 0",
                             fmt::format("a header of {} bytes in a file of {}", length, bytes_.size()),
                             fmt::format("at most {}: {}", bytes_.size() - kLengthBytes, kWhat));
        }
        const auto* text = reinterpret_cast<const char*>(bytes_.data() + kLengthBytes);
        Json header = parse_json({text, static_cast<std::size_t>(length)}, path_ + " (header)");
        data_ = bytes_.subspan(kLengthBytes + length);
        if (!header.is_object()) {
            refuse("", "the header is " + quote_value(header), "an object with an entry for each tensor");
        }
        return header;
    }

    StoredTensor read_entry(const std::string& name, const Json& entry) {
        if (!entry.is_object()) {
            refuse(name, quote_value(entry), "an object with dtype, shape and data_offsets");
        }
        StoredTensor tensor;
        tensor.file = path_;
        const Json dtype = entry.value("dtype", Json());
        if (!dtype.is_string()) {
            refuse(name, "dtype is " + quote_value(dtype), "a name such as \"F16\"");
        }
        tensor.type = dtype.get<std::string>();
        tensor.shape = unsigned_list(name, entry, "shape");
        const std::vector<std::uint64_t> offsets = unsigned_list(name, entry, "data_offsets");
        if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_.size()) {
            refuse(name, "data_offsets is " + quote_value(entry["data_offsets"]),
                   fmt::format("[begin, end] within the {} bytes that follow the header", data_.size()));
        }
        tensor.data = data_.data() + offsets[0];
        const auto* known =
            std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return tensor.type == d.name; });
        if (known != kDtypes.end()) {
            check_size(name, tensor, known->bytes, offsets[1] - offsets[0]);
            tensor.weights = known->weights;
        }
        extents_.push_back({offsets[0], offsets[1], name});
        return tensor;
    }

    std::vector<std::uint64_t> unsigned_list(const std::string& name, const Json& entry, const char* key) const {
        const Json list = entry.value(key, Json());
        std::vector<std::uint64_t> result;
        if (list.is_array()) {
            for (const Json& item : list) {
                if (item.is_number_unsigned()) {
                    result.push_back(item.get<std::uint64_t>());
                }
            }
        }
        if (!list.is_array() || result.size() != list.size()) {
            refuse(name, fmt::format("{} is {}", key, quote_value(list)), "a list of integers, 0 or more");
        }
        return result;
    }

    void check_size(const std::string& name, const StoredTensor& tensor, std::uint64_t each,
                    std::uint64_t bytes) const {
        const bool nothing = std::find(tensor.shape.begin(), tensor.shape.end(), 0U) != tensor.shape.end();
        std::uint64_t expected = nothing ? 0 : each;
        bool fits = true;
        for (const std::uint64_t n : tensor.shape) {
            fits = fits && (n == 0 || expected <= std::numeric_limits<std::uint64_t>::max() / n);
            expected *= fits ? n : 1;
        }
        if (!fits || expected != bytes) {
            refuse(name, fmt::format("data_offsets span {} bytes", bytes),
                   fmt::format("{}, as dtype {} and shape {} say", fits ? std::to_string(expected) : "over 2^64",
                               tensor.type, Json(tensor.shape).dump()));
        }
    }

    /// The tensors lie one after another, from the first byte after the header to the file's last.
    void check_extents() {
        std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) {
            return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
        });
        std::uint64_t at = 0;
        for (const Extent& extent : extents_) {
            if (extent.begin != at) {
                refuse(extent.name,
                       fmt::format("data_offsets begin at {}, {}", extent.begin,
                                   extent.begin < at ? "inside the tensor before" : "after a gap"),
                       fmt::format("{}, where the tensor before ends", at));
            }
            at = extent.end;
        }
        if (at != data_.size()) {
            refuse("", fmt::format("{} bytes follow the last tensor", data_.size() - at),
                   "tensors that end with the file");
        }
    }

    const std::string& path_;
    std::span<const std::byte> bytes_;
    std::span<const std::byte> data_;
    std::vector<Extent> extents_;
};

/// The shards of an index, by file.
std::map<std::string, std::vector<std::string>> read_index(const std::string& path) {
    const Json index = read_json_file(path);
    const Json map = index.is_object() ? index.value("weight_map", Json()) : Json();
    if (!map.is_object() || map.empty()) {
        throw InputError(path, "weight_map", map.is_null() ? "is missing" : quote_value(map),
                         "an object that gives each tensor's file");
    }
    std::map<std::string, std::vector<std::string>> shards;
    for (const auto& [name, file] : map.items()) {
        // A name with folders in it could lead anywhere.
        if (!file.is_string() || std::filesystem::path(file.get<std::string>()).filename() != file.get<std::string>()) {
            throw InputError(path, "weight_map, tensor " + name, quote_value(file),
                             "the name of a file beside the index");
        }
        shards[file.get<std::string>()].push_back(name);
    }
    return shards;
}

}  // namespace

Safetensors read_safetensors(const std::string& path) {
    const auto file = std::make_shared<MappedFile>(path, kWhat);
    return {HeaderReader(path, file->bytes()).read(), file, path};
}

Safetensors read_safetensors_folder(const std::string& folder) {
    const std::filesystem::path base(folder);
    if (std::filesystem::exists(base / "model.safetensors")) {
        return read_safetensors((base / "model.safetensors").string());
    }
    const std::string index = (base / kIndexName).string();
    if (!std::filesystem::exists(index)) {
        throw InputError(folder, "", fmt::format("has neither model.safetensors nor {}", kIndexName),
                         "a model whose weights are in safetensors files");
    }
    Safetensors result;
    auto storage = std::make_shared<std::vector<std::shared_ptr<const void>>>();
    for (const auto& [name, tensors] : read_index(index)) {
        Safetensors shard = read_safetensors((base / name).string());
        for (const std::string& tensor : tensors) {
            const auto found = shard.tensors.find(tensor);
            if (found == shard.tensors.end()) {
                throw InputError(shard.first_file, "tensor " + tensor, "is missing",
                                 fmt::format("the tensors that {} says are here", index));
            }
            result.tensors.insert(shard.tensors.extract(found));
        }
        storage->push_back(shard.storage);
        if (result.first_file.empty()) {
            result.first_file = shard.first_file;
        }
    }
    result.storage = storage;
    return result;
}

}  // namespace palimpsest
