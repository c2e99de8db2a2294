#pragma once
// The caches of several texts, each under several policies side by side: what rules a DecoderEngine whose texts are
// (text, variant) pairs. Variant 0 has the full cache; the others are held against its attention.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/decoder_engine.h"
#include "evaluation/managed_cache.h"

namespace palimpsest {

/// Share of the full cache's attention that falls on tokens a variant still holds.
struct KeptMass {
    double sum = 0;
    std::uint64_t rows = 0;  ///< of query heads
    double mean() const { return rows == 0 ? 1 : sum / static_cast<double>(rows); }
};

class LockstepCaches final : public CacheHook {
  public:
    struct Plan {
        std::uint32_t texts = 1;
        std::uint32_t length = 1;      ///< tokens a text
        std::uint32_t chunk = 1;       ///< tokens of a text that the engine processes together
        std::uint32_t first_kept = 0;  ///< rows from this position on count towards the mass kept
    };

    LockstepCaches(const ModelShape& shape, const Plan& plan);
    /// The next variant: one cache for each text, in order.
    void add_variant(std::vector<ManagedCache> caches);
    std::uint32_t variants() const { return static_cast<std::uint32_t>(caches_.size()) + 1; }

    const KeptMass& kept(std::uint32_t text, std::uint32_t variant) const { return kept_[variant - 1][text]; }
    std::uint64_t evictions(std::uint32_t text, std::uint32_t variant) const {
        return caches_[variant - 1][text].evictions();
    }

    // Engine text t * variants() + v is text t under variant v; the engine's group is variants().
    void place(std::uint32_t stream, std::uint32_t layer, std::uint32_t position,
               std::span<std::uint32_t> cells) override;
    std::span<const std::uint32_t> attended(std::uint32_t stream, std::uint32_t layer, std::uint32_t position,
                                            std::uint32_t kv_head) override;
    void observe(const AttentionRows& rows) override;

  private:
    void remember(std::uint32_t text, const AttentionRows& rows);
    void add_kept(std::uint32_t text, const ManagedCache& cache, const AttentionRows& rows, KeptMass& kept) const;

    ModelShape shape_;
    Plan plan_;
    FullCache full_;
    std::vector<std::vector<ManagedCache>> caches_;  ///< variants (without the full one) x texts
    std::vector<std::vector<KeptMass>> kept_;        ///< alike
    std::vector<std::vector<float>> full_rows_;      ///< by text: chunk x heads x length, of the layer at hand
};

}  // namespace palimpsest
