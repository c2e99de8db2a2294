#include "cli/calibration_comparison.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "attention/synthetic_source.h"
#include "config/policy_defaults.h"
#include "host/victim_order.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::uint32_t kBudgetShare = 8;  ///< victims are looked at with 1/8 of the tokens held

SyntheticShape shape_of(const TraceSource& trace, PositionRange positions) {
    return {.layers = trace.layers(), .heads = trace.heads(), .sequences = trace.sequences(), .length = positions.last};
}

void print_line(const std::string& layer, const char* which, const LayerStatistics& s) {
    fmt::print(
        "{:>6} {:<9} {:>7.2f} {:>9.1f} {:>8.4f} {:>8.4f} {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f}\n",
        layer, which, s.rows.entropy, s.rows.effective_tokens, s.rows.mass_first, s.rows.mass_first4,
        s.rows.mass_last16, s.rows.mass_last64, s.rows.mass_top_eighth, s.persistence.after1, s.persistence.after16,
        s.persistence.after64);
}

void add(LayerStatistics& sum, const LayerStatistics& part, double share) {
    sum.rows += part.rows / (1 / share);
    sum.persistence += part.persistence / (1 / share);
}

void print_layers(TraceSource& trace, SyntheticSource& synthetic, PositionRange positions) {
    fmt::print("\nmeans over all sequences and heads, positions {} to {}\n", positions.first, positions.last - 1);
    fmt::print("{:>6} {:<9} {:>7} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>26}\n", "layer", "", "entropy", "effective",
               "mass on", "first 4", "last 16", "last 64", "top 1/8", "top 1/8 that is so still");
    fmt::print("{:>6} {:<9} {:>7} {:>9} {:>8} {:>35} {:>8} {:>8} {:>8}\n", "", "", "(nats)", "tokens", "pos. 0", "",
               "after 1", "16", "64");
    LayerStatistics recorded_mean;
    LayerStatistics synthetic_mean;
    const double share = 1.0 / trace.layers();
    for (std::uint32_t layer = 0; layer < trace.layers(); ++layer) {
        const LayerStatistics recorded = layer_statistics(trace, layer, positions);
        const LayerStatistics made = layer_statistics(synthetic, layer, positions);
        print_line(std::to_string(layer), "recorded", recorded);
        print_line("", "synthetic", made);
        add(recorded_mean, recorded, share);
        add(synthetic_mean, made, share);
    }
    print_line("mean", "recorded", recorded_mean);
    print_line("", "synthetic", synthetic_mean);
}

void print_victims(const std::string& path, const TraceSource& trace, const AttentionCalibration& calibration,
                   PositionRange positions) {
    fmt::print("\nvictims of policies that hold 1/{} of {} tokens\n", kBudgetShare, positions.last);
    fmt::print("{:<12} {:<6} {:<9} {:>22} {:>22} {:>18}\n", "policy", "scope", "", "slot after the last's",
               "slot of the last step", "age / budget");
    for (const EvictionScope scope : {EvictionScope::head, EvictionScope::layer}) {
        for (const char* policy : {"h2o", "tova", "rce"}) {
            CacheConfig cache;
            cache.policy = policy;
            cache.budget = positions.last / kBudgetShare;
            apply_policy_defaults(cache);
            cache.scope = scope;
            const auto print = [&](const char* which, std::unique_ptr<AttentionSource> source) {
                const VictimOrder order = victim_order(std::move(source), cache, positions.last);
                fmt::print("{:<12} {:<6} {:<9} {:>20.1f} % {:>20.1f} % {:>18.3f}\n", policy,
                           scope == EvictionScope::head ? "head" : "layer", which, 100 * order.sequential,
                           100 * order.newest, order.age);
            };
            print("recorded", std::make_unique<TraceSource>(path));
            print("synthetic", std::make_unique<SyntheticSource>(calibration, kSeed, shape_of(trace, positions)));
        }
    }
}

}  // namespace

void print_comparison(TraceSource& trace, const std::string& path, const AttentionCalibration& calibration,
                      PositionRange positions) {
    SyntheticSource synthetic(calibration, kSeed, shape_of(trace, positions));
    fmt::print("\nsynthetic: {}\n", synthetic.describe());
    print_layers(trace, synthetic, positions);
    print_victims(path, trace, calibration, positions);
}

}  // namespace palimpsest
