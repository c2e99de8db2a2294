#include "engine/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "engine/mapped_file.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kWhat = "a GGUF file of version 2 or 3, little-endian";
constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::size_t kHeaderBytes = 24;

/// By type; 0 where a length comes with the value.
constexpr std::array<std::uint64_t, kGgufTypes> kTypeBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
std::uint64_t bytes_of(GgufType type) {
    return kTypeBytes[static_cast<std::uint32_t>(type)];
}

/// Names of tensor types by code; empty where there is none.
constexpr std::array<const char*, 40> kTensorTypes{
    "F32",    "F16",   "Q4_0",  "Q4_1",   "",      "",      "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
    "Q2_K",   "Q3_K",  "Q4_K",  "Q5_K",   "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
    "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
    "BF16",   "",      "",      "",       "TQ1_0", "TQ2_0", "",        "",       "",        "MXFP4"};
constexpr std::uint64_t kQ8Block = 32;

std::string tensor_type_name(std::uint32_t code) {
    const bool named = code < kTensorTypes.size() && *kTensorTypes[code] != '\0';
    return named ? kTensorTypes[code] : fmt::format("of type {}", code);
}

std::optional<WeightType> weight_type(const std::string& name) {
    for (const WeightType type : {WeightType::f32, WeightType::f16, WeightType::bf16, WeightType::q8_0}) {
        if (name == weight_type_name(type)) {
            return type;
        }
    }
    return std::nullopt;
}

/// Takes one value after another from the front of the file; `what` names each for the message that it is cut off.
class Cursor {
  public:
    Cursor(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

    template <class T>
    T take(const std::string& what) {
        T value{};
        std::memcpy(&value, take_bytes(sizeof(T), what).data(), sizeof(T));
        return value;
    }
    std::span<const std::byte> take_bytes(std::uint64_t count, const std::string& what) {
        if (count > left()) {
            refuse(fmt::format("{} takes {} bytes, and {} are left", what, count, left()), "a file that is whole");
        }
        const auto taken = bytes_.subspan(offset_, count);
        offset_ += count;
        return taken;
    }
    std::string_view take_text(const std::string& what) {
        const auto length = take<std::uint64_t>("the length of " + what);
        const auto taken = take_bytes(length, what);
        return {reinterpret_cast<const char*>(taken.data()), taken.size()};
    }
    /// A count of things that take at least `each` bytes.
    std::uint64_t take_count(const std::string& what, std::uint64_t each) {
        const auto count = take<std::uint64_t>("the number of " + what);
        if (count > left() / each) {
            refuse(fmt::format("{} {} in the {} bytes left", count, what, left()),
                   fmt::format("at most {}", left() / each));
        }
        return count;
    }

    std::uint64_t left() const { return bytes_.size() - offset_; }
    std::uint64_t offset() const { return offset_; }
    [[noreturn]] void refuse(const std::string& there, const std::string& accepted) const {
        throw InputError(path_, fmt::format("byte {}", offset_), there, accepted);
    }

  private:
    const std::string& path_;
    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
};

GgufValue to_value(GgufType type, std::span<const std::byte> bytes) {
    const auto as = [&]<class T>(T value) {
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    };
    switch (type) {
        case GgufType::u8:
            return std::uint64_t{as(std::uint8_t{})};
        case GgufType::i8:
            return std::int64_t{as(std::int8_t{})};
        case GgufType::u16:
            return std::uint64_t{as(std::uint16_t{})};
        case GgufType::i16:
            return std::int64_t{as(std::int16_t{})};
        case GgufType::u32:
            return std::uint64_t{as(std::uint32_t{})};
        case GgufType::i32:
            return std::int64_t{as(std::int32_t{})};
        case GgufType::f32:
            return double{as(float{})};
        case GgufType::boolean:
            return as(std::uint8_t{}) != 0;
        case GgufType::u64:
            return as(std::uint64_t{});
        case GgufType::i64:
            return as(std::int64_t{});
        default:
            return as(double{});
    }
}

class MetadataReader {
  public:
    explicit MetadataReader(Cursor& cursor) : cursor_(cursor) {}

    GgufValue read_value(const std::string& key) {
        const GgufType type = take_type(key);
        if (type == GgufType::text) {
            return cursor_.take_text(key);
        }
        if (type == GgufType::array) {
            return read_array(key, 0);
        }
        return to_value(type, cursor_.take_bytes(bytes_of(type), key));
    }

  private:
    GgufType take_type(const std::string& key) {
        const auto type = cursor_.take<std::uint32_t>("the type of " + key);
        if (type >= kGgufTypes) {
            cursor_.refuse(fmt::format("{} has type {}", key, type), fmt::format("0 to {}", kGgufTypes - 1));
        }
        return static_cast<GgufType>(type);
    }

    GgufArray read_array(const std::string& key, int depth) {
        constexpr int kDeepest = 8;
        if (depth > kDeepest) {
            cursor_.refuse(fmt::format("{} nests arrays more than {} deep", key, kDeepest), "flatter metadata");
        }
        GgufArray array;
        array.type = take_type(key);
        constexpr std::uint64_t kTextBytes = 8, kArrayBytes = 12;  // an empty one's
        const std::uint64_t each = array.type == GgufType::text    ? kTextBytes
                                   : array.type == GgufType::array ? kArrayBytes
                                                                   : bytes_of(array.type);
        array.count = cursor_.take_count("elements of " + key, each);
        if (array.type == GgufType::text) {
            array.texts.reserve(array.count);
            for (std::uint64_t i = 0; i < array.count; ++i) {
                array.texts.push_back(cursor_.take_text(key));
            }
        } else if (array.type == GgufType::array) {
            for (std::uint64_t i = 0; i < array.count; ++i) {
                read_array(key, depth + 1);
            }
        } else {
            array.numbers = cursor_.take_bytes(array.count * each, key);
        }
        return array;
    }

    Cursor& cursor_;
};

/// What the file says of a tensor before its data's place is known.
struct TensorInfo {
    std::string name;
    std::uint32_t type = 0;
    std::vector<std::uint64_t> dimensions;  ///< the contiguous one first
    std::uint64_t offset = 0;
};

TensorInfo read_info(Cursor& cursor) {
    constexpr std::uint32_t kMostDimensions = 4;
    TensorInfo info;
    info.name = cursor.take_text("a tensor's name");
    const std::string what = "tensor " + info.name;
    const auto dimensions = cursor.take<std::uint32_t>(what);
    if (dimensions < 1 || dimensions > kMostDimensions) {
        cursor.refuse(fmt::format("{} has {} dimensions", what, dimensions), fmt::format("1 to {}", kMostDimensions));
    }
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        info.dimensions.push_back(cursor.take<std::uint64_t>(what));
    }
    info.type = cursor.take<std::uint32_t>(what);
    info.offset = cursor.take<std::uint64_t>(what);
    return info;
}

/// Gives tensors their data, which begins at `begin`.
class TensorPlacer {
  public:
    TensorPlacer(const std::string& path, std::span<const std::byte> data, std::uint64_t alignment)
        : path_(path), data_(data), alignment_(alignment) {}

    StoredTensor place(const TensorInfo& info) {
        StoredTensor tensor;
        tensor.type = tensor_type_name(info.type);
        tensor.weights = weight_type(tensor.type);
        tensor.shape.assign(info.dimensions.rbegin(), info.dimensions.rend());
        tensor.file = path_;
        if (info.offset % alignment_ != 0 || info.offset > data_.size()) {
            refuse(info, fmt::format("its data begins at {} of the {} bytes of tensor data", info.offset, data_.size()),
                   fmt::format("a multiple of {} within them", alignment_));
        }
        tensor.data = data_.data() + info.offset;
        if (tensor.weights) {
            const std::uint64_t bytes = size_of(info, *tensor.weights);
            if (bytes > data_.size() - info.offset) {
                refuse(info, fmt::format("its data takes {} bytes, and {} are left", bytes, data_.size() - info.offset),
                       "a file that is whole");
            }
            extents_.emplace_back(info.offset, info.offset + bytes, info.name);
        }
        return tensor;
    }

    void expect_no_overlap() {
        std::sort(extents_.begin(), extents_.end());
        for (std::size_t i = 1; i < extents_.size(); ++i) {
            if (std::get<0>(extents_[i]) < std::get<1>(extents_[i - 1])) {
                throw InputError(path_, "tensor " + std::get<2>(extents_[i]),
                                 "its data overlaps that of " + std::get<2>(extents_[i - 1]), "tensors side by side");
            }
        }
    }

  private:
    [[noreturn]] void refuse(const TensorInfo& info, const std::string& there, const std::string& accepted) const {
        throw InputError(path_, "tensor " + info.name, there, accepted);
    }

    std::uint64_t size_of(const TensorInfo& info, WeightType type) const {
        // At the size of the widest type, so that what follows cannot overflow.
        std::uint64_t left = std::numeric_limits<std::uint64_t>::max() / sizeof(float);
        std::uint64_t count = 1;
        for (const std::uint64_t n : info.dimensions) {
            if (n < 1 || n > left) {
                refuse(info, fmt::format("has a dimension of {}", n), "1 or more elements that fit the file");
            }
            left /= n;
            count *= n;
        }
        if (type == WeightType::q8_0 && info.dimensions[0] % kQ8Block != 0) {
            refuse(info, fmt::format("is Q8_0 with rows of {}", info.dimensions[0]),
                   fmt::format("rows of a multiple of {}", kQ8Block));
        }
        return weight_bytes(type, count);
    }

    const std::string& path_;
    std::span<const std::byte> data_;
    std::uint64_t alignment_;
    std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> extents_;
};

std::uint32_t read_version(const std::string& path, Cursor& cursor) {
    if (cursor.left() < kHeaderBytes || cursor.take<std::uint32_t>("the magic") != kMagic) {
        throw InputError(path, "byte 0", "no GGUF header", kWhat);
    }
    const auto version = cursor.take<std::uint32_t>("the version");
    if (version != 2 && version != 3) {
        throw InputError(path, "byte 4", fmt::format("version {}", version), kWhat);
    }
    return version;
}

std::uint64_t read_alignment(const GgufMetadata& metadata) {
    constexpr std::uint64_t kUsual = 32, kMost = 1U << 20U;
    const char* key = "general.alignment";
    const std::uint64_t alignment = metadata.integer(key).value_or(kUsual);
    if (alignment < sizeof(float) || alignment > kMost || !std::has_single_bit(alignment)) {
        metadata.refuse(key, fmt::format("a power of two, 4 to {}", kMost));
    }
    return alignment;
}

}  // namespace

GgufFile read_gguf(const std::string& path) {
    const auto mapping = std::make_shared<MappedFile>(path, kWhat);
    GgufFile file{.path = path, .version = 0, .metadata = GgufMetadata(path), .tensors = {}, .storage = mapping};
    Cursor cursor(path, mapping->bytes());
    file.version = read_version(path, cursor);
    constexpr std::uint64_t kLeastInfo = 32, kLeastPair = 13;  // bytes of the smallest tensor and of the smallest pair
    const std::uint64_t tensors = cursor.take_count("tensors", kLeastInfo);
    const std::uint64_t pairs = cursor.take_count("metadata entries", kLeastPair);
    for (std::uint64_t i = 0; i < pairs; ++i) {
        const std::string key(cursor.take_text("a metadata key"));
        if (!file.metadata.add(key, MetadataReader(cursor).read_value(key))) {
            cursor.refuse("metadata key " + key + " appears twice", "each key once");
        }
    }
    std::vector<TensorInfo> infos;
    infos.reserve(tensors);
    for (std::uint64_t i = 0; i < tensors; ++i) {
        infos.push_back(read_info(cursor));
    }
    const std::uint64_t alignment = read_alignment(file.metadata);
    const std::uint64_t padding = (alignment - cursor.offset() % alignment) % alignment;
    const std::uint64_t begin = cursor.offset() + std::min(padding, cursor.left());
    TensorPlacer placer(path, mapping->bytes().subspan(begin), alignment);
    for (const TensorInfo& info : infos) {
        if (!file.tensors.emplace(info.name, placer.place(info)).second) {
            throw InputError(path, "tensor " + info.name, "appears twice", "each tensor once");
        }
    }
    placer.expect_no_overlap();
    return file;
}

}  // namespace palimpsest
