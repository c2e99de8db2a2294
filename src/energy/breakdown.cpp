#include "energy/breakdown.h"

namespace palimpsest {

std::string_view name_of(EnergyBlock block) {
    static constexpr std::array<std::string_view, kEnergyBlocks> names{
        "pe_array",  "vector_unit", "weight_buffer", "activation_buffer", "kv_buffer", "score_buffer", "dma",
        "sequencer", "kv_mmu",      "dram"};
    return names[static_cast<std::size_t>(block)];
}

std::string_view name_of(EnergyPhase phase) {
    static constexpr std::array<std::string_view, kEnergyPhases> names{"prefill", "generation", "operators",
                                                                       "mixed",   "idle",       "other"};
    return names[static_cast<std::size_t>(phase)];
}

std::string_view name_of(EnergyClass energy_class) {
    static constexpr std::array<std::string_view, kEnergyClasses> names{
        "compute", "on_chip_memory", "dram_kv", "dram_weights", "dram_activations", "dram_scores", "kv_mmu", "static"};
    return names[static_cast<std::size_t>(energy_class)];
}

}  // namespace palimpsest
