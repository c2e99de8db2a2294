#pragma once
// From the configuration's `attention` to the rows.

#include <cstdint>
#include <memory>

#include "attention/attention_source.h"
#include "config/run_config.h"

namespace palimpsest {

/// A trace is opened and checked (InputError names what is wrong) and keeps its own shape: the caller maps layers,
/// heads and sequences onto it. A synthetic source has the layers, heads and length asked for, and as many of the
/// sequences as keep its state under 256 MB (at least one): the caller maps requests onto `sequences()` in turn.
std::unique_ptr<AttentionSource> make_attention_source(const AttentionConfig& config, std::uint64_t seed,
                                                       std::uint32_t layers, std::uint32_t heads,
                                                       std::uint32_t sequences, std::uint32_t length);

}  // namespace palimpsest
