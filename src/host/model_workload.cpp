#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "attention/factory.h"
#include "common/checks.h"
#include "host/capacity.h"
#include "host/transformer.h"
#include "host/workload.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

/// None where an engine makes the rows as it goes.
std::unique_ptr<AttentionSource> source_of(const RunConfig& config) {
    if (std::holds_alternative<AttentionEngineSource>(config.attention)) {
        return nullptr;
    }
    return make_attention_source(config.attention, config.workload.seed, config.model.layers, config.model.heads,
                                 config.workload.batch,
                                 config.workload.prompt_tokens + config.workload.generated_tokens);
}

class ModelWorkload : public Workload {
  public:
    ModelWorkload(const RunConfig& config, PolicyFactory policy)
        : config_(config),
          own_policy_(policy != nullptr),
          replay_(config, source_of(config), std::move(policy)),
          buffers_(config.hardware),
          dram_(config.dram.organisation.bytes(), config.dram.organisation.row_bytes()),
          weights_(map_weights(config.model, dram_)),
          geometry_(model_kv_geometry(config, replay_.slots(), replay_.uses_scores())) {
        place_kv(config, geometry_, dram_);
    }

    const KvGeometry& geometry() const override { return geometry_; }

    void run(HostDriver& driver, const ProgressHook& progress) override {
        const WorkloadConfig& work = config_.workload;
        Lowering lowering{config_, driver.program(), buffers_};
        TransformerLowering transformer(lowering, weights_, dram_);
        const std::uint32_t chunk = std::max(1U, prefill_chunk_tokens(config_));
        const std::uint32_t chunks = ceil_div(work.prompt_tokens, chunk);
        const double steps = static_cast<double>(chunks) + work.generated_tokens;
        double steps_done = 0;
        const auto advance = [&](const std::string& phase) {
            return [&, phase](std::uint32_t layers) {
                progress((steps_done + static_cast<double>(layers) / config_.model.layers) / steps, phase);
            };
        };
        const auto close_step = [&] {
            driver.end_step();
            if constexpr (kChecks) {
                check_cache(driver.machine().kv_mmu());
            }
            steps_done += 1;
        };
        const ResidencyConfig& followed = config_.simulation.residency;
        const RequestId request(followed.request);
        const LayerId layer(followed.layer);
        const KvHeadId head(followed.kv_head);
        driver.follow({request, layer, head, replay_.slots(request, layer, head)});
        driver.begin_phase("prefill");
        if (config_.cache.prefill == PrefillMode::preset) {
            for (std::uint32_t c = 0; c < chunks; ++c) {
                const std::uint32_t first = c * chunk;
                replay_.prefill_chunk(first, std::min(chunk, work.prompt_tokens - first));
                driver.decided(replay_, true);
                preset_cache(driver.machine().kv_mmu());
            }
            steps_done = chunks;
        } else {
            for (std::uint32_t c = 0; c < chunks; ++c) {
                const std::uint32_t first = c * chunk;
                const std::uint32_t count = std::min(chunk, work.prompt_tokens - first);
                replay_.prefill_chunk(first, count);
                driver.decided(replay_, true);
                transformer.prefill_chunk(replay_, first, count, c + 1 == chunks,
                                          advance(fmt::format("prefill {}/{}", c + 1, chunks)));
                close_step();
            }
            prefill_steps_ = chunks;
        }
        if (work.generated_tokens == 0) {
            driver.drain();
        }
        prefill_ = driver.interval();
        driver.begin_phase("generation");
        for (std::uint32_t g = 0; g < work.generated_tokens; ++g) {
            const std::uint32_t position = work.prompt_tokens + g;
            replay_.generation_step(position);
            driver.decided(replay_, false);
            transformer.generation_step(replay_, position,
                                        advance(fmt::format("generation {}/{}", g + 1, work.generated_tokens)));
            close_step();
        }
        if (work.generated_tokens > 0) {
            driver.drain();
        }
        generation_ = driver.interval();
    }

    void report(Machine& machine, RunResult& result) const override {
        const WorkloadConfig& work = config_.workload;
        result.prefill = prefill_;
        result.generation = generation_;
        if (config_.cache.prefill == PrefillMode::preset) {
            result.notes["prefill"] = "Not simulated: the run starts with the cache that the prompt leaves.";
        } else {
            result.prefill.tokens = std::uint64_t{work.batch} * work.prompt_tokens;
        }
        result.generation.tokens = std::uint64_t{work.batch} * work.generated_tokens;
        result.prefill_steps = prefill_steps_;
        result.kv_cache.policy = own_policy_ ? "custom" : config_.cache.policy;
        result.kv_cache.budgets = replay_.budgets();
        result.kv_cache.budget =
            result.kv_cache.budgets ? result.kv_cache.budgets->mean : std::min(geometry_.slots, geometry_.positions);
        result.kv_cache.peak_bytes = machine.kv_mmu().peak_bytes();
        result.kv_cache.full_bytes =
            geometry_.sets() * geometry_.positions * 2 * kv_vector_bytes(config_.cache, geometry_);
        result.kv_cache.evictions = replay_.evictions();
        result.kv_cache.resident_tokens_peak = machine.kv_mmu().resident_tokens_peak();
        result.notes["attention_source"] = replay_.mapping_note();
        result.estimated = replay_.synthetic();
    }

  private:
    /// After a step: the KV-MMU's tables are whole, equally full where budgets are equal, and as the replay says.
    void check_cache(const KvMmu& kv_mmu) const {
        if (config_.cache.allocation == BudgetAllocation::equal) {
            kv_mmu.check_uniform();
        } else {
            kv_mmu.check_tables();
        }
        for (std::uint64_t set = 0; set < geometry_.sets(); ++set) {
            const auto head = static_cast<std::uint32_t>(set % geometry_.kv_heads);
            const auto layer = static_cast<std::uint32_t>(set / geometry_.kv_heads % geometry_.layers);
            const auto request = static_cast<std::uint32_t>(set / geometry_.kv_heads / geometry_.layers);
            const std::uint32_t there = kv_mmu.slot_table().residents(set);
            const std::uint32_t expected =
                replay_.decision(RequestId(request), LayerId(layer), KvHeadId(head)).residents_after;
            if (there != expected) {
                throw SimulationError(
                    fmt::format("request {}, layer {}, KV head {} holds {} tokens after the step, not {}", request,
                                layer, head, there, expected));
            }
        }
    }

    /// Gives the cache what the chunk at hand leaves in it, without simulating how it gets there.
    void preset_cache(KvMmu& kv_mmu) const {
        for (std::uint32_t r = 0; r < geometry_.batch; ++r) {
            for (std::uint32_t l = 0; l < geometry_.layers; ++l) {
                for (std::uint32_t h = 0; h < geometry_.kv_heads; ++h) {
                    const CacheDecision& decision = replay_.decision(RequestId{r}, LayerId{l}, KvHeadId{h});
                    if (decision.freed) {
                        for (const SlotId slot : *decision.freed) {
                            kv_mmu.preset_free(RequestId{r}, LayerId{l}, KvHeadId{h}, slot);
                        }
                    }
                    if (decision.placed) {
                        for (const KvPlacement& placement : *decision.placed) {
                            kv_mmu.preset(RequestId{r}, LayerId{l}, KvHeadId{h}, placement);
                        }
                    }
                }
            }
        }
    }

    const RunConfig& config_;
    bool own_policy_;
    CacheReplay replay_;
    BufferPlan buffers_;
    DramAllocator dram_;
    WeightMap weights_;
    KvGeometry geometry_;
    Interval prefill_, generation_;
    std::uint32_t prefill_steps_ = 0;
};

}  // namespace

std::unique_ptr<Workload> make_model_workload(const RunConfig& config, PolicyFactory policy) {
    if (!policy) {
        check_capacity(config);
    }
    return std::make_unique<ModelWorkload>(config, std::move(policy));
}

}  // namespace palimpsest
