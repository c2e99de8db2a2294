#pragma once
// Hugging Face's config.json as a model shape: GPT-2, OPT, LLaMA, Mistral and Qwen2.

#include "config/references.h"

namespace palimpsest {

/// Whether a document is a Hugging Face config: it has `model_type` or `architectures`.
bool is_huggingface_config(const Json& document);

/// The layer with its document in our keys. What cannot be a model shape (an unknown family, a missing count, a gated
/// activation we do not have, OPT's projected embeddings) goes to `diagnostics` under the file's own key names.
SectionLayer import_huggingface(const SectionLayer& layer, Diagnostics& diagnostics);

}  // namespace palimpsest
