#include "palimpsest/counters.h"

namespace palimpsest {
namespace {

struct ActionText {
    std::string_view name;
    std::string_view description;
};

constexpr std::array<ActionText, kActions> kActionTexts{{
    {"pe_mac", "one INT8 multiply with INT32 accumulate in a PE"},
    {"pe_weight_load", "one weight byte shifted through one PE's shadow register"},
    {"pe_register_hop", "one operand byte passed from a PE to its neighbour"},
    {"accumulator_access", "one INT32 partial sum read or written in the accumulator"},
    {"weight_buffer_read", "one word read from the weight buffer"},
    {"weight_buffer_write", "one word written to the weight buffer"},
    {"activation_buffer_read", "one word read from the activation buffer"},
    {"activation_buffer_write", "one word written to the activation buffer"},
    {"kv_buffer_read", "one word read from the KV buffer"},
    {"kv_buffer_write", "one word written to the KV buffer"},
    {"score_buffer_read", "one word read from the score buffer"},
    {"score_buffer_write", "one word written to the score buffer"},
    {"vector_lane_add", "one add, compare, move or requantise step in one vector lane"},
    {"vector_lane_multiply", "one multiply or multiply-add in one vector lane"},
    {"vector_lane_special", "one exponential, reciprocal, root or activation-function look-up in one vector lane"},
    {"dma_word", "one SRAM word moved through a DMA line buffer"},
    {"sequencer_command", "one command decoded, queued and retired"},
    {"kv_slot_table_read", "one entry read from the KV-MMU slot table"},
    {"kv_slot_table_write", "one entry written to the KV-MMU slot table"},
    {"kv_score_read", "one word read from the on-chip score store"},
    {"kv_score_write", "one word written to the on-chip score store"},
    {"kv_score_add", "one saturating accumulate of a token's score"},
    {"kv_victim_compare", "one compare of the victim unit"},
    {"kv_address", "one address made by the KV-MMU's address generator"},
    {"kv_write_combine", "one burst-sized entry through the write-combining buffer"},
    {"kv_position_compare", "one token position compared with a bound of the protected set"},
    {"dram_activate", "one ACT and its PRE, all devices of the rank"},
    {"dram_read", "one RD burst, all devices of the rank"},
    {"dram_write", "one WR burst, all devices of the rank"},
    {"dram_refresh", "one all-bank REF, all devices of the rank"},
    {"dram_io_bit", "one bit over the DRAM interface"},
}};

}  // namespace

std::string_view name_of(Action action) {
    return kActionTexts[static_cast<std::size_t>(action)].name;
}

std::string_view description_of(Action action) {
    return kActionTexts[static_cast<std::size_t>(action)].description;
}

std::string_view name_of(Traffic traffic) {
    static constexpr std::array<std::string_view, kTrafficClasses> names{"weights", "activations", "kv", "scores"};
    return names[static_cast<std::size_t>(traffic)];
}

ActionCounts& ActionCounts::operator+=(const ActionCounts& other) {
    for (std::size_t i = 0; i < kActions; ++i) {
        n[i] += other.n[i];
    }
    return *this;
}

ActionCounts ActionCounts::operator-(const ActionCounts& earlier) const {
    ActionCounts difference;
    for (std::size_t i = 0; i < kActions; ++i) {
        difference.n[i] = n[i] - earlier.n[i];
    }
    return difference;
}

}  // namespace palimpsest
