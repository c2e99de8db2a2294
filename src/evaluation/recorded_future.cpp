#include "evaluation/recorded_future.h"

#include <algorithm>

namespace palimpsest {
namespace {

constexpr float kCodeOne = 65535.0F;

std::size_t row_start(std::size_t query) {
    return query * (query + 1) / 2;
}

}  // namespace

RecordedFuture::RecordedFuture(std::uint32_t length) : length_(length), codes_(row_start(length), 0) {}

void RecordedFuture::row(TokenPosition query, std::span<float> row) {
    const std::uint16_t* codes = codes_.data() + row_start(query.value);
    std::transform(codes, codes + row.size(), row.begin(),
                   [](std::uint16_t code) { return static_cast<float>(code) / kCodeOne; });
}

void RecordedFuture::add(std::uint32_t query, std::span<const float> probabilities, float share) {
    std::uint16_t* codes = codes_.data() + row_start(query);
    for (std::size_t key = 0; key < probabilities.size(); ++key) {
        const float sum = static_cast<float>(codes[key]) + probabilities[key] * share * kCodeOne;
        codes[key] = static_cast<std::uint16_t>(std::min(sum + 0.5F, kCodeOne));
    }
}

FutureRecorder::FutureRecorder(const ModelShape& shape, EvictionScope scope, std::uint32_t texts, std::uint32_t length)
    : FullCache(length, length), shape_(shape), index_(shape, scope) {
    futures_.reserve(std::size_t{texts} * index_.sets());
    for (std::size_t i = 0; i < std::size_t{texts} * index_.sets(); ++i) {
        futures_.emplace_back(length);
    }
}

void FutureRecorder::observe(const AttentionRows& rows) {
    // Mean over the heads of a layer first, so that codes are rounded once a layer.
    const std::uint32_t sets = index_.sets_a_layer();
    const std::uint32_t heads = rows.heads / sets;
    std::vector<float> mean(rows.columns);
    for (std::uint32_t i = 0; i < sets; ++i) {
        std::ranges::fill(mean, 0.0F);
        for (std::uint32_t head = i * heads; head < (i + 1) * heads; ++head) {
            const auto row = rows.probabilities.subspan(std::size_t{head} * rows.columns, rows.columns);
            for (std::uint32_t key = 0; key < rows.columns; ++key) {
                mean[key] += row[key] / static_cast<float>(heads);
            }
        }
        const float share = index_.spans_layers() ? 1.0F / static_cast<float>(shape_.layers) : 1.0F;
        futures_[std::size_t{rows.text} * index_.sets() + index_.first_of(rows.layer) + i].add(rows.position, mean,
                                                                                               share);
    }
}

std::vector<FutureAttention*> FutureRecorder::futures(std::uint32_t text) {
    std::vector<FutureAttention*> result;
    for (std::uint32_t set = 0; set < index_.sets(); ++set) {
        result.push_back(&futures_[std::size_t{text} * index_.sets() + set]);
    }
    return result;
}

}  // namespace palimpsest
