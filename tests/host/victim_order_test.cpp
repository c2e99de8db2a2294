// The order of victims: plain rows whose order is known, and synthetic rows beside the recorded ones they resemble.

#include "host/victim_order.h"

#include <algorithm>

#include "attention/synthetic_source.h"
#include "attention/trace_source.h"
#include "config/attention_calibration_json.h"
#include "config/policy_defaults.h"
#include "support/catch.h"

namespace palimpsest {
namespace {

/// Every key alike, or all but the newest, which gets nothing.
class LightKey final : public AttentionSource {
  public:
    explicit LightKey(bool newest) : newest_(newest) {}
    std::uint32_t layers() const override { return 1; }
    std::uint32_t heads() const override { return 2; }
    std::uint32_t sequences() const override { return 1; }
    std::uint32_t length() const override { return 100; }
    void row(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t position, std::span<Probability> row) override {
        std::ranges::fill(row, static_cast<Probability>(kProbabilityOne / (position + 1)));
        if (newest_) {
            row.back() = 0;
        }
    }
    std::string describe() const override { return "alike"; }
    bool synthetic() const override { return true; }

  private:
    bool newest_;
};

CacheConfig cache_of(const char* policy, std::uint32_t budget, EvictionScope scope) {
    CacheConfig cache;
    cache.policy = policy;
    cache.budget = budget;
    apply_policy_defaults(cache);
    cache.scope = scope;
    return cache;
}

}  // namespace

TEST_CASE("a window's victims come slot after slot, each as old as the budget", "[victims]") {
    const VictimOrder order =
        victim_order(std::make_unique<LightKey>(false), cache_of("window", 16, EvictionScope::head), 100);
    CHECK(order.sequential == 1);
    CHECK(order.newest == 0);
    CHECK(order.age == Approx(15.0 / 16));  // the newest token is there already
}

TEST_CASE("where the newest token gets nothing, a policy of the last row drops it again and again", "[victims]") {
    const VictimOrder order =
        victim_order(std::make_unique<LightKey>(true), cache_of("tova", 16, EvictionScope::head), 100);
    CHECK(order.sequential == 0);
    CHECK(order.newest == 1);
    CHECK(order.age == 0);
}

TEST_CASE("policies free slots on calibrated rows in the order that they do on recorded ones", "[victims][shipped]") {
    const std::string configs = std::string(PALIMPSEST_SOURCE_DIR) + "/configs/";
    const AttentionCalibration calibration = load_attention_calibration(configs + "attention/stories15M.json");
    for (const EvictionScope scope : {EvictionScope::head, EvictionScope::layer}) {
        for (const char* policy : {"h2o", "tova"}) {
            const CacheConfig cache = cache_of(policy, 32, scope);
            const VictimOrder recorded =
                victim_order(std::make_unique<TraceSource>(configs + "traces/stories15M.ptrace"), cache, 256);
            const VictimOrder made = victim_order(
                std::make_unique<SyntheticSource>(
                    calibration, 1, SyntheticShape{.layers = 6, .heads = 6, .sequences = 4, .length = 256}),
                cache, 256);
            INFO(policy);
            CHECK(made.sequential == Approx(recorded.sequential).margin(0.06));
            CHECK(made.newest == Approx(recorded.newest).margin(0.01));
            CHECK(made.age == Approx(recorded.age).margin(0.06));
        }
    }
}

}  // namespace palimpsest
