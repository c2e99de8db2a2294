#pragma once
// Attention rows of a model over a text, from wherever they come: a recorded trace, a generator, an engine.

#include <cstdint>
#include <span>
#include <string>

namespace palimpsest {

/// A probability as softmax hardware delivers it: 0 .. 65535 stands for 0 .. 1.
using Probability = std::uint16_t;
inline constexpr Probability kProbabilityOne = 65535;

/// Rows are deterministic: the same arguments give the same row. Cheap to call in position order.
class AttentionSource {
  public:
    virtual ~AttentionSource() = default;

    virtual std::uint32_t layers() const = 0;
    virtual std::uint32_t heads() const = 0;      ///< query heads a layer
    virtual std::uint32_t sequences() const = 0;  ///< independent texts
    virtual std::uint32_t length() const = 0;     ///< positions a sequence has rows for
    /// The row of the query at `position` over keys 0 .. position: `row.size() == position + 1`, sum close to one.
    /// `position < length()`.
    virtual void row(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                     std::span<Probability> row) = 0;
    /// One sentence for the report: what the rows are and where they come from.
    virtual std::string describe() const = 0;
    virtual bool synthetic() const = 0;
};

}  // namespace palimpsest
