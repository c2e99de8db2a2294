#include "policy/relevance_mean.h"

#include <algorithm>

namespace palimpsest {
namespace {

constexpr float kSampleOne = 65535.0F;

void add_rows(std::span<const float> rows, std::uint32_t heads, std::vector<float>& sums) {
    for (std::uint32_t head = 0; head < heads; ++head) {
        const float* row = rows.data() + head * sums.size();
        for (std::size_t i = 0; i < sums.size(); ++i) {
            sums[i] += row[i];
        }
    }
}

}  // namespace

void RelevanceMean::begin(std::size_t columns, bool with_logits) {
    with_logits_ = with_logits;
    heads_ = 0;
    probabilities_.assign(columns, 0.0F);
    logits_.assign(with_logits ? columns : 0, 0.0F);
}

void RelevanceMean::add(std::span<const float> probabilities, std::span<const float> logits, std::uint32_t heads) {
    heads_ += heads;
    add_rows(probabilities, heads, probabilities_);
    if (with_logits_) {
        add_rows(logits, heads, logits_);
    }
}

RelevanceRow RelevanceMean::row(TokenPosition query) {
    const auto heads = static_cast<float>(heads_);
    const float scale = kSampleOne / heads;
    samples_.resize(probabilities_.size());
    std::ranges::transform(probabilities_, samples_.begin(), [scale](float sum) {
        return static_cast<RelevanceSample>(static_cast<std::int32_t>(sum * scale + 0.5F));
    });
    for (float& sum : logits_) {
        sum /= heads;
    }
    return {.probabilities = samples_, .logits = logits_, .query = query};
}

}  // namespace palimpsest
