#pragma once
// What a run gives back: plain numbers, no SystemC. report/ turns it into report.json and tables.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "palimpsest/activity.h"
#include "palimpsest/counters.h"
#include "palimpsest/kv_mmu_parts.h"
#include "palimpsest/profile.h"
#include "palimpsest/types.h"

namespace palimpsest {

struct UnitResult {
    std::string name;  ///< pe_array, vector_unit, dma_load, dma_store, kv_mmu, sequencer
    ActivityCounts cycles;
};

/// DRAM commands and row outcomes of one interval, all channels.
struct DramCounts {
    Bytes bytes_read = 0;  ///< bytes that moved on the data bus (whole bursts)
    Bytes bytes_written = 0;
    std::array<Bytes, kTrafficClasses> read_by_class{};  ///< requested bytes, by Traffic
    std::array<Bytes, kTrafficClasses> written_by_class{};
    std::array<std::uint64_t, kTrafficClasses> read_bursts_by_class{};
    std::array<std::uint64_t, kTrafficClasses> write_bursts_by_class{};
    std::array<std::uint64_t, kTrafficClasses> activates_by_class{};
    std::array<std::uint64_t, kTrafficClasses> read_row_hits_by_class{};
    std::array<std::uint64_t, kTrafficClasses> write_row_hits_by_class{};
    std::uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0;
    std::uint64_t activates = 0, precharges = 0, reads = 0, writes = 0;
    std::uint64_t refreshes = 0, bank_refreshes = 0;    ///< all-bank REF, per-bank REF
    std::uint64_t power_downs = 0, self_refreshes = 0;  ///< entries
    std::uint64_t forwarded_reads = 0;                  ///< read bursts served from the write queue, without a command
    std::uint64_t merged_writes = 0;                    ///< write bursts merged with one still queued
    // Rank-clocks; their sum is ranks x channels x clocks.
    std::uint64_t active_clocks = 0;                 ///< a bank is open
    std::uint64_t precharged_clocks = 0;             ///< all banks are closed
    std::uint64_t active_power_down_clocks = 0;      ///< a bank is open, powered down
    std::uint64_t precharged_power_down_clocks = 0;  ///< all banks are closed, powered down
    std::uint64_t self_refresh_clocks = 0;
    std::uint64_t data_bus_clocks = 0;  ///< channel-clocks in which data moved
    std::uint64_t refresh_clocks = 0;   ///< channel-clocks in refresh with requests waiting
    std::uint64_t waiting_clocks = 0;   ///< channel-clocks with requests but no data (row cycles, turnaround, latency)
    std::uint64_t idle_clocks = 0;      ///< channel-clocks without requests
    DramCounts& operator+=(const DramCounts& other);
    DramCounts operator-(const DramCounts& earlier) const;
    bool operator==(const DramCounts&) const = default;
};

/// A part of a run: all of it, the prefill, the generation, or one operator.
struct Interval {
    Cycles cycles = 0;  ///< core cycles
    ActionCounts actions;
    DramCounts dram;
    std::uint64_t macs = 0;    ///< useful multiply-accumulates (no padding)
    std::uint64_t tokens = 0;  ///< tokens of all requests: prompt tokens in prefill, new ones in generation
};

struct OperatorResult {
    std::string name;
    std::string kind;
    Interval interval;
    Cycles array_cycles = 0;  ///< PE-array cycles from first weight load to last result
};

/// Tokens that a (request, layer, KV head) may hold where these are not equally many.
struct KvBudgets {
    std::uint32_t least = 0;
    std::uint32_t mean = 0;
    std::uint32_t most = 0;
};

struct KvCacheResult {
    std::string policy;
    std::uint32_t budget = 0;
    Bytes peak_bytes = 0;  ///< most bytes held for KV at any time, all requests
    Bytes full_bytes = 0;  ///< what an unmanaged cache holds at the end
    std::uint64_t evictions = 0;
    std::uint64_t resident_tokens_peak = 0;  ///< most residents of any one (request, layer, KV head)
    std::optional<KvBudgets> budgets{};      ///< where `cache.allocation` makes them differ
};

/// Why the first request of the queue waits.
enum class AdmissionLimit : std::uint8_t {
    batch,          ///< as many run as may at once
    capacity,       ///< the KV region has not so many free bytes
    fragmentation,  ///< it has, but not one behind the other
};
inline constexpr std::size_t kAdmissionLimits = 3;

/// A request that was served. Cycles are core cycles since the start of the run, which is the first arrival.
struct ServedRequest {
    std::uint64_t id = 0;  ///< row of the file of requests
    Cycles arrival = 0;
    Cycles admitted = 0;
    Cycles first_token = 0;  ///< the step with the last of its prompt is over
    Cycles finished = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
};

struct TurnedAway {
    std::uint64_t id = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
    std::string reason;  ///< "length", "kv_capacity"
};

/// A step, or a wait for arrivals: what holds from its start on. Used bytes are those of its end.
struct ServingSample {
    Cycles start = 0;
    Cycles cycles = 0;
    std::uint32_t waiting = 0;
    std::uint32_t running = 0;  ///< 0: the machine waits for arrivals
    Bytes reserved_bytes = 0;
    Bytes used_bytes = 0;    ///< of tokens in the cache
    Bytes free_bytes = 0;    ///< of the KV region
    Bytes usable_bytes = 0;  ///< of those, what one request could be given
};

/// A run with requests that arrive one by one.
struct ServingResult {
    std::vector<ServedRequest> requests;  ///< in order of arrival
    std::vector<TurnedAway> turned_away;
    std::uint64_t clamped = 0;      ///< requests whose lengths were cut
    std::uint32_t places = 0;       ///< requests that can run at once: slot sets of the KV-MMU
    std::uint32_t step_tokens = 0;  ///< most tokens of a step
    Bytes kv_capacity_bytes = 0;
    bool partitions = false;  ///< every request has the same bytes
    std::vector<ServingSample> samples;
    std::uint64_t prefill_steps = 0, generation_steps = 0, mixed_steps = 0;
    std::array<Cycles, kAdmissionLimits> blocked{};  ///< cycles in which the first of the queue waited, by why
    Interval mixed;                                  ///< steps with tokens of both phases
    Interval idle;                                   ///< waits for arrivals
};

struct RunResult {
    Interval total, prefill, generation;
    std::vector<Cycles> step_cycles;  ///< prefill chunks first, then each generation step
    std::uint32_t prefill_steps = 0;  ///< how many of `step_cycles` are prefill chunks
    std::vector<UnitResult> units;
    KvCacheResult kv_cache;
    /// Bytes of memory that each part of the KV-MMU would fill; of several operators, the most of any.
    ByKvMmuPart<Bytes> kv_mmu_needs;
    std::vector<OperatorResult> operators;  ///< one a spec when the workload is a list of operators
    std::optional<ServingResult> serving;   ///< where requests arrive one by one
    RunProfile profile;
    std::map<std::string, std::string> notes;  ///< how attention was mapped, what is estimated: key to sentence
    std::uint64_t systemc_events = 0;          ///< timed and delta notifications delivered
    double host_seconds = 0;
    std::uint64_t peak_rss_bytes = 0;
    bool estimated = false;
};

}  // namespace palimpsest
