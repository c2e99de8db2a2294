#pragma once
// One run, fully resolved: what `palimpsest run` simulates. Built from JSON by config/loader.h; a default-constructed
// value is the quickstart's machine without a model.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/attention_calibration.h"
#include "config/cost_table.h"
#include "config/dram_config.h"
#include "config/hardware_config.h"
#include "config/model_shape.h"
#include "config/request_list.h"

namespace palimpsest {

enum class StorageMode : std::uint8_t {
    in_place,       ///< the new token overwrites the victim's slot (KV-MMU)
    append_gather,  ///< tokens stay where they were written; survivors are gathered
    compact,        ///< survivors are moved together when a token goes
};
enum class CacheLayout : std::uint8_t { head_major, token_major };
enum class CachePlacement : std::uint8_t {
    packed,            ///< blocks one behind the other
    bank_interleaved,  ///< K and V, and even and odd requests, in banks of their own
};
enum class EvictionScope : std::uint8_t { head, layer, model };
enum class BudgetAllocation : std::uint8_t {
    equal,         ///< every (request, layer, KV head) holds `budget` tokens
    by_attention,  ///< as many as the prompt's attention says, `budget` on average
};
enum class AllocationScope : std::uint8_t { layer, model };
enum class PrefillMode : std::uint8_t {
    chunked,   ///< chunks of `prefill_chunk` tokens; the set is cut back to the budget after each
    one_shot,  ///< the whole prompt, then the set is cut back to the budget
    preset,    ///< not simulated: the policy sees the prompt in chunks, and the run starts with the cache it leaves
};

enum class SnapKvPooling : std::uint8_t { average, max };

/// Where JSON does not say, `sinks`, `recent`, `score_bits` and `scope` are the policy's own (policy_defaults.h).
struct CacheConfig {
    std::string policy = "rce";  ///< a name of policy/registry.h
    std::uint32_t budget = 64;   ///< slots per (request, layer, KV head), or their mean; `full` ignores it
    BudgetAllocation allocation = BudgetAllocation::equal;
    AllocationScope allocation_scope = AllocationScope::layer;  ///< by_attention: over what the budget is the mean
    double allocation_floor = 0.2;  ///< by_attention: least of a (request, layer, KV head), as a share of the budget
    std::uint32_t sinks = 1;        ///< first tokens, never evicted
    std::uint32_t recent = 16;      ///< last tokens, never evicted
    std::uint32_t score_bits = 16;  ///< width of a token's score in the KV-MMU; rce and accumulated compute in it
    /// rce: steps in which relevance halves at a window of the whole budget, as a share of the budget; 0: it stays
    double rce_half_life = 0.0833;
    double rce_most_recent = 0.9375;   ///< rce: most that the recent window grows to, as a share of the budget
    std::uint32_t decay_shift = 0;     ///< accumulated: each step a score loses score >> decay_shift; 0 = no decay
    bool normalise_by_age = false;     ///< accumulated: divide by the number of queries that could see the token
    double voting_sigma = 0.2;         ///< voting: deviations below the mean that a vote takes
    std::uint32_t snapkv_window = 32;  ///< snapkv: last queries that observe
    std::uint32_t snapkv_kernel = 5;   ///< snapkv: neighbours pooled, odd
    SnapKvPooling snapkv_pooling = SnapKvPooling::average;
    double keyformer_tau_init = 1;             ///< keyformer: temperature until the cache is full
    double keyformer_tau_end = 2;              ///< keyformer: temperature in the end
    std::uint32_t keyformer_tau_tokens = 100;  ///< keyformer: queries from the one to the other
    double roco_share = 0.3;                   ///< roco: share of the residents kept for their deviation
    EvictionScope scope = EvictionScope::head;
    StorageMode storage = StorageMode::in_place;
    CacheLayout layout = CacheLayout::head_major;
    CachePlacement placement = CachePlacement::packed;
    std::uint32_t kv_bits = 8;         ///< of a stored element: 4, 8 or 16
    std::uint32_t kv_group = 32;       ///< kv_bits 4: elements that share a scale
    std::uint32_t kv_scale_bits = 16;  ///< kv_bits 4: of a scale
    PrefillMode prefill = PrefillMode::chunked;
    std::uint32_t prefill_chunk = 64;  ///< prompt tokens of each request processed together
};

struct AttentionTraceSource {
    std::string file;  ///< resolved path of a trace made by `palimpsest record`
};
/// Closed loop: a real model reads the requests' texts, and its attention is that of what the caches hold.
struct AttentionEngineSource {
    std::string model;              ///< model directory, GGUF file, or the name of a fetched model
    std::string text;               ///< resolved path of a UTF-8 text
    std::uint64_t skip_tokens = 0;  ///< of the text, before the first request's
};
/// Seeded synthetic rows, every head alike: logit = key bias + recency + AR(1) residual, sinks lifted by `sink_z`
/// deviations.
struct SyntheticAttention {
    double key_bias_variance = 1.6;
    double residual_variance = 2.05;
    double residual_autocorrelation = 0.9;
    double sink_z = 5.4;  ///< (logit of a sink - row mean) / standard deviation
    std::uint32_t sink_tokens = 1;
    double recency_logit = 6.6;  ///< lift of the newest key over the row mean, falling linearly in log2(1 + distance)
};
/// Seeded synthetic rows, each head as the calibration says.
struct CalibratedAttention {
    AttentionCalibration calibration;
};
using AttentionConfig =
    std::variant<AttentionTraceSource, AttentionEngineSource, SyntheticAttention, CalibratedAttention>;

/// One mechanism a switch: with all four off, the machine is strictly serial.
struct PipelineConfig {
    bool weight_prefetch = true;    ///< projections: the next tile loads while this one computes
    bool attention_overlap = true;  ///< the next (request, head)'s K and V load while this one computes
    bool eviction_overlap = true;   ///< KV-MMU score update and victim search run beside the array
    bool batched_projections =
        true;  ///< one product for the whole batch; off: one a request, weights fetched each time
};

struct GemmOperator {
    std::uint64_t m = 1, k = 1, n = 1;  ///< M x K by K x N
};
struct AttentionOperator {
    std::uint32_t tokens = 1;  ///< keys of one head
    std::uint32_t head_dim = 64;
    std::uint32_t queries = 1;  ///< query rows (the group of a KV head in generation, a chunk in prefill)
};
struct SoftmaxOperator {
    std::uint64_t rows = 1, columns = 1;
};
struct KvReplaceOperator {
    std::uint32_t slots = 64;  ///< residents searched for the victim
    std::uint32_t head_dim = 64;
    std::uint32_t replacements = 1;
};
struct OperatorSpec {
    std::string name;
    std::variant<GemmOperator, AttentionOperator, SoftmaxOperator, KvReplaceOperator> shape;
    bool operands_ready = false;  ///< operands start on chip and results stay there: the block alone
};

enum class KvReserve : std::uint8_t {
    request,  ///< what the request will hold at its end
    maximum,  ///< what the longest sequence of the model holds
};

/// What a user calls served in time; 0: no bound.
struct SloConfig {
    double time_to_first_token_ms = 1000;
    double time_per_output_token_ms = 100;
};

/// Requests that come one by one, and how they are served. Rules: docs/serving.md.
struct RequestsConfig {
    RequestFormat format = RequestFormat::automatic;
    std::uint64_t skip = 0;
    std::uint64_t limit = 0;  ///< 0: all
    double time_scale = 1;    ///< on arrival times
    std::uint32_t max_prompt_tokens = 1U << 20;
    std::uint32_t max_output_tokens = 1U << 20;
    TooLong too_long = TooLong::error;
    std::uint32_t step_tokens = 0;           ///< most tokens of a step; 0: cache.prefill_chunk, or the batch if more
    Bytes kv_capacity_bytes = 0;             ///< of DRAM; 0: slots for the whole batch, with `full` all that is left
    KvReserve reserve = KvReserve::request;  ///< where nothing is evicted
    SloConfig slo;
    std::string file;  ///< resolved path
    RequestList list;  ///< what is in it, as far as it is served
};

struct WorkloadConfig {
    std::uint32_t batch = 1;              ///< requests that run at once, 1 to 64
    std::uint32_t prompt_tokens = 128;    ///< P
    std::uint32_t generated_tokens = 32;  ///< G
    std::uint64_t seed = 1;
    std::uint32_t first_text = 0;            ///< which text the first request reads; set where one is replayed alone
    std::optional<RequestsConfig> requests;  ///< prompt_tokens and generated_tokens are then of the longest
    std::vector<OperatorSpec> operators;     ///< when not empty, these are run one after another in place of the model
};

/// The one KV cache that a run's profile follows slot by slot.
struct ResidencyConfig {
    std::uint32_t request = 0;
    std::uint32_t layer = 0;
    std::uint32_t kv_head = 0;
};

struct SimulationConfig {
    Cycles watchdog_cycles = 20'000'000;   ///< no command completes for this long: the run is stuck
    std::uint64_t drop_dram_response = 0;  ///< fault injection: the n-th DRAM response never comes; 0 = none
    ResidencyConfig residency;
};

struct RunConfig {
    std::string name;
    ModelShape model;
    WorkloadConfig workload;
    CacheConfig cache;
    AttentionConfig attention = SyntheticAttention{};
    HardwareConfig hardware;
    DramConfig dram;
    CostTable cost;
    PipelineConfig pipeline;
    SimulationConfig simulation;
    nlohmann::json resolved;  ///< the whole configuration as one document, references and overrides applied
    std::string hash;         ///< of `resolved` without `simulation`
};

}  // namespace palimpsest
