#include "policy/registry.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "config/policy_defaults.h"
#include "palimpsest/error.h"
#include "policy/accumulated.h"
#include "policy/eviction_policy.h"
#include "policy/full.h"
#include "policy/h2o.h"
#include "policy/kelle.h"
#include "policy/keyformer.h"
#include "policy/observed.h"
#include "policy/oracle.h"
#include "policy/random.h"
#include "policy/rce.h"
#include "policy/roco.h"
#include "policy/snapkv.h"
#include "policy/streaming_llm.h"
#include "policy/tova.h"
#include "policy/voting.h"
#include "policy/window.h"

namespace palimpsest {
namespace {

using Policy = std::unique_ptr<EvictionPolicy>;
using MakePolicy = Policy (*)(const CacheConfig&, std::uint32_t slots, const PolicyContext&);

template <class P>
Policy make_of_slots(const CacheConfig&, std::uint32_t slots, const PolicyContext&) {
    return std::make_unique<P>(slots);
}
template <class P>
Policy make_of_config(const CacheConfig& config, std::uint32_t slots, const PolicyContext&) {
    return std::make_unique<P>(config, slots);
}
Policy make_full(const CacheConfig&, std::uint32_t, const PolicyContext&) {
    return std::make_unique<FullPolicy>();
}
Policy make_streaming_llm(const CacheConfig& config, std::uint32_t slots, const PolicyContext&) {
    return std::make_unique<StreamingLlmPolicy>(slots, config.sinks);
}
Policy make_keyformer(const CacheConfig& config, std::uint32_t slots, const PolicyContext& context) {
    return std::make_unique<KeyformerPolicy>(config, slots, context.seed);
}
Policy make_random(const CacheConfig&, std::uint32_t slots, const PolicyContext& context) {
    return std::make_unique<RandomPolicy>(slots, context.seed, context.set);
}
Policy make_oracle(const CacheConfig& config, std::uint32_t slots, const PolicyContext& context) {
    if (context.future == nullptr) {
        throw SimulationError("the policy oracle needs the attention of the whole text");
    }
    return std::make_unique<OraclePolicy>(config, slots, *context.future);
}

constexpr std::array<std::string_view, 7> kRceParameters{"budget",        "sinks",           "recent", "score_bits",
                                                         "rce_half_life", "rce_most_recent", "scope"};
constexpr std::array<std::string_view, 7> kAccumulatedParameters{
    "budget", "sinks", "recent", "score_bits", "decay_shift", "normalise_by_age", "scope"};
constexpr std::array<std::string_view, 1> kWindowParameters{"budget"};
constexpr std::array<std::string_view, 2> kStreamingParameters{"budget", "sinks"};
constexpr std::array<std::string_view, 4> kScoredParameters{"budget", "sinks", "recent", "scope"};
constexpr std::array<std::string_view, 5> kVotingParameters{"budget", "sinks", "recent", "scope", "voting_sigma"};
constexpr std::array<std::string_view, 7> kSnapKvParameters{"budget",        "sinks",         "recent",        "scope",
                                                            "snapkv_window", "snapkv_kernel", "snapkv_pooling"};
constexpr std::array<std::string_view, 7> kKeyformerParameters{
    "budget", "sinks", "recent", "scope", "keyformer_tau_init", "keyformer_tau_end", "keyformer_tau_tokens"};
constexpr std::array<std::string_view, 5> kRocoParameters{"budget", "sinks", "recent", "scope", "roco_share"};
constexpr std::array<std::string_view, 2> kRandomParameters{"budget", "scope"};

PolicyInfo scored(std::string_view name, std::string_view summary, std::span<const std::string_view> parameters,
                  MakePolicy make) {
    const PolicyDefaults& defaults = *find_policy_defaults(name);
    return {.name = name,
            .summary = summary,
            .parameters = parameters,
            .uses_scores = true,
            .evicts = true,
            .reads_future = make == make_oracle,
            .protects_sinks = defaults.protects_sinks,
            .protects_recent = defaults.protects_recent,
            .make = make};
}

PolicyInfo unscored(std::string_view name, std::string_view summary, std::span<const std::string_view> parameters,
                    MakePolicy make) {
    PolicyInfo info = scored(name, summary, parameters, make);
    info.uses_scores = false;
    info.evicts = name != "full";
    return info;
}

/// Built at first use: who registers something a policy at program start finds it whole.
const std::array<PolicyInfo, 15>& table() {
    static const std::array<PolicyInfo, 15> kPolicies{{
        unscored("full", "keeps every token; the cache grows with the sequence", {}, make_full),
        scored(
            "rce",
            "runtime cache eviction: drops the token whose last relevant moment lies furthest back; adapts its window",
            kRceParameters, make_of_config<RcePolicy>),
        scored("accumulated",
               "drops the token with the least accumulated attention, in fixed point; nothing is protected",
               kAccumulatedParameters, make_of_config<AccumulatedPolicy>),
        unscored("window", "sliding window: drops the oldest token", kWindowParameters, make_of_slots<WindowPolicy>),
        unscored("streaming_llm", "StreamingLLM: keeps the first tokens, drops the oldest of the others",
                 kStreamingParameters, make_streaming_llm),
        scored("h2o", "H2O: drops the token with the least accumulated attention, keeps a recent half",
               kScoredParameters, make_of_config<H2oPolicy>),
        scored("tova", "TOVA: drops the token that the last query attended to least", kScoredParameters,
               make_of_config<TovaPolicy>),
        scored("voting", "VEDA: each query votes against the tokens it attends to little; drops the most voted",
               kVotingParameters, make_of_config<VotingPolicy>),
        scored("kelle", "Kelle: drops the least sum of attention logits, keeps sinks and a recent half",
               kScoredParameters, make_of_config<KellePolicy>),
        scored("snapkv", "SnapKV: drops the least attention of the last queries, pooled over neighbours",
               kSnapKvParameters, make_of_config<SnapKvPolicy>),
        scored("keyformer", "Keyformer: drops the least accumulated Gumbel-softmax of the logits", kKeyformerParameters,
               make_keyformer),
        scored("observed", "kvpress: drops the least mean attention of the queries that could see the token",
               kScoredParameters, make_of_config<ObservedPolicy>),
        scored("roco", "RoCo: keeps tokens of varying attention, drops the least mean attention of the others",
               kRocoParameters, make_of_config<RocoPolicy>),
        unscored("random", "drops any token, seeded by workload.seed; nothing is protected", kRandomParameters,
                 make_random),
        scored("oracle", "drops the token that later queries of the text attend to least: looks at the future",
               kScoredParameters, make_oracle),
    }};
    return kPolicies;
}

}  // namespace

std::span<const PolicyInfo> policies() {
    return table();
}

const PolicyInfo& policy_info(std::string_view name) {
    const auto found = std::ranges::find(policies(), name, &PolicyInfo::name);
    if (found == policies().end()) {
        std::string names;
        for (const PolicyInfo& info : policies()) {
            names += names.empty() ? "" : ", ";
            names += info.name;
        }
        throw InputError({}, "cache.policy", fmt::format("\"{}\"", name), "one of " + names);
    }
    return *found;
}

std::uint32_t protected_tokens(const CacheConfig& config) {
    const PolicyInfo& info = policy_info(config.policy);
    const std::uint64_t tokens =
        std::uint64_t{info.protects_sinks ? config.sinks : 0} + (info.protects_recent ? config.recent : 0);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens, std::numeric_limits<std::uint32_t>::max()));
}

std::unique_ptr<EvictionPolicy> make_policy(const CacheConfig& config, std::uint32_t slots,
                                            const PolicyContext& context) {
    return policy_info(config.policy).make(config, slots, context);
}

}  // namespace palimpsest
