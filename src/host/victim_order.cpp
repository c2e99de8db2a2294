#include "host/victim_order.h"

#include <vector>

#include "host/cache_replay.h"

namespace palimpsest {
namespace {

/// The tokens in one set's slots, followed from step to step.
class Slots {
  public:
    explicit Slots(std::uint32_t slots) : positions_(slots) {}

    void step(const CacheDecision& decision) {
        if (decision.placed) {
            for (const auto& placement : *decision.placed) {
                positions_[placement.slot.value] = placement.position.value;
                newest_ = placement.position.value;
            }
        }
        if (!decision.freed) {
            return;
        }
        for (const SlotId slot : *decision.freed) {
            const std::uint32_t victim = positions_[slot.value];
            if (victims_ > 0 || has_previous_) {
                sequential_ += slot.value == (previous_ + 1) % positions_.size() ? 1 : 0;
                latest_ += victim == newest_ ? 1 : 0;
                age_ += newest_ - victim;
                ++victims_;
            }
            previous_ = slot.value;
            has_previous_ = true;
        }
    }

    void add_to(VictimOrder& sum, double& victims) const {
        sum.sequential += sequential_;
        sum.newest += latest_;
        sum.age += age_ / static_cast<double>(positions_.size());
        victims += victims_;
    }

  private:
    std::vector<std::uint32_t> positions_;
    std::uint32_t newest_ = 0;
    std::uint32_t previous_ = 0;
    bool has_previous_ = false;
    double victims_ = 0, sequential_ = 0, latest_ = 0, age_ = 0;
};

}  // namespace

VictimOrder victim_order(std::unique_ptr<AttentionSource> source, const CacheConfig& cache, std::uint32_t length) {
    RunConfig config;
    config.model.layers = source->layers();
    config.model.heads = config.model.kv_heads = source->heads();
    config.workload.batch = source->sequences();
    config.workload.prompt_tokens = cache.budget;
    config.workload.generated_tokens = length - cache.budget;
    config.cache = cache;
    config.cache.prefill = PrefillMode::chunked;
    config.cache.prefill_chunk = cache.budget;
    const std::uint32_t heads = cache.scope == EvictionScope::head ? source->heads() : 1;
    const std::uint32_t layers = cache.scope == EvictionScope::model ? 1 : source->layers();
    std::vector<Slots> sets(std::size_t{source->sequences()} * layers * heads, Slots(cache.budget));
    CacheReplay replay(config, std::move(source));
    const auto look = [&] {
        for (std::size_t i = 0; i < sets.size(); ++i) {
            const auto head = static_cast<std::uint32_t>(i % heads);
            const auto layer = static_cast<std::uint32_t>(i / heads % layers);
            const auto request = static_cast<std::uint32_t>(i / heads / layers);
            sets[i].step(replay.decision(RequestId(request), LayerId(layer), KvHeadId(head)));
        }
    };
    replay.prefill_chunk(0, cache.budget);
    look();
    for (std::uint32_t position = cache.budget; position < length; ++position) {
        replay.generation_step(position);
        look();
    }
    VictimOrder order;
    double victims = 0;
    for (const Slots& set : sets) {
        set.add_to(order, victims);
    }
    if (victims > 0) {
        order = {order.sequential / victims, order.newest / victims, order.age / victims};
    }
    return order;
}

}  // namespace palimpsest
