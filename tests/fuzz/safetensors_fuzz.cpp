// Any bytes as a safetensors file, whose tensors are then taken as matrices and read to the last value.

#include <cstdint>
#include <limits>

#include "engine/safetensors.h"
#include "fuzz/fuzz_entry.h"
#include "support/safetensors_builder.h"

namespace palimpsest {
namespace {

void read_values(const Safetensors& file) {
    ModelTensors tensors(file.tensors, file.storage,
                         {.file = file.first_file, .shape_source = "the test", .readable = "others"});
    for (const auto& [name, tensor] : file.tensors) {
        const bool is_matrix = tensor.shape.size() == 2 && tensor.shape[0] > 0 && tensor.shape[1] > 0 &&
                               tensor.shape[0] <= std::numeric_limits<std::uint32_t>::max();
        if (tensor.weights && is_matrix) {
            const WeightMatrix matrix = tensors.matrix(name, tensor.shape[0], tensor.shape[1]);
            std::vector<float> row(matrix.stored_columns());
            for (std::uint32_t i = 0; i < matrix.stored_rows(); ++i) {
                convert_rows(matrix, i, 1, row);
            }
        } else {
            tensors.vector(name, tensor.shape.size() == 1 ? tensor.shape[0] : 1);
        }
    }
}

}  // namespace

const unsigned kFuzzMutations = 10000;

void fuzz_one(std::string_view input) {
    const InputFile file(input);
    read_values(read_safetensors(file.path()));
}

std::vector<std::string> fuzz_seeds() {
    SafetensorsBuilder one, several;
    one.add("w", {2, 3}, {1, 2, 3, 4, 5, 6});
    several.add("a.weight", "F16", {2, 2}, "abcdefgh");
    several.add("a.bias", "BF16", {2}, "ijkl");
    several.add("b", {1}, {1});
    return {one.file(), one.file(1), several.file()};
}

}  // namespace palimpsest
