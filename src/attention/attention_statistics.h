#pragma once
// What attention rows look like in numbers: how spread they are, and where their mass lies.

#include <cstdint>
#include <span>
#include <vector>

#include "attention/attention_source.h"

namespace palimpsest {

/// Of one row, or means over rows.
struct RowStatistics {
    double entropy = 0;           ///< nats
    double effective_tokens = 0;  ///< exp(entropy)
    double mass_first = 0;        ///< on position 0
    double mass_first4 = 0;       ///< on positions 0 .. 3
    double mass_self = 0;         ///< on the query's own position
    double mass_last4 = 0;        ///< on the last 4 keys
    double mass_last16 = 0;       ///< on the last 16 keys
    double mass_last64 = 0;       ///< on the last 64 keys
    double mass_top_eighth = 0;   ///< on the heaviest 1/8 of the keys (rounded up)

    RowStatistics& operator+=(const RowStatistics& other);
    RowStatistics operator/(double rows) const;
};

/// Of one row, normalised to sum one first. All zero for a row of zeros. `scratch` is overwritten.
RowStatistics statistics_of(std::span<const Probability> row, std::vector<Probability>& scratch);

/// Which rows are averaged: all sequences, positions [first, last).
struct PositionRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

/// How much of a row's heaviest 1/8 of keys (rounded up) is, of the same keys, among the heaviest 1/8 of the row so
/// many queries later: means over rows, 0 to 1.
struct PersistenceStatistics {
    double after1 = 0;
    double after16 = 0;
    double after64 = 0;

    PersistenceStatistics& operator+=(const PersistenceStatistics& other);
    PersistenceStatistics operator/(double parts) const;
};

/// Of rows that follow each other; every `stride`-th is compared with later ones.
PersistenceStatistics persistence_of(const std::vector<std::vector<Probability>>& rows, std::size_t stride = 1);

/// Means over the heads of one layer, all sequences, and the pairs of rows that lie in `positions`.
PersistenceStatistics persistence_of(AttentionSource& source, std::uint32_t layer, PositionRange positions);

/// Means by head of one layer.
std::vector<RowStatistics> head_statistics(AttentionSource& source, std::uint32_t layer, PositionRange positions);
RowStatistics mean_of(std::span<const RowStatistics> parts);

/// What makes one layer's attention look like another's.
struct LayerStatistics {
    RowStatistics rows;
    PersistenceStatistics persistence;
};

/// Means over the layer's heads.
LayerStatistics layer_statistics(AttentionSource& source, std::uint32_t layer, PositionRange positions);

}  // namespace palimpsest
