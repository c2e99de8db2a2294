#include "hardware/command.h"

namespace palimpsest {

std::string_view name_of(UnitId unit) {
    static constexpr std::array<std::string_view, kUnitCount> names{"dma_load", "dma_store", "pe_array", "vector_unit",
                                                                    "kv_mmu"};
    return names[static_cast<std::size_t>(unit)];
}

std::string_view name_of(BufferId buffer) {
    static constexpr std::array<std::string_view, kBufferCount> names{"weight", "activation", "kv", "score"};
    return names[static_cast<std::size_t>(buffer)];
}

std::string_view name_of(VectorKind kind) {
    static constexpr std::array<std::string_view, kVectorKinds> names{
        "softmax", "layer_norm", "rms_norm", "rope", "gelu", "relu", "silu_gate", "residual_add", "requantise", "copy"};
    return names[static_cast<std::size_t>(kind)];
}

}  // namespace palimpsest
