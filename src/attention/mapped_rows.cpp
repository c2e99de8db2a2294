#include "attention/mapped_rows.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kPinnedKeys = 4;

std::string index_note(const std::string& what, std::uint32_t wanted, std::uint32_t there, const std::string& rule) {
    return wanted == there
               ? fmt::format(" Source and model match {} by {} ({}).", what, what, wanted)
               : fmt::format(" Of {} {}s, {} reads {} of the source's {}.", wanted, what, what[0], rule, there);
}

}  // namespace

std::uint32_t recorded_position(std::uint32_t position, std::uint32_t length) {
    if (position < length) {
        return position;
    }
    const std::uint32_t half = length / 2;
    return half + (position - length) % (length - half);
}

std::uint32_t pinned_keys(std::uint32_t length) {
    return std::min(kPinnedKeys, length / 2);
}

MappedRows::MappedRows(std::unique_ptr<AttentionSource> source, const RowDemand& demand)
    : source_(std::move(source)), demand_(demand), length_(source_->length()) {
    if (source_->layers() == 0 || source_->heads() == 0 || source_->sequences() == 0 || length_ == 0) {
        throw InputError({}, "attention",
                         fmt::format("a source of {} layers, {} heads, {} sequences of {} positions", source_->layers(),
                                     source_->heads(), source_->sequences(), length_),
                         "at least one of each");
    }
}

std::uint32_t MappedRows::source_layer(LayerId layer) const {
    return static_cast<std::uint32_t>(std::uint64_t{layer.value} * source_->layers() / demand_.layers);
}

std::uint32_t MappedRows::source_head(HeadId head) const {
    return head.value % source_->heads();
}

std::uint32_t MappedRows::source_sequence(RequestId request) const {
    return (demand_.first_request + request.value) % source_->sequences();
}

void MappedRows::read(std::uint32_t sequence, std::uint32_t layer, std::uint32_t head, std::uint32_t position,
                      std::span<Probability> row) {
    if (position < length_) {
        source_->row(sequence, layer, head, position, row);
        return;
    }
    const std::uint32_t recorded = recorded_position(position, length_);
    const std::uint32_t pinned = pinned_keys(length_);
    recorded_.resize(recorded + 1);
    source_->row(sequence, layer, head, recorded, recorded_);
    const auto split = recorded_.begin() + pinned;
    std::copy(recorded_.begin(), split, row.begin());
    std::fill(row.begin() + pinned, row.begin() + pinned + (position - recorded), Probability{0});
    std::copy(split, recorded_.end(), row.begin() + pinned + (position - recorded));
}

std::string MappedRows::note() const {
    std::string note = source_->describe();
    if (!note.empty() && note.back() != '.') {
        note += '.';
    }
    note += index_note("layer", demand_.layers, source_->layers(),
                       fmt::format("layer floor(l * {} / {})", source_->layers(), demand_.layers));
    note += index_note("head", demand_.heads, source_->heads(), fmt::format("head h mod {}", source_->heads()));
    const std::uint32_t sequences = source_->sequences();
    note += fmt::format(" Request r reads text r mod {}", sequences);
    note +=
        demand_.requests > sequences
            ? fmt::format("; requests from {} on repeat the texts, and so the evictions, of earlier ones.", sequences)
            : ".";
    if (extended()) {
        note += fmt::format(
            " Extended: the source has {} positions, the run {}; later rows repeat those of the source's later half, "
            "the "
            "first {} keys in place and the others at their distance to the query.",
            length_, demand_.positions, pinned_keys(length_));
    }
    return note;
}

}  // namespace palimpsest
