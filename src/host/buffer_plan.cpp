#include "host/buffer_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

std::uint32_t words_of_half(const BufferConfig& config) {
    return config.banks_per_half() * config.words_per_bank();
}

BufferRegion whole_half(BufferId buffer, const BufferConfig& config, std::uint8_t half) {
    return {{buffer, half}, 0, words_of_half(config)};
}

/// Part `index` of `parts` of half 1 of the activation buffer.
Place staging(const BufferConfig& config, std::uint32_t index) {
    const std::uint32_t words = words_of_half(config) / 4;
    return {{{BufferId::activation, 1}, index * words, words}, {}};
}

Hazard merged(const Hazard& a, const Hazard& b) {
    Hazard both = a;
    for (std::size_t u = 0; u < kUnitCount; ++u) {
        both.writers[u] = std::max(a.writers[u], b.writers[u]);
        both.readers[u] = std::max(a.readers[u], b.readers[u]);
    }
    return both;
}

}  // namespace

BufferPlan::BufferPlan(const HardwareConfig& hardware)
    : config_(hardware.buffers),
      weights_({{whole_half(BufferId::weight, config_.weight, 0), {}},
                {whole_half(BufferId::weight, config_.weight, 1), {}}}),
      staging_in_({staging(config_.activation, 0), staging(config_.activation, 1)}),
      staging_out_({staging(config_.activation, 2), staging(config_.activation, 3)}) {}

std::uint32_t BufferPlan::half_words(BufferId buffer) const {
    switch (buffer) {
        case BufferId::weight:
            return words_of_half(config_.weight);
        case BufferId::activation:
            return words_of_half(config_.activation);
        case BufferId::kv:
            return words_of_half(config_.kv);
        case BufferId::score:
            break;
    }
    return words_of_half(config_.score);
}

Hazard& BufferPlan::next_accumulator() {
    next_accumulator_ ^= 1U;
    return accumulators_[next_accumulator_];
}

PlaceRing BufferPlan::divide(BufferId buffer, const BufferConfig& config, std::uint32_t words) {
    const std::uint32_t half = words_of_half(config);
    if (words > half) {
        throw InputError("", fmt::format("hardware.buffers.{}.banks", name_of(buffer)),
                         fmt::format("a tile of {} words does not fit half of the buffer ({} words)", words, half),
                         fmt::format("{} banks or more", 2 * ceil_div(words, config.words_per_bank())));
    }
    // Whole banks, and places that divide a half evenly; two places a half at most when tiles are small would starve
    // the prefetch, so the smallest place is one bank.
    const std::uint32_t banks = ceil_div(words, config.words_per_bank());
    const std::uint32_t per_half = config.banks_per_half() / banks;
    const std::uint32_t place_words = config.banks_per_half() / per_half * config.words_per_bank();
    std::vector<Place> places;
    for (std::uint32_t i = 0; i < per_half; ++i) {
        for (std::uint8_t side = 0; side < 2; ++side) {  // ping, pong, ping, ...
            places.push_back({{{buffer, side}, i * place_words, place_words}, {}});
        }
    }
    return PlaceRing(std::move(places));
}

PlaceRing& BufferPlan::divided(Division& division, BufferId buffer, const BufferConfig& config, std::uint32_t words) {
    const std::uint32_t banks = ceil_div(words, config.words_per_bank());
    if (division.words == banks) {
        return division.ring;
    }
    Hazard before;
    for (std::size_t i = 0; i < division.ring.size(); ++i) {
        before = merged(before, division.ring.next().hazard);
    }
    division.ring = divide(buffer, config, words);
    division.words = banks;
    for (std::size_t i = 0; i < division.ring.size(); ++i) {
        division.ring.next().hazard = before;
    }
    return division.ring;
}

PlaceRing& BufferPlan::divide_kv(std::uint32_t words) {
    return divided(kv_, BufferId::kv, config_.kv, words);
}

PlaceRing& BufferPlan::divide_scores(std::uint32_t words) {
    return divided(score_, BufferId::score, config_.score, words);
}

std::optional<BufferRegion> BufferPlan::take_resident(std::uint32_t words) {
    // Tensors start on a bank where one is left, so that the array reading one and the vector unit writing another meet
    // on a port as seldom as possible.
    const std::uint32_t half = words_of_half(config_.activation);
    const std::uint32_t bank = config_.activation.words_per_bank();
    const std::uint32_t aligned = round_up(resident_used_, bank);
    const std::uint32_t start = aligned + words <= half ? aligned : resident_used_;
    if (start + words > half) {
        return std::nullopt;
    }
    resident_used_ = start + words;
    return BufferRegion{{BufferId::activation, 0}, start, words};
}

}  // namespace palimpsest
