#pragma once
// Small configurations for host tests, filled in by hand: the default machine under a toy transformer.

#include "config/run_config.h"

namespace palimpsest {

/// Two layers, d = 64, four heads of 16, sixteen slots; synthetic attention.
inline RunConfig small_run() {
    RunConfig config;
    config.name = "small";
    ModelShape& model = config.model;
    model.name = "toy";
    model.family = "gpt2";
    model.layers = 2;
    model.hidden = 64;
    model.heads = 4;
    model.kv_heads = 4;
    model.head_dim = 16;
    model.ffn_hidden = 128;
    model.vocabulary = 200;
    model.max_positions = 256;
    config.workload.batch = 2;
    config.workload.prompt_tokens = 24;
    config.workload.generated_tokens = 6;
    config.cache.budget = 16;
    config.cache.sinks = 2;
    config.cache.recent = 4;
    config.cache.prefill_chunk = 16;
    config.dram.organisation.rows = 4096;
    return config;
}

/// LLaMA-like: grouped queries, rotated, gated, unlearned positions.
inline void make_grouped(ModelShape& model) {
    model.family = "llama";
    model.kv_heads = model.heads / 2;
    model.normalisation = Normalisation::rms_norm;
    model.activation = Activation::silu_gated;
    model.positions = PositionEncoding::rope;
}

inline PipelineConfig serial_pipeline() {
    return {false, false, false, false};
}

}  // namespace palimpsest
