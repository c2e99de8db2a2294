#pragma once
// A whole LLaMA model as a GGUF file of a few kilobytes: width 4, one layer, three tokens, all weights 0.

#include "support/gguf_builder.h"

namespace palimpsest {

/// With a vocabulary of scores, or none.
inline GgufBuilder tiny_llama_gguf(bool scores) {
    GgufBuilder b;
    b.text("general.architecture", "llama");
    b.integer("llama.block_count", 1);
    b.integer("llama.embedding_length", 4);
    b.integer("llama.feed_forward_length", 4);
    b.integer("llama.attention.head_count", 2);
    b.integer("llama.context_length", 8);
    b.number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    if (scores) {
        b.text("tokenizer.ggml.model", "llama");
        b.texts("tokenizer.ggml.tokens", {"<s>", "a", "ab"});
        b.numbers("tokenizer.ggml.scores", {0, -1, -2});
        b.integers("tokenizer.ggml.token_type", {3, 1, 1});
        b.integer("tokenizer.ggml.bos_token_id", 0);
    }
    b.tensor("token_embd.weight", GgufBuilder::kF32, {4, 3}, std::string(48, '\0'));
    for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) {
        b.tensor(name, GgufBuilder::kF32, {4}, std::string(16, '\0'));
    }
    for (const char* name :
         {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight",
          "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
        b.tensor(name, GgufBuilder::kF32, {4, 4}, std::string(64, '\0'));
    }
    return b;
}

}  // namespace palimpsest
