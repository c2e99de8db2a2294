#include "engine/model_tensors.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "palimpsest/error.h"

namespace palimpsest {

struct ModelTensors::Storage {
    std::shared_ptr<const void> files;
    std::deque<std::vector<float>> copies;  ///< of floats that lie at addresses no float may have
};

ModelTensors::ModelTensors(StoredTensors tensors, std::shared_ptr<const void> storage, Config config)
    : tensors_(std::move(tensors)), storage_(std::make_shared<Storage>()), config_(std::move(config)) {
    storage_->files = std::move(storage);
}

std::vector<std::uint64_t> ModelTensors::shape(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::vector<std::uint64_t>{} : found->second.shape;
}

std::string ModelTensors::text(std::vector<std::uint64_t> shape) const {
    if (config_.columns_first) {
        std::reverse(shape.begin(), shape.end());
    }
    std::vector<std::string> sizes;
    sizes.reserve(shape.size());
    for (const std::uint64_t size : shape) {
        sizes.push_back(std::to_string(size));
    }
    return fmt::format("[{}]", join_names(sizes));
}

const StoredTensor& ModelTensors::take(const std::string& name, const std::vector<std::uint64_t>& shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
        throw InputError(config_.file, "tensor " + name, "is missing",
                         fmt::format("one of shape {}, as {} says", text(shape), config_.shape_source));
    }
    const StoredTensor& tensor = found->second;
    if (!tensor.weights) {
        throw InputError(tensor.file, "tensor " + name, "is " + tensor.type, config_.readable);
    }
    if (tensor.shape != shape) {
        throw InputError(tensor.file, "tensor " + name, "has shape " + text(tensor.shape),
                         fmt::format("{}, as {} says", text(shape), config_.shape_source));
    }
    taken_[name] = true;
    return tensor;
}

const std::byte* ModelTensors::aligned(const StoredTensor& tensor, std::size_t values) {
    if (*tensor.weights != WeightType::f32 || reinterpret_cast<std::uintptr_t>(tensor.data) % alignof(float) == 0) {
        return tensor.data;
    }
    std::vector<float>& copy = storage_->copies.emplace_back(values);
    std::memcpy(copy.data(), tensor.data, values * sizeof(float));
    return reinterpret_cast<const std::byte*>(copy.data());
}

WeightMatrix ModelTensors::matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
    const StoredTensor& tensor = take(name, {outputs, inputs});
    return {.type = *tensor.weights,
            .data = aligned(tensor, outputs * inputs),
            .outputs = static_cast<std::uint32_t>(outputs),
            .inputs = static_cast<std::uint32_t>(inputs),
            .stride = inputs};
}

WeightMatrix ModelTensors::transposed_matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
    WeightMatrix result = matrix(name, inputs, outputs);
    std::swap(result.outputs, result.inputs);
    result.transposed = true;
    return result;
}

std::vector<float> ModelTensors::vector(const std::string& name, std::uint64_t size) {
    const StoredTensor& tensor = take(name, {size});
    const WeightMatrix row{.type = *tensor.weights,
                           .data = tensor.data,
                           .outputs = 1,
                           .inputs = static_cast<std::uint32_t>(size),
                           .stride = size};
    std::vector<float> result(size);
    convert_rows(row, 0, 1, result);
    return result;
}

void ModelTensors::expect_all_taken(const std::string& family,
                                    const std::function<bool(const std::string&)>& harmless) const {
    for (const auto& [name, tensor] : tensors_) {
        if (!taken_.contains(name) && !harmless(name)) {
            throw InputError(tensor.file, "tensor " + name, fmt::format("is no part of a {} model", family),
                             fmt::format("the tensors of {} as {} describes it", family, config_.shape_source));
        }
    }
}

std::string weight_type_name(WeightType type) {
    switch (type) {
        case WeightType::f32:
            return "F32";
        case WeightType::f16:
            return "F16";
        case WeightType::bf16:
            return "BF16";
        case WeightType::q8_0:
            return "Q8_0";
    }
    throw std::logic_error("weight type that does not exist");
}

}  // namespace palimpsest
