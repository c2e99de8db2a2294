#include "policy/roco.h"

#include "policy/observed.h"

namespace palimpsest {
namespace {

/// Of a history of `queries` probabilities. Exact until the division while queries < 2^16: long double holds 64 bits.
double variance_of(std::uint64_t sum, std::uint64_t squares, std::uint64_t queries) {
    const long double n = static_cast<long double>(queries);
    const long double s = static_cast<long double>(sum);
    return static_cast<double>((n * static_cast<long double>(squares) - s * s) / (n * n));
}

}  // namespace

RocoPolicy::RocoPolicy(const CacheConfig& config, std::uint32_t slot_count)
    : ScoredPolicy(config, slot_count), share_(config.roco_share), squares_(slot_count, 0) {}

void RocoPolicy::insert(SlotId slot, TokenPosition position) {
    ScoredPolicy::insert(slot, position);
    squares_[slot.value] = 0;
}

void RocoPolicy::move(SlotId from, SlotId to) {
    ScoredPolicy::move(from, to);
    squares_[to.value] = squares_[from.value];
}

void RocoPolicy::observe(const RelevanceRow& row) {
    last_query_ = row.query.value;
    std::uint64_t* const sums = scores().data();
    std::uint64_t* const squares = squares_.data();
    const RelevanceSample* const samples = row.probabilities.data();
    for (std::size_t i = 0; i < row.probabilities.size(); ++i) {
        const std::uint64_t sample = samples[i];
        sums[i] += sample;
        squares[i] += sample * sample;
    }
}

std::optional<SlotId> RocoPolicy::victim(TokenPosition newest) const {
    const EvictableRange range = evictable(newest);
    const auto positions = slots().occupied();
    candidates_.clear();
    for (std::uint32_t i = 0; i < positions.size(); ++i) {
        if (range.contains(positions[i])) {
            const std::uint64_t queries = queries_seen(positions[i], last_query_);
            candidates_.push_back(
                {i, positions[i], scores()[i], queries, variance_of(scores()[i], squares_[i], queries)});
        }
    }
    if (candidates_.empty()) {
        return std::nullopt;
    }
    const auto staying = static_cast<std::size_t>(share_ * slots().count());
    const std::size_t stay_anyway = slots().count() - candidates_.size();
    std::size_t scope = candidates_.size();
    if (staying > stay_anyway) {
        scope -= std::min(scope - 1, staying - stay_anyway);
    }
    const auto scope_end = candidates_.begin() + static_cast<std::ptrdiff_t>(scope);
    std::ranges::nth_element(candidates_, scope_end - 1, [](const Candidate& a, const Candidate& b) {
        return a.variance != b.variance ? a.variance < b.variance : a.position < b.position;
    });
    const auto victim = std::min_element(candidates_.begin(), scope_end, [](const Candidate& a, const Candidate& b) {
        const std::uint64_t ours = a.sum * b.queries, theirs = b.sum * a.queries;
        return ours != theirs ? ours < theirs : a.position < b.position;
    });
    return SlotId(victim->slot);
}

}  // namespace palimpsest
