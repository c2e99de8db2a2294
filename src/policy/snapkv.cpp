#include "policy/snapkv.h"

namespace palimpsest {

SnapKvPolicy::SnapKvPolicy(const CacheConfig& config, std::uint32_t slot_count)
    : ScoredPolicy(config, slot_count),
      window_(std::max(1U, config.snapkv_window)),
      reach_(config.snapkv_kernel / 2),
      pooling_(config.snapkv_pooling),
      history_(std::size_t{window_} * slot_count, 0) {}

void SnapKvPolicy::insert(SlotId slot, TokenPosition position) {
    ScoredPolicy::insert(slot, position);
    by_position_.push_back(slot.value);
    for (std::size_t i = slot.value; i < history_.size(); i += slots().capacity()) {
        history_[i] = 0;
    }
}

void SnapKvPolicy::remove(SlotId slot) {
    ScoredPolicy::remove(slot);
    by_position_.erase(std::ranges::find(by_position_, slot.value));
}

void SnapKvPolicy::move(SlotId from, SlotId to) {
    ScoredPolicy::move(from, to);
    *std::ranges::find(by_position_, from.value) = to.value;
    for (std::size_t row = 0; row < history_.size(); row += slots().capacity()) {
        history_[row + to.value] = history_[row + from.value];
    }
}

void SnapKvPolicy::observe(const RelevanceRow& row) {
    RelevanceSample* const oldest = history_.data() + std::size_t{next_row_} * slots().capacity();
    std::uint32_t* const sums = scores().data();
    const RelevanceSample* const samples = row.probabilities.data();
    for (std::size_t i = 0; i < row.probabilities.size(); ++i) {
        sums[i] += samples[i] - oldest[i];
        oldest[i] = samples[i];
    }
    next_row_ = next_row_ + 1 == window_ ? 0 : next_row_ + 1;
}

std::optional<SlotId> SnapKvPolicy::victim(TokenPosition newest) const {
    const std::uint32_t* const sums = scores().data();
    std::size_t prefix = by_position_.size();
    while (prefix > 0 && std::uint64_t{slots().at(SlotId(by_position_[prefix - 1])).value} + recent() > newest.value) {
        --prefix;
    }
    std::optional<SlotId> best;
    std::uint64_t least = 0;
    for (std::size_t i = 0; i < prefix; ++i) {
        const SlotId slot(by_position_[i]);
        if (slots().at(slot).value < sinks()) {
            continue;
        }
        std::uint64_t pooled = 0;
        for (std::size_t j = i - std::min<std::size_t>(i, reach_); j < std::min(prefix, i + reach_ + 1); ++j) {
            const std::uint32_t score = sums[by_position_[j]];
            pooled = pooling_ == SnapKvPooling::average ? pooled + score : std::max<std::uint64_t>(pooled, score);
        }
        if (!best || pooled < least) {
            best = slot;
            least = pooled;
        }
    }
    return best;
}

}  // namespace palimpsest
