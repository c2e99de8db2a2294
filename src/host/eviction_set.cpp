#include "host/eviction_set.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/checks.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

template <class T>
std::shared_ptr<const std::vector<T>> shared_or_null(std::vector<T> list) {
    return list.empty() ? nullptr : std::make_shared<const std::vector<T>>(std::move(list));
}

}  // namespace

EvictionSet::EvictionSet(const EvictionSetShape& shape, std::unique_ptr<EvictionPolicy> policy)
    : shape_(shape), policy_(std::move(policy)), table_(shape.slots + shape.temporaries) {}

void EvictionSet::begin_chunk() {
    residents_before_ = residents_;
    searches_ = 0;
    newest_.reset();
    window_.reset();
    chunk_tokens_ = 0;
}

void EvictionSet::add_prompt_token(TokenPosition position) {
    if (chunk_tokens_ == shape_.temporaries) {
        throw SimulationError(fmt::format("a prompt chunk of more than {} tokens", shape_.temporaries));
    }
    const SlotId slot(shape_.slots + chunk_tokens_++);
    table_.insert(slot, position);
    policy_->insert(slot, position);
}

void EvictionSet::end_chunk(TokenPosition newest, bool free_one) {
    std::vector<SlotId> freed;
    while (tokens() > shape_.slots) {
        evict(newest, freed);
    }
    if (free_one && tokens() == shape_.slots) {
        evict(TokenPosition(newest.value + 1), freed);
    }
    std::vector<KvPlacement> placed;
    for (std::uint32_t i = 0; i < chunk_tokens_; ++i) {
        const SlotId temporary(shape_.slots + i);
        if (table_.is_free(temporary)) {
            continue;
        }
        const SlotId slot = take_lowest_free();
        placed.push_back({slot, table_.at(temporary)});
        table_.move(temporary, slot);
        policy_->move(temporary, slot);
    }
    residents_ += static_cast<std::uint32_t>(placed.size());
    finish(std::move(placed), std::move(freed));
}

void EvictionSet::begin_generation(TokenPosition position) {
    residents_before_ = residents_;
    searches_ = 0;
    newest_.reset();
    window_.reset();
    chunk_tokens_ = 0;
    const SlotId slot = take_lowest_free();
    table_.insert(slot, position);
    policy_->insert(slot, position);
    placed_.assign(1, {slot, position});
    ++residents_;
    peak_residents_ = std::max(peak_residents_, residents_);
}

void EvictionSet::end_generation(TokenPosition position, bool free_one) {
    std::vector<SlotId> freed;
    if (free_one && tokens() == shape_.slots) {
        evict(TokenPosition(position.value + 1), freed);
    }
    finish(std::exchange(placed_, {}), std::move(freed));
}

void EvictionSet::evict(TokenPosition newest, std::vector<SlotId>& freed) {
    const std::optional<SlotId> victim = policy_->victim(newest);
    ++searches_;
    if (!victim) {
        throw SimulationError(fmt::format("all {} tokens of the cache are protected at position {}: nothing to evict",
                                          tokens(), newest.value));
    }
    if (victim->value >= table_.capacity() || table_.is_free(*victim)) {
        throw SimulationError(fmt::format("the eviction policy chose slot {} at position {}, which holds no token",
                                          victim->value, newest.value));
    }
    const std::optional<std::uint32_t> window = policy_->recent_window();
    const std::uint32_t recent = std::max(shape_.recent, window.value_or(0));
    const std::uint32_t position = table_.at(*victim).value;
    if (!evictable_positions(shape_.sinks, recent, newest).contains(position)) {
        throw SimulationError(
            fmt::format("the eviction policy chose the protected token {} at position {}", position, newest.value));
    }
    if (shape_.sinks > 0 || recent > 0) {
        newest_ = newest;
        window_ = window;
    }
    table_.remove(*victim);
    policy_->remove(*victim);
    if (victim->value < shape_.slots) {
        freed.push_back(*victim);
        lowest_free_ = std::min(lowest_free_, victim->value);
        --residents_;
    }
}

SlotId EvictionSet::take_lowest_free() {
    while (lowest_free_ < shape_.slots && !table_.is_free(SlotId(lowest_free_))) {
        ++lowest_free_;
    }
    if (lowest_free_ == shape_.slots) {
        throw SimulationError(fmt::format("a token comes and none of the {} slots is free", shape_.slots));
    }
    return SlotId(lowest_free_++);
}

void EvictionSet::finish(std::vector<KvPlacement> placed, std::vector<SlotId> freed) {
    peak_residents_ = std::max(peak_residents_, residents_);
    decision_.residents_before = residents_before_;
    decision_.residents_after = residents_;
    decision_.placed = shared_or_null(std::move(placed));
    decision_.freed = shared_or_null(std::move(freed));
    decision_.searches = searches_;
    decision_.newest = newest_;
    decision_.recent = window_;
    if constexpr (kChecks) {
        check_table();
    }
}

void EvictionSet::check_table() const {
    std::vector<std::uint32_t> positions;
    for (const std::uint32_t position : table_.occupied()) {
        if (position != SlotPositions::kFree) {
            positions.push_back(position);
        }
    }
    std::ranges::sort(positions);
    const bool twice = std::ranges::adjacent_find(positions) != positions.end();
    if (twice || positions.size() != residents_ || residents_ > shape_.slots ||
        table_.occupied().size() > shape_.slots) {
        throw SimulationError(fmt::format("the slot table is broken: {} tokens in {} slots, {} residents{}",
                                          positions.size(), shape_.slots, residents_,
                                          twice ? ", one token twice" : ""));
    }
}

}  // namespace palimpsest
