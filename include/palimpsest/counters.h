#pragma once
// Everything the machine counts that costs energy. One flat array of plain integers; each action is named and described
// once in the table of counters.cpp, and the cost table (configs/cost/*.json) has one entry an action, by that name.

#include <array>
#include <cstdint>
#include <string_view>

namespace palimpsest {

enum class Action : std::uint8_t {
    pe_mac,              ///< one INT8 x INT8 multiply and INT32 add
    pe_weight_load,      ///< one weight byte shifted through one PE's shadow register
    pe_register_hop,     ///< one operand byte passed from a PE to its neighbour
    accumulator_access,  ///< one INT32 partial sum read or written in the accumulator
    weight_buffer_read,  ///< one SRAM word (32 B by default), and so on for the other buffers
    weight_buffer_write,
    activation_buffer_read,
    activation_buffer_write,
    kv_buffer_read,
    kv_buffer_write,
    score_buffer_read,
    score_buffer_write,
    vector_lane_add,       ///< one lane: add, compare, move, requantise step
    vector_lane_multiply,  ///< one lane: multiply or multiply-add
    vector_lane_special,   ///< one lane: exponential, reciprocal, root, GELU/SiLU table
    dma_word,              ///< one SRAM word moved through a DMA line buffer
    sequencer_command,     ///< one command decoded, queued and retired
    kv_slot_table_read,    ///< one slot-table entry
    kv_slot_table_write,
    kv_score_read,  ///< one score word of the on-chip score store
    kv_score_write,
    kv_score_add,         ///< one saturating score accumulate
    kv_victim_compare,    ///< one compare of the victim unit
    kv_address,           ///< one address generated
    kv_write_combine,     ///< one burst-sized entry written to or drained from the write-combining buffer
    kv_position_compare,  ///< one token position compared with a bound of the protected set
    dram_activate,        ///< one ACT and its PRE, all devices of the rank
    dram_read,            ///< one RD burst, all devices of the rank
    dram_write,           ///< one WR burst, all devices of the rank
    dram_refresh,         ///< one all-bank REF, all devices of the rank
    dram_io_bit,          ///< one bit over the DRAM interface
};
inline constexpr std::size_t kActions = 31;

/// The action's name in cost tables and reports.
std::string_view name_of(Action action);
/// One line of what is counted.
std::string_view description_of(Action action);

/// Who caused a DRAM transfer; DRAM energy and bytes are kept apart by it.
enum class Traffic : std::uint8_t { weights, activations, kv, scores };
inline constexpr std::size_t kTrafficClasses = 4;
std::string_view name_of(Traffic traffic);

/// Counts of every action.
struct ActionCounts {
    std::array<std::uint64_t, kActions> n{};

    std::uint64_t operator[](Action a) const { return n[static_cast<std::size_t>(a)]; }
    std::uint64_t& operator[](Action a) { return n[static_cast<std::size_t>(a)]; }
    ActionCounts& operator+=(const ActionCounts& other);
    ActionCounts operator-(const ActionCounts& earlier) const;
};

}  // namespace palimpsest
