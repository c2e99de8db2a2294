#include "attention/attention_statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace palimpsest {

RowStatistics& RowStatistics::operator+=(const RowStatistics& o) {
    entropy += o.entropy;
    effective_tokens += o.effective_tokens;
    mass_first += o.mass_first;
    mass_first4 += o.mass_first4;
    mass_self += o.mass_self;
    mass_last4 += o.mass_last4;
    mass_last16 += o.mass_last16;
    mass_top_eighth += o.mass_top_eighth;
    return *this;
}

RowStatistics RowStatistics::operator/(double rows) const {
    return {.entropy = entropy / rows,
            .effective_tokens = effective_tokens / rows,
            .mass_first = mass_first / rows,
            .mass_first4 = mass_first4 / rows,
            .mass_self = mass_self / rows,
            .mass_last4 = mass_last4 / rows,
            .mass_last16 = mass_last16 / rows,
            .mass_top_eighth = mass_top_eighth / rows};
}

RowStatistics statistics_of(std::span<const Probability> row, std::vector<Probability>& scratch) {
    const auto sum = [](std::span<const Probability> part) {
        return static_cast<double>(std::accumulate(part.begin(), part.end(), std::uint64_t{0}));
    };
    const double total = sum(row);
    RowStatistics s;
    if (total == 0) {
        return s;
    }
    for (const Probability p : row) {
        if (p > 0) {
            const double share = p / total;
            s.entropy -= share * std::log(share);
        }
    }
    const auto last = [&](std::size_t keys) { return sum(row.last(std::min(keys, row.size()))) / total; };
    s.effective_tokens = std::exp(s.entropy);
    s.mass_first = row.front() / total;
    s.mass_first4 = sum(row.first(std::min<std::size_t>(4, row.size()))) / total;
    s.mass_self = last(1);
    s.mass_last4 = last(4);
    s.mass_last16 = last(16);
    scratch.assign(row.begin(), row.end());
    const auto eighth = static_cast<std::ptrdiff_t>((row.size() + 7) / 8);
    std::nth_element(scratch.begin(), scratch.begin() + eighth - 1, scratch.end(), std::greater<>());
    s.mass_top_eighth = sum(std::span(scratch).first(static_cast<std::size_t>(eighth))) / total;
    return s;
}

std::vector<RowStatistics> head_statistics(AttentionSource& source, std::uint32_t layer, PositionRange positions) {
    std::vector<RowStatistics> heads(source.heads());
    std::vector<Probability> row;
    std::vector<Probability> scratch;
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        for (std::uint32_t position = positions.first; position < positions.last; ++position) {
            row.resize(std::size_t{position} + 1);
            for (std::uint32_t head = 0; head < source.heads(); ++head) {
                source.row(sequence, layer, head, position, row);
                heads[head] += statistics_of(row, scratch);
            }
        }
    }
    const double rows = static_cast<double>(source.sequences()) * (positions.last - positions.first);
    for (RowStatistics& head : heads) {
        head = head / rows;
    }
    return heads;
}

RowStatistics mean_of(std::span<const RowStatistics> parts) {
    RowStatistics total;
    for (const RowStatistics& part : parts) {
        total += part;
    }
    return total / static_cast<double>(parts.size());
}

}  // namespace palimpsest
