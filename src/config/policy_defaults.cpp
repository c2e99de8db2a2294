#include "config/policy_defaults.h"

#include <algorithm>
#include <array>

namespace palimpsest {
namespace {

constexpr EvictionScope kHead = EvictionScope::head, kLayer = EvictionScope::layer;

/// Score widths: rows and votes fit 16 bits, sums take 32; roco holds a sum and a sum of squares.
constexpr std::array<PolicyDefaults, 15> kDefaults{{
    {.policy = "full", .source = "nothing is evicted"},
    {.policy = "rce",
     .protects_sinks = true,
     .protects_recent = true,
     .sinks = 1,
     .recent_share = 0.25,
     .source = "measured; the paper's rule is not public"},
    {.policy = "accumulated",
     .protects_sinks = true,
     .protects_recent = true,
     .source = "the plain reading of least relevant"},
    {.policy = "window", .source = "the last tokens stay"},
    {.policy = "streaming_llm", .protects_sinks = true, .sinks = 4, .source = "StreamingLLM, ICLR'24"},
    {.policy = "h2o",
     .protects_sinks = true,
     .protects_recent = true,
     .recent_share = 0.5,
     .score_bits = 32,
     .source = "H2O, NeurIPS'23"},
    {.policy = "tova", .protects_sinks = true, .protects_recent = true, .scope = kLayer, .source = "TOVA, EMNLP'24"},
    {.policy = "voting",
     .protects_sinks = true,
     .protects_recent = true,
     .sinks = 32,
     .scope = kLayer,
     .source = "VEDA, DAC'25"},
    {.policy = "kelle",
     .protects_sinks = true,
     .protects_recent = true,
     .sinks = 10,
     .recent_share = 0.5,
     .score_bits = 32,
     .source = "Kelle, MICRO'25"},
    {.policy = "snapkv",
     .protects_sinks = true,
     .protects_recent = true,
     .score_bits = 32,
     .source = "SnapKV, NeurIPS'24"},
    {.policy = "keyformer",
     .protects_sinks = true,
     .protects_recent = true,
     .recent_share = 0.3,
     .score_bits = 32,
     .source = "Keyformer, MLSys'24"},
    {.policy = "observed", .protects_sinks = true, .protects_recent = true, .score_bits = 32, .source = "kvpress"},
    {.policy = "roco",
     .protects_sinks = true,
     .protects_recent = true,
     .recent = 10,
     .score_bits = 64,
     .source = "arXiv 2402.06262 and EasyKV"},
    {.policy = "random", .scope = kHead, .source = "assumption"},
    {.policy = "oracle",
     .protects_sinks = true,
     .protects_recent = true,
     .score_bits = 32,
     .source = "nothing is known to need protection"},
}};

}  // namespace

std::span<const PolicyDefaults> all_policy_defaults() {
    return kDefaults;
}

const PolicyDefaults* find_policy_defaults(std::string_view policy) {
    const auto found = std::ranges::find(kDefaults, policy, &PolicyDefaults::policy);
    return found == kDefaults.end() ? nullptr : &*found;
}

void apply_policy_defaults(CacheConfig& cache) {
    const PolicyDefaults* const defaults = find_policy_defaults(cache.policy);
    if (defaults == nullptr) {
        return;
    }
    std::uint32_t recent = defaults->recent;
    if (cache.policy == "snapkv") {
        recent = cache.snapkv_window;
    } else if (defaults->recent_share > 0) {
        recent = static_cast<std::uint32_t>(defaults->recent_share * cache.budget);
    }
    cache.sinks = std::min(defaults->sinks, cache.budget / 4);
    cache.recent = std::min(recent, cache.budget / 2);
    cache.score_bits = defaults->score_bits;
    cache.scope = defaults->scope;
}

}  // namespace palimpsest
