// A run whose evictions follow from synthetic rows says so; one that reads none, or recorded ones, does not.

#include "attention/factory.h"
#include "config/attention_calibration_json.h"
#include "host/cache_replay.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

CacheReplay replay_of(const AttentionConfig& attention, const char* policy, std::uint32_t budget) {
    RunConfig config;
    config.model.layers = 2;
    config.model.heads = config.model.kv_heads = 2;
    config.workload.prompt_tokens = 40;
    config.workload.generated_tokens = 8;
    config.cache.policy = policy;
    config.cache.budget = budget;
    config.cache.recent = 8;
    return {config, make_attention_source(attention, 1, 2, 2, 1, 48)};
}

const std::string kConfigs = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/";

}  // namespace

TEST_CASE("the report of synthetic attention says synthetic", "[synthetic]") {
    const CacheReplay plain = replay_of(SyntheticAttention{}, "rce", 24);
    CHECK(plain.synthetic());
    CHECK(plain.mapping_note().find("Synthetic attention, an estimate") == 0);
    const AttentionCalibration calibration = load_attention_calibration(kConfigs + "attention/stories15M.json");
    const CacheReplay calibrated = replay_of(CalibratedAttention{calibration}, "rce", 24);
    CHECK(calibrated.synthetic());
    CHECK(calibrated.mapping_note().find("Synthetic attention, an estimate") == 0);
    CHECK(calibrated.mapping_note().find("calibrated as stories15M") != std::string::npos);
}

TEST_CASE("recorded attention, and no attention, are not synthetic", "[synthetic]") {
    const CacheReplay recorded = replay_of(AttentionTraceSource{kConfigs + "traces/stories15M.ptrace"}, "rce", 24);
    CHECK_FALSE(recorded.synthetic());
    CHECK(recorded.mapping_note().find("ynthetic") == std::string::npos);
    CHECK_FALSE(replay_of(SyntheticAttention{}, "window", 24).synthetic());
    CHECK_FALSE(replay_of(SyntheticAttention{}, "rce", 48).synthetic());  // nothing is evicted
}

}  // namespace palimpsest
