#include "policy/oracle.h"

#include <vector>

namespace palimpsest {
namespace {

constexpr float kOne = 1LL << 40;

std::int64_t fixed_point(float probability) {
    return static_cast<std::int64_t>(probability * kOne);
}

}  // namespace

OraclePolicy::OraclePolicy(const CacheConfig& config, std::uint32_t slot_count, FutureAttention& future)
    : PositionPolicy(slot_count),
      sinks_(config.sinks),
      recent_(config.recent),
      future_(future),
      left_(future.length(), 0) {
    for (std::uint32_t query = 0; query < future_.length(); ++query) {
        read_row(query);
        for (std::size_t key = 0; key < row_.size(); ++key) {
            left_[key] += fixed_point(row_[key]);
        }
    }
}

void OraclePolicy::read_row(std::uint32_t query) {
    row_.resize(query + 1);
    future_.row(TokenPosition(query), row_);
}

void OraclePolicy::observe(const RelevanceRow& row) {
    for (; next_query_ <= row.query.value && next_query_ < future_.length(); ++next_query_) {
        read_row(next_query_);
        for (std::size_t key = 0; key < row_.size(); ++key) {
            left_[key] -= fixed_point(row_[key]);
        }
    }
}

std::optional<SlotId> OraclePolicy::victim(TokenPosition newest) const {
    const EvictableRange range = evictable_positions(sinks_, recent_, newest);
    const auto positions = slots().occupied();
    std::optional<std::uint32_t> best;
    std::int64_t least = 0;
    for (const std::uint32_t position : positions) {
        if (!range.contains(position)) {
            continue;
        }
        const std::int64_t left = position < left_.size() ? left_[position] : 0;
        if (!best || left < least || (left == least && position < *best)) {
            best = position;
            least = left;
        }
    }
    return best ? std::optional(slot_holding(positions, *best)) : std::nullopt;
}

double OraclePolicy::mass_left(TokenPosition position) const {
    return position.value < left_.size() ? static_cast<double>(left_[position.value]) / kOne : 0;
}

}  // namespace palimpsest
