#pragma once
// Where a run's cycles, work and traffic went, by operator and by layer, and how DRAM and the queues were used over
// time. Sums close: cycles on the run's cycles, multiply-accumulates, DRAM bytes by class and busy cycles by unit on
// the run's totals (host/profile_checks.h). Definitions: docs/report.md.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "palimpsest/counters.h"
#include "palimpsest/types.h"

namespace palimpsest {

/// The units whose busy cycles are booked, in this order.
inline constexpr std::array<const char*, 5> kProfiledUnits{"dma_load", "dma_store", "pe_array", "vector_unit",
                                                           "kv_mmu"};

/// What is booked on one operator or one layer.
struct ProfileEntry {
    std::uint64_t commands = 0;
    Cycles cycles = 0;                 ///< in which the oldest command not complete, in program order, was of this
    std::vector<Cycles> phase_cycles;  ///< of `cycles`, by RunProfile::phases
    std::uint64_t macs = 0;            ///< useful multiply-accumulates
    std::array<Bytes, kTrafficClasses> bytes_read{}, bytes_written{};  ///< asked for by its commands, by Traffic
    std::array<Cycles, kProfiledUnits.size()> busy{};  ///< of a unit, on the command that it completed next

    bool operator==(const ProfileEntry&) const = default;
};

struct OperatorProfile {
    std::string name;  ///< "qkv", "attention" ...; the last is "idle": cycles without a command
    ProfileEntry booked;
};

struct LayerProfile {
    std::optional<std::uint32_t> layer;  ///< none: embedding, vocabulary, idle cycles; the last
    ProfileEntry booked;
};

/// A run cut into bins of equal width; the last may be shorter.
struct ProfileSeries {
    Cycles bin_cycles = 0;
    std::vector<Bytes> dram_bytes_read, dram_bytes_written;  ///< moved on the data bus, whole bursts
    std::vector<std::uint64_t> held_command_cycles;  ///< commands in the sequencer's queues, summed over its cycles
};

/// A slot of one KV cache gets a token, or becomes free.
struct ResidencyChange {
    std::uint32_t step = 0;
    SlotId slot;
    std::optional<TokenPosition> token;  ///< none: freed
};

/// Which token sat in which slot of one (request, layer, KV head), step by step.
struct ResidencyTrack {
    RequestId request;
    LayerId layer;
    KvHeadId head;
    std::uint32_t steps = 0;  ///< prefill chunks and generated tokens
    std::uint32_t slots = 0;
    std::vector<ResidencyChange> changes;  ///< in order
    bool complete = true;                  ///< false: the list was full before the run was over
};

struct RunProfile {
    std::vector<std::string> phases;         ///< "prefill", "generation"; none in runs of single operators
    std::vector<OperatorProfile> operators;  ///< in order of their first command; "idle" last
    std::vector<LayerProfile> layers;        ///< ascending; what belongs to none last
    Bytes kv_bytes_forwarded = 0;            ///< read from the KV-MMU's write-combining buffer in place of DRAM
    Bytes kv_bytes_overwritten = 0;          ///< written, and overwritten or dropped there before they went to DRAM
    ProfileSeries series;
    std::optional<ResidencyTrack> residency;  ///< of runs of a model
};

}  // namespace palimpsest
