#include "attention/factory.h"

#include <algorithm>

#include "attention/synthetic_source.h"
#include "attention/trace_source.h"

namespace palimpsest {
namespace {

constexpr std::uint64_t kMostSyntheticBytes = std::uint64_t{256} << 20;

}  // namespace

std::unique_ptr<AttentionSource> make_attention_source(const AttentionConfig& config, std::uint64_t seed,
                                                       std::uint32_t layers, std::uint32_t heads,
                                                       std::uint32_t sequences, std::uint32_t length) {
    if (const auto* trace = std::get_if<AttentionTraceSource>(&config)) {
        return std::make_unique<TraceSource>(trace->file);
    }
    const std::uint64_t per_sequence =
        std::max<std::uint64_t>(1, std::uint64_t{layers} * heads * length * SyntheticSource::kBytesPerKey);
    const auto affordable = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(kMostSyntheticBytes / per_sequence, 1, std::max(1u, sequences)));
    const SyntheticShape shape{.layers = layers, .heads = heads, .sequences = affordable, .length = length};
    if (const auto* calibrated = std::get_if<CalibratedAttention>(&config)) {
        return std::make_unique<SyntheticSource>(calibrated->calibration, seed, shape);
    }
    return std::make_unique<SyntheticSource>(std::get<SyntheticAttention>(config), seed, shape);
}

}  // namespace palimpsest
