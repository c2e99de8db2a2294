#pragma once
// The one place that ties JSON keys to members of the config structs. `fields(visitor, struct)` shows every key with
// its member; readers, writers and tests are visitors. Ranges, units and texts are in configs/schema/, whose keys and
// defaults must agree with this file (tests/config/schema_test.cpp).

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

#include "config/run_config.h"

namespace palimpsest {

/// A value of an enumeration and its name in JSON.
template <class Enum>
struct EnumName {
    Enum value;
    std::string_view name;
};
template <class Enum>
EnumName(Enum, const char*) -> EnumName<Enum>;

constexpr auto names_of(Normalisation) {
    return std::array{EnumName{Normalisation::layer_norm, "layer_norm"}, EnumName{Normalisation::rms_norm, "rms_norm"}};
}
constexpr auto names_of(Activation) {
    return std::array{EnumName{Activation::gelu, "gelu"}, EnumName{Activation::relu, "relu"},
                      EnumName{Activation::silu_gated, "silu_gated"}};
}
constexpr auto names_of(PositionEncoding) {
    return std::array{EnumName{PositionEncoding::learned, "learned"}, EnumName{PositionEncoding::rope, "rope"}};
}
constexpr auto names_of(Dataflow) {
    return std::array{EnumName{Dataflow::weight_stationary, "weight_stationary"},
                      EnumName{Dataflow::output_stationary, "output_stationary"},
                      EnumName{Dataflow::input_stationary, "input_stationary"}};
}
constexpr auto names_of(PagePolicy) {
    return std::array{EnumName{PagePolicy::open, "open"}, EnumName{PagePolicy::closed, "closed"},
                      EnumName{PagePolicy::adaptive, "adaptive"}};
}
constexpr auto names_of(DramScheduling) {
    return std::array{EnumName{DramScheduling::frfcfs, "frfcfs"}, EnumName{DramScheduling::fcfs, "fcfs"}};
}
constexpr auto names_of(RefreshMode) {
    return std::array{EnumName{RefreshMode::none, "none"}, EnumName{RefreshMode::all_bank, "all_bank"},
                      EnumName{RefreshMode::per_bank, "per_bank"}};
}
constexpr auto names_of(StorageMode) {
    return std::array{EnumName{StorageMode::in_place, "in_place"},
                      EnumName{StorageMode::append_gather, "append_gather"}, EnumName{StorageMode::compact, "compact"}};
}
constexpr auto names_of(BudgetAllocation) {
    return std::array{EnumName{BudgetAllocation::equal, "equal"},
                      EnumName{BudgetAllocation::by_attention, "by_attention"}};
}
constexpr auto names_of(AllocationScope) {
    return std::array{EnumName{AllocationScope::layer, "layer"}, EnumName{AllocationScope::model, "model"}};
}
constexpr auto names_of(CacheLayout) {
    return std::array{EnumName{CacheLayout::head_major, "head_major"},
                      EnumName{CacheLayout::token_major, "token_major"}};
}
constexpr auto names_of(CachePlacement) {
    return std::array{EnumName{CachePlacement::packed, "packed"},
                      EnumName{CachePlacement::bank_interleaved, "bank_interleaved"}};
}
constexpr auto names_of(VictimUnitKind) {
    return std::array{EnumName{VictimUnitKind::running_minimum, "running_minimum"},
                      EnumName{VictimUnitKind::tree, "tree"}};
}
constexpr auto names_of(WriteCombineFlush) {
    return std::array{EnumName{WriteCombineFlush::step, "step"}, EnumName{WriteCombineFlush::full, "full"}};
}
constexpr auto names_of(WriteCombineDrain) {
    return std::array{EnumName{WriteCombineDrain::entry, "entry"}, EnumName{WriteCombineDrain::row, "row"},
                      EnumName{WriteCombineDrain::open_row, "open_row"}};
}
constexpr auto names_of(WriteCombineReads) {
    return std::array{EnumName{WriteCombineReads::drain, "drain"}, EnumName{WriteCombineReads::forward, "forward"}};
}
constexpr auto names_of(EvictionScope) {
    return std::array{EnumName{EvictionScope::head, "head"}, EnumName{EvictionScope::layer, "layer"},
                      EnumName{EvictionScope::model, "model"}};
}
constexpr auto names_of(SnapKvPooling) {
    return std::array{EnumName{SnapKvPooling::average, "average"}, EnumName{SnapKvPooling::max, "max"}};
}
constexpr auto names_of(RequestFormat) {
    return std::array{EnumName{RequestFormat::automatic, "automatic"},
                      EnumName{RequestFormat::palimpsest, "palimpsest"}, EnumName{RequestFormat::azure, "azure"},
                      EnumName{RequestFormat::sharegpt, "sharegpt"}};
}
constexpr auto names_of(TooLong) {
    return std::array{EnumName{TooLong::error, "error"}, EnumName{TooLong::reject, "reject"},
                      EnumName{TooLong::clamp, "clamp"}};
}
constexpr auto names_of(KvReserve) {
    return std::array{EnumName{KvReserve::request, "request"}, EnumName{KvReserve::maximum, "maximum"}};
}
constexpr auto names_of(PrefillMode) {
    return std::array{EnumName{PrefillMode::chunked, "chunked"}, EnumName{PrefillMode::one_shot, "one_shot"},
                      EnumName{PrefillMode::preset, "preset"}};
}

/// The JSON name of an enumerator.
template <class Enum>
constexpr std::string_view config_name(Enum value) {
    for (const auto& entry : names_of(value)) {
        if (entry.value == value) {
            return entry.name;
        }
    }
    return {};
}

/// `S` is the struct T, const or not.
template <class S, class T>
concept Is = std::same_as<std::remove_const_t<S>, T>;

template <class Visitor, Is<ModelShape> S>
void fields(Visitor& v, S& c) {
    v("name", c.name);
    v("family", c.family);
    v("layers", c.layers);
    v("hidden", c.hidden);
    v("heads", c.heads);
    v("kv_heads", c.kv_heads);
    v("head_dim", c.head_dim);
    v("ffn_hidden", c.ffn_hidden);
    v("vocabulary", c.vocabulary);
    v("max_positions", c.max_positions);
    v("normalisation", c.normalisation);
    v("activation", c.activation);
    v("positions", c.positions);
    v("tied_embeddings", c.tied_embeddings);
    v("weight_bits", c.weight_bits);
}

template <class Visitor, Is<PeArrayConfig> S>
void fields(Visitor& v, S& c) {
    v("rows", c.rows);
    v("columns", c.columns);
    v("dataflow", c.dataflow);
    v("double_buffered_weights", c.double_buffered_weights);
    v("accumulator_rows", c.accumulator_rows);
    v("command_queue", c.command_queue);
}

template <class Visitor, Is<VectorUnitConfig> S>
void fields(Visitor& v, S& c) {
    v("lanes", c.lanes);
    v("register_file_bytes", c.register_file_bytes);
    v("add_latency_cycles", c.add_latency_cycles);
    v("multiply_latency_cycles", c.multiply_latency_cycles);
    v("special_latency_cycles", c.special_latency_cycles);
    v("command_queue", c.command_queue);
}

template <class Visitor, Is<BufferConfig> S>
void fields(Visitor& v, S& c) {
    v("banks", c.banks);
    v("bank_bytes", c.bank_bytes);
    v("word_bytes", c.word_bytes);
}

template <class Visitor, Is<BuffersConfig> S>
void fields(Visitor& v, S& c) {
    v("weight", c.weight);
    v("activation", c.activation);
    v("kv", c.kv);
    v("score", c.score);
}

template <class Visitor, Is<DmaConfig> S>
void fields(Visitor& v, S& c) {
    v("request_bytes", c.request_bytes);
    v("outstanding", c.outstanding);
    v("command_queue", c.command_queue);
}

template <class Visitor, Is<KvMmuConfig> S>
void fields(Visitor& v, S& c) {
    v("slot_table_bytes", c.slot_table_bytes);
    v("score_store_bytes", c.score_store_bytes);
    v("score_word_bytes", c.score_word_bytes);
    v("lookup_latency_cycles", c.lookup_latency_cycles);
    v("victim_unit", c.victim_unit);
    v("victim_latency_cycles", c.victim_latency_cycles);
    v("victim_compares_per_stage", c.victim_compares_per_stage);
    v("score_prefetch", c.score_prefetch);
    v("write_combine_entries", c.write_combine_entries);
    v("write_combine_flush", c.write_combine_flush);
    v("write_combine_drain", c.write_combine_drain);
    v("write_combine_reads", c.write_combine_reads);
    v("command_queue", c.command_queue);
}

template <class Visitor, Is<SequencerConfig> S>
void fields(Visitor& v, S& c) {
    v("issue_latency_cycles", c.issue_latency_cycles);
}

template <class Visitor, Is<HardwareConfig> S>
void fields(Visitor& v, S& c) {
    v("name", c.name);
    v("core_clock_ps", c.core_clock_ps);
    v("pe_array", c.pe_array);
    v("vector_unit", c.vector_unit);
    v("buffers", c.buffers);
    v("dma", c.dma);
    v("kv_mmu", c.kv_mmu);
    v("sequencer", c.sequencer);
}

template <class Visitor, Is<DramTiming> S>
void fields(Visitor& v, S& c) {
    v("tCK_ps", c.tCK_ps);
    v("nCL", c.nCL);
    v("nCWL", c.nCWL);
    v("nRCD", c.nRCD);
    v("nRP", c.nRP);
    v("nRAS", c.nRAS);
    v("nRC", c.nRC);
    v("nRRD_S", c.nRRD_S);
    v("nRRD_L", c.nRRD_L);
    v("nFAW", c.nFAW);
    v("nCCD_S", c.nCCD_S);
    v("nCCD_L", c.nCCD_L);
    v("nWTR_S", c.nWTR_S);
    v("nWTR_L", c.nWTR_L);
    v("nRTP", c.nRTP);
    v("nWR", c.nWR);
    v("nRTRS", c.nRTRS);
    v("nRFC", c.nRFC);
    v("nREFI", c.nREFI);
    v("nRFCpb", c.nRFCpb);
    v("nCKE", c.nCKE);
    v("nXP", c.nXP);
    v("nCKESR", c.nCKESR);
    v("nXS", c.nXS);
    v("burst_length", c.burst_length);
    v("beats_per_clock", c.beats_per_clock);
}

template <class Visitor, Is<DramOrganisation> S>
void fields(Visitor& v, S& c) {
    v("channels", c.channels);
    v("ranks", c.ranks);
    v("bank_groups", c.bank_groups);
    v("banks_per_group", c.banks_per_group);
    v("rows", c.rows);
    v("columns", c.columns);
    v("bus_bits", c.bus_bits);
    v("devices_per_rank", c.devices_per_rank);
}

template <class Visitor, Is<DramControllerConfig> S>
void fields(Visitor& v, S& c) {
    v("read_queue", c.read_queue);
    v("write_queue", c.write_queue);
    v("write_high", c.write_high);
    v("write_low", c.write_low);
    v("scheduling", c.scheduling);
    v("starvation_cap", c.starvation_cap);
    v("page_policy", c.page_policy);
    v("page_timeout", c.page_timeout);
    v("pipeline_latency", c.pipeline_latency);
}

template <class Visitor, Is<DramRefreshConfig> S>
void fields(Visitor& v, S& c) {
    v("mode", c.mode);
    v("postpone", c.postpone);
}

template <class Visitor, Is<DramPowerDownConfig> S>
void fields(Visitor& v, S& c) {
    v("power_down_after", c.power_down_after);
    v("self_refresh_after", c.self_refresh_after);
}

template <class Visitor, Is<DramEnergy> S>
void fields(Visitor& v, S& c) {
    v("activate_precharge_pj", c.activate_precharge_pj);
    v("read_burst_pj", c.read_burst_pj);
    v("write_burst_pj", c.write_burst_pj);
    v("refresh_pj", c.refresh_pj);
    v("refresh_bank_pj", c.refresh_bank_pj);
    v("active_standby_mw", c.active_standby_mw);
    v("precharge_standby_mw", c.precharge_standby_mw);
    v("active_power_down_mw", c.active_power_down_mw);
    v("precharge_power_down_mw", c.precharge_power_down_mw);
    v("self_refresh_mw", c.self_refresh_mw);
    v("io_pj_per_bit", c.io_pj_per_bit);
}

template <class Visitor, Is<DramConfig> S>
void fields(Visitor& v, S& c) {
    v("name", c.name);
    v("standard", c.standard);
    v("allow_nonstandard", c.allow_nonstandard);
    v("timing", c.timing);
    v("organisation", c.organisation);
    v("mapping", c.mapping);
    v("controller", c.controller);
    v("refresh", c.refresh);
    v("power_down", c.power_down);
    v("energy", c.energy);
}

template <class Visitor, Is<CacheConfig> S>
void fields(Visitor& v, S& c) {
    v("policy", c.policy);
    v("budget", c.budget);
    v("allocation", c.allocation);
    v("allocation_scope", c.allocation_scope);
    v("allocation_floor", c.allocation_floor);
    v("sinks", c.sinks);
    v("recent", c.recent);
    v("score_bits", c.score_bits);
    v("rce_half_life", c.rce_half_life);
    v("rce_most_recent", c.rce_most_recent);
    v("decay_shift", c.decay_shift);
    v("normalise_by_age", c.normalise_by_age);
    v("voting_sigma", c.voting_sigma);
    v("snapkv_window", c.snapkv_window);
    v("snapkv_kernel", c.snapkv_kernel);
    v("snapkv_pooling", c.snapkv_pooling);
    v("keyformer_tau_init", c.keyformer_tau_init);
    v("keyformer_tau_end", c.keyformer_tau_end);
    v("keyformer_tau_tokens", c.keyformer_tau_tokens);
    v("roco_share", c.roco_share);
    v("scope", c.scope);
    v("storage", c.storage);
    v("layout", c.layout);
    v("placement", c.placement);
    v("kv_bits", c.kv_bits);
    v("kv_group", c.kv_group);
    v("kv_scale_bits", c.kv_scale_bits);
    v("prefill", c.prefill);
    v("prefill_chunk", c.prefill_chunk);
}

template <class Visitor, Is<SyntheticAttention> S>
void fields(Visitor& v, S& c) {
    v("key_bias_variance", c.key_bias_variance);
    v("residual_variance", c.residual_variance);
    v("residual_autocorrelation", c.residual_autocorrelation);
    v("sink_z", c.sink_z);
    v("sink_tokens", c.sink_tokens);
    v("recency_logit", c.recency_logit);
}

/// All but `recency`, a list.
template <class Visitor, Is<HeadCalibration> S>
void fields(Visitor& v, S& c) {
    v("key_bias_variance", c.key_bias_variance);
    v("residual_variance", c.residual_variance);
    v("ac1", c.ac1);
    v("ac4", c.ac4);
    v("ac16", c.ac16);
    v("sink_z", c.sink_z);
    v("sink_deviation", c.sink_deviation);
    v("second_sink_z", c.second_sink_z);
}

template <class Visitor, Is<PipelineConfig> S>
void fields(Visitor& v, S& c) {
    v("weight_prefetch", c.weight_prefetch);
    v("attention_overlap", c.attention_overlap);
    v("eviction_overlap", c.eviction_overlap);
    v("batched_projections", c.batched_projections);
}

template <class Visitor, Is<SloConfig> S>
void fields(Visitor& v, S& c) {
    v("time_to_first_token_ms", c.time_to_first_token_ms);
    v("time_per_output_token_ms", c.time_per_output_token_ms);
}

/// All but `file`.
template <class Visitor, Is<RequestsConfig> S>
void fields(Visitor& v, S& c) {
    v("format", c.format);
    v("skip", c.skip);
    v("limit", c.limit);
    v("time_scale", c.time_scale);
    v("max_prompt_tokens", c.max_prompt_tokens);
    v("max_output_tokens", c.max_output_tokens);
    v("too_long", c.too_long);
    v("step_tokens", c.step_tokens);
    v("kv_capacity_bytes", c.kv_capacity_bytes);
    v("reserve", c.reserve);
    v("slo", c.slo);
}

template <class Visitor, Is<WorkloadConfig> S>
void fields(Visitor& v, S& c) {
    v("batch", c.batch);
    v("prompt_tokens", c.prompt_tokens);
    v("generated_tokens", c.generated_tokens);
    v("seed", c.seed);
}

template <class Visitor, Is<ResidencyConfig> S>
void fields(Visitor& v, S& c) {
    v("request", c.request);
    v("layer", c.layer);
    v("kv_head", c.kv_head);
}

template <class Visitor, Is<SimulationConfig> S>
void fields(Visitor& v, S& c) {
    v("watchdog_cycles", c.watchdog_cycles);
    v("drop_dram_response", c.drop_dram_response);
    v("residency", c.residency);
}

template <class Visitor, Is<GemmOperator> S>
void fields(Visitor& v, S& c) {
    v("m", c.m);
    v("k", c.k);
    v("n", c.n);
}

template <class Visitor, Is<AttentionOperator> S>
void fields(Visitor& v, S& c) {
    v("tokens", c.tokens);
    v("head_dim", c.head_dim);
    v("queries", c.queries);
}

template <class Visitor, Is<SoftmaxOperator> S>
void fields(Visitor& v, S& c) {
    v("rows", c.rows);
    v("columns", c.columns);
}

template <class Visitor, Is<KvReplaceOperator> S>
void fields(Visitor& v, S& c) {
    v("slots", c.slots);
    v("head_dim", c.head_dim);
    v("replacements", c.replacements);
}

}  // namespace palimpsest
