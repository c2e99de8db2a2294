#pragma once
// The named tensors of a model file, whatever its format, and how a reader of models takes them: each with the shape
// that the model must have, and all of them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/weight_matrix.h"

namespace palimpsest {

/// A tensor as it lies in a file.
struct StoredTensor {
    std::string type;                   ///< as the format calls it: "F16", "Q4_K"
    std::optional<WeightType> weights;  ///< none: a type that the engine cannot read
    std::vector<std::uint64_t> shape;   ///< row-major: the last dimension is contiguous
    const std::byte* data = nullptr;    ///< as many bytes as type and shape say, where the engine can read the type
    std::string file;
};
using StoredTensors = std::map<std::string, StoredTensor>;

/// What a model is built from. Throws InputError naming the tensor, what it is and what it should be.
class ModelTensors {
  public:
    struct Config {
        std::string file;            ///< named where a tensor is missing
        std::string shape_source;    ///< what the shapes follow from: "config.json"
        std::string readable;        ///< the types to offer where one cannot be read
        bool columns_first = false;  ///< shapes are shown with the contiguous dimension first, as in GGUF
    };
    /// `storage` is what the tensors' bytes lie in.
    ModelTensors(StoredTensors tensors, std::shared_ptr<const void> storage, Config config);

    bool has(const std::string& name) const { return tensors_.contains(name); }
    /// The tensor's shape, for counts that only it says; nothing where there is no such tensor.
    std::vector<std::uint64_t> shape(const std::string& name) const;
    /// Stored outputs x inputs.
    WeightMatrix matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs);
    /// Stored inputs x outputs.
    WeightMatrix transposed_matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs);
    std::vector<float> vector(const std::string& name, std::uint64_t size);
    /// Refuses a tensor that was not taken: the model then is another one than its reader knows.
    void expect_all_taken(const std::string& family, const std::function<bool(const std::string&)>& harmless) const;

    /// What the matrices point into.
    std::shared_ptr<const void> storage() const { return storage_; }

  private:
    struct Storage;

    const StoredTensor& take(const std::string& name, const std::vector<std::uint64_t>& shape);
    const std::byte* aligned(const StoredTensor& tensor, std::size_t values);
    std::string text(std::vector<std::uint64_t> shape) const;

    StoredTensors tensors_;
    std::shared_ptr<Storage> storage_;
    Config config_;
    std::map<std::string, bool> taken_;
};

/// "F32", "F16", "BF16", "Q8_0".
std::string weight_type_name(WeightType type);

}  // namespace palimpsest
