#include "host/kv_reservations.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

KvReservations KvReservations::partitions(std::uint32_t count, Bytes bytes_each) {
    return {count * bytes_each, bytes_each};
}

KvReservations KvReservations::first_fit(Bytes capacity) {
    return {capacity, 0};
}

KvReservations::KvReservations(Bytes capacity, Bytes partition) : capacity_(capacity), partition_(partition) {
    if (capacity > 0) {
        free_[0] = capacity;
    }
}

std::optional<Bytes> KvReservations::reserve(Bytes bytes) {
    if (partition_ > 0) {
        if (bytes > partition_) {
            return std::nullopt;
        }
        bytes = partition_;
    }
    const auto piece = std::ranges::find_if(free_, [bytes](const auto& entry) { return entry.second >= bytes; });
    if (piece == free_.end() || bytes == 0) {
        return std::nullopt;
    }
    const auto [begin, length] = *piece;
    free_.erase(piece);
    if (length > bytes) {
        free_[begin + bytes] = length - bytes;
    }
    taken_[begin] = bytes;
    reserved_ += bytes;
    return begin;
}

void KvReservations::release(Bytes offset) {
    const auto taken = taken_.find(offset);
    if (taken == taken_.end()) {
        throw SimulationError(fmt::format("nothing is reserved from byte {} of the KV region on", offset));
    }
    Bytes begin = offset;
    Bytes length = taken->second;
    reserved_ -= length;
    taken_.erase(taken);
    auto after = free_.lower_bound(begin);
    if (after != free_.end() && after->first == begin + length) {
        length += after->second;
        after = free_.erase(after);
    }
    if (after != free_.begin()) {
        const auto before = std::prev(after);
        if (before->first + before->second == begin) {
            begin = before->first;
            length += before->second;
            free_.erase(before);
        }
    }
    free_[begin] = length;
}

Bytes KvReservations::usable() const {
    if (partition_ > 0) {
        return free();
    }
    Bytes most = 0;
    for (const auto& [begin, length] : free_) {
        most = std::max(most, length);
    }
    return most;
}

}  // namespace palimpsest
