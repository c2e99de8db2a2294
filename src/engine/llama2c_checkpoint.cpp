#include "engine/llama2c_checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "engine/mapped_file.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kWhat = "a llama2.c checkpoint, format version 0";
constexpr std::size_t kHeaderFields = 7;
constexpr std::size_t kHeaderBytes = kHeaderFields * sizeof(std::int32_t);
constexpr std::int32_t kLaterVersionMagic = 0x616b3432;  // versions 1 and 2 begin with this

/// Hands out the file's tensors one after another and knows the name and place of each.
class TensorCursor {
  public:
    TensorCursor(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

    std::span<const float> take(const std::string& name, std::uint64_t count) {
        const std::uint64_t bytes = count * sizeof(float);
        if (bytes > bytes_.size() - offset_) {
            throw InputError(path_, fmt::format("byte {}", offset_),
                             fmt::format("the file has {} bytes and ends inside tensor {}", bytes_.size(), name),
                             fmt::format("{} bytes of {} here, as the header says", bytes, name));
        }
        const auto* first = reinterpret_cast<const float*>(bytes_.data() + offset_);
        offset_ += bytes;
        return {first, static_cast<std::size_t>(count)};
    }
    WeightMatrix take_matrix(const std::string& name, std::uint32_t outputs, std::uint32_t inputs) {
        return float_matrix(take(name, std::uint64_t{outputs} * inputs), outputs, inputs);
    }
    std::vector<float> take_vector(const std::string& name, std::uint64_t count) {
        const auto values = take(name, count);
        return {values.begin(), values.end()};
    }
    void expect_end() const {
        if (offset_ != bytes_.size()) {
            throw InputError(path_, fmt::format("byte {}", offset_),
                             fmt::format("{} bytes follow the last tensor", bytes_.size() - offset_),
                             fmt::format("a file of {} bytes, as the header says", offset_));
        }
    }

  private:
    const std::string& path_;
    std::span<const std::byte> bytes_;
    std::size_t offset_ = kHeaderBytes;
};

std::string model_name(const std::string& path) {
    const auto absolute = std::filesystem::absolute(path);
    const std::string stem = absolute.stem().string();
    return stem == "model" ? absolute.parent_path().filename().string() : stem;
}

ModelShape read_shape(const std::string& path, std::span<const std::byte> bytes) {
    if (bytes.size() < kHeaderBytes) {
        throw InputError(path, "", fmt::format("the file has {} bytes", bytes.size()),
                         fmt::format("{}: a header of {} bytes first", kWhat, kHeaderBytes));
    }
    std::array<std::int32_t, kHeaderFields> field{};
    std::memcpy(field.data(), bytes.data(), kHeaderBytes);
    if (field[0] == kLaterVersionMagic) {
        throw InputError(path, "byte 0", "a llama2.c checkpoint of a later format version", kWhat);
    }
    static constexpr std::array<const char*, kHeaderFields> kNames = {"hidden",   "ffn_hidden", "layers",       "heads",
                                                                      "kv_heads", "vocabulary", "max_positions"};
    static constexpr std::array<std::int32_t, kHeaderFields> kMost = {1 << 16, 1 << 18, 1 << 10, 1 << 10,
                                                                      1 << 10, 1 << 22, 1 << 24};
    for (std::size_t i = 0; i < kHeaderFields; ++i) {
        const std::int64_t value = i == 5 ? std::abs(std::int64_t{field[i]}) : field[i];
        if (value < 1 || value > kMost[i]) {
            throw InputError(path, fmt::format("byte {} ({})", i * sizeof(std::int32_t), kNames[i]),
                             fmt::format("{}", field[i]), fmt::format("1 to {} ({})", kMost[i], kWhat));
        }
    }
    ModelShape shape;
    shape.name = model_name(path);
    shape.family = "llama";
    shape.hidden = static_cast<std::uint32_t>(field[0]);
    shape.ffn_hidden = static_cast<std::uint32_t>(field[1]);
    shape.layers = static_cast<std::uint32_t>(field[2]);
    shape.heads = static_cast<std::uint32_t>(field[3]);
    shape.kv_heads = static_cast<std::uint32_t>(field[4]);
    shape.vocabulary = static_cast<std::uint32_t>(std::abs(field[5]));
    shape.max_positions = static_cast<std::uint32_t>(field[6]);
    shape.tied_embeddings = field[5] > 0;
    shape.normalisation = Normalisation::rms_norm;
    shape.activation = Activation::silu_gated;
    shape.positions = PositionEncoding::rope;
    if (shape.hidden % shape.heads != 0 || shape.hidden / shape.heads % 2 != 0) {
        throw InputError(path, "byte 12 (heads)", fmt::format("{} heads of {} hidden", shape.heads, shape.hidden),
                         "heads that divide hidden into even parts");
    }
    if (shape.heads % shape.kv_heads != 0) {
        throw InputError(path, "byte 16 (kv_heads)", fmt::format("{} of {} heads", shape.kv_heads, shape.heads),
                         "kv_heads that divide heads");
    }
    shape.head_dim = shape.hidden / shape.heads;
    return shape;
}

}  // namespace

DecoderWeights read_llama2c_model(const std::string& path) {
    const auto file = std::make_shared<MappedFile>(path, kWhat);
    DecoderWeights weights;
    weights.shape = read_shape(path, file->bytes());
    weights.storage = file;

    const ModelShape& s = weights.shape;
    const std::uint32_t hidden = s.hidden;
    TensorCursor cursor(path, file->bytes());
    weights.layers.resize(s.layers);
    const auto norms = [&](const std::string& name, Norm DecoderLayerWeights::*norm) {
        for (std::uint32_t i = 0; i < s.layers; ++i) {
            (weights.layers[i].*norm).weight = cursor.take_vector(fmt::format("{} of layer {}", name, i), hidden);
        }
    };
    const auto matrices = [&](const std::string& name, Linear DecoderLayerWeights::*linear, std::uint32_t outputs,
                              std::uint32_t inputs) {
        for (std::uint32_t i = 0; i < s.layers; ++i) {
            (weights.layers[i].*linear).weight =
                cursor.take_matrix(fmt::format("{} of layer {}", name, i), outputs, inputs);
        }
    };
    weights.token_embedding = cursor.take_matrix("token_embedding", s.vocabulary, hidden);
    norms("attention_norm", &DecoderLayerWeights::attention_norm);
    matrices("query", &DecoderLayerWeights::query, s.q_width(), hidden);
    matrices("key", &DecoderLayerWeights::key, s.kv_width(), hidden);
    matrices("value", &DecoderLayerWeights::value, s.kv_width(), hidden);
    matrices("output", &DecoderLayerWeights::output, hidden, s.q_width());
    norms("ffn_norm", &DecoderLayerWeights::ffn_norm);
    matrices("gate", &DecoderLayerWeights::gate, s.ffn_hidden, hidden);
    matrices("down", &DecoderLayerWeights::down, hidden, s.ffn_hidden);
    matrices("up", &DecoderLayerWeights::up, s.ffn_hidden, hidden);
    weights.final_norm.weight = cursor.take_vector("final_norm", hidden);
    // Two tables of rotary angles that the engine computes itself.
    cursor.take("rotary_cosines", std::uint64_t{s.max_positions} * (s.head_dim / 2));
    cursor.take("rotary_sines", std::uint64_t{s.max_positions} * (s.head_dim / 2));
    weights.classifier =
        s.tied_embeddings ? weights.token_embedding : cursor.take_matrix("classifier", s.vocabulary, hidden);
    cursor.expect_end();
    return weights;
}

}  // namespace palimpsest
