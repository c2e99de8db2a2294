#include "attention/attention_statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace palimpsest {

namespace {

/// Marks the heaviest 1/8 (rounded up) of the keys of `row`; of keys alike the older ones.
void mark_heaviest(std::span<const Probability> row, std::vector<std::uint32_t>& keys, std::vector<char>& heavy) {
    keys.resize(row.size());
    std::iota(keys.begin(), keys.end(), 0);
    const auto eighth = static_cast<std::ptrdiff_t>((row.size() + 7) / 8);
    std::nth_element(keys.begin(), keys.begin() + eighth - 1, keys.end(),
                     [row](std::uint32_t a, std::uint32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
    heavy.assign(row.size(), 0);
    for (std::ptrdiff_t i = 0; i < eighth; ++i) {
        heavy[keys[static_cast<std::size_t>(i)]] = 1;
    }
}

/// Mean over every `stride`-th row of the share of its heaviest keys that are so `lag` rows later; 0 where no row is so
/// much later.
double mean_overlap(const std::vector<std::vector<Probability>>& rows, std::size_t lag, std::size_t stride) {
    std::vector<std::uint32_t> keys;
    std::vector<char> early;
    std::vector<char> late;
    double sum = 0;
    double pairs = 0;
    for (std::size_t i = 0; i + lag < rows.size(); i += stride) {
        mark_heaviest(rows[i], keys, early);
        mark_heaviest(std::span(rows[i + lag]).first(rows[i].size()), keys, late);
        const double both = std::transform_reduce(early.begin(), early.end(), late.begin(), 0.0, std::plus<>(),
                                                  [](char a, char b) { return a != 0 && b != 0 ? 1.0 : 0.0; });
        const std::size_t eighth = (rows[i].size() + 7) / 8;
        sum += both / static_cast<double>(eighth);
        pairs += 1;
    }
    return pairs > 0 ? sum / pairs : 0.0;
}

}  // namespace

RowStatistics& RowStatistics::operator+=(const RowStatistics& o) {
    entropy += o.entropy;
    effective_tokens += o.effective_tokens;
    mass_first += o.mass_first;
    mass_first4 += o.mass_first4;
    mass_self += o.mass_self;
    mass_last4 += o.mass_last4;
    mass_last16 += o.mass_last16;
    mass_last64 += o.mass_last64;
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
            .mass_last64 = mass_last64 / rows,
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
    s.mass_last64 = last(64);
    scratch.assign(row.begin(), row.end());
    const auto eighth = static_cast<std::ptrdiff_t>((row.size() + 7) / 8);
    std::nth_element(scratch.begin(), scratch.begin() + eighth - 1, scratch.end(), std::greater<>());
    s.mass_top_eighth = sum(std::span(scratch).first(static_cast<std::size_t>(eighth))) / total;
    return s;
}

PersistenceStatistics& PersistenceStatistics::operator+=(const PersistenceStatistics& o) {
    after1 += o.after1;
    after16 += o.after16;
    after64 += o.after64;
    return *this;
}

PersistenceStatistics PersistenceStatistics::operator/(double parts) const {
    return {.after1 = after1 / parts, .after16 = after16 / parts, .after64 = after64 / parts};
}

PersistenceStatistics persistence_of(const std::vector<std::vector<Probability>>& rows, std::size_t stride) {
    return {.after1 = mean_overlap(rows, 1, stride),
            .after16 = mean_overlap(rows, 16, stride),
            .after64 = mean_overlap(rows, 64, stride)};
}

PersistenceStatistics persistence_of(AttentionSource& source, std::uint32_t layer, PositionRange positions) {
    PersistenceStatistics sum;
    std::vector<std::vector<Probability>> rows(positions.last - positions.first);
    for (std::uint32_t sequence = 0; sequence < source.sequences(); ++sequence) {
        for (std::uint32_t head = 0; head < source.heads(); ++head) {
            for (std::uint32_t position = positions.first; position < positions.last; ++position) {
                auto& row = rows[position - positions.first];
                row.resize(std::size_t{position} + 1);
                source.row(sequence, layer, head, position, row);
            }
            sum += persistence_of(rows);
        }
    }
    return sum / (static_cast<double>(source.sequences()) * source.heads());
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

LayerStatistics layer_statistics(AttentionSource& source, std::uint32_t layer, PositionRange positions) {
    return {mean_of(head_statistics(source, layer, positions)), persistence_of(source, layer, positions)};
}

}  // namespace palimpsest
