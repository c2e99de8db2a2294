#include "hardware/kv_mmu/address_generator.h"

#include <algorithm>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {

AddressGenerator::AddressGenerator(const CacheConfig& cache, const KvGeometry& geometry)
    : layout_(cache.layout),
      geometry_(geometry),
      lanes_(cache.placement == CachePlacement::packed ? BankLanes() : BankLanes(geometry)),
      vector_bytes_(kv_vector_bytes(cache, geometry)),
      stride_(layout_ == CacheLayout::head_major ? vector_bytes_
                                                 : vector_bytes_ * geometry.kv_heads * (lanes_.lanes() > 1 ? 1 : 2)),
      matrices_(std::uint64_t{geometry.layers} *
                (layout_ == CacheLayout::token_major ? 1 : geometry.kv_heads * (lanes_.lanes() > 1 ? 1 : 2))),
      entries_(geometry.batch) {
    const std::uint32_t places = kv_places(cache, geometry);
    for (std::uint32_t r = 0; r < geometry.batch; ++r) {
        const Bytes offset = Bytes{r / lanes_.request_lanes()} * request_bytes(places);
        entries_[r] = {(lanes_.lanes() > 1 ? 0 : geometry_.kv_base) + offset, matrix_bytes(places), places};
    }
}

Bytes AddressGenerator::region_bytes() const {
    if (geometry_.region_bytes > 0) {
        return geometry_.region_bytes;
    }
    const std::uint32_t places = entries_.empty() ? 0 : entries_.front().places;
    return lanes_.region_bytes(request_bytes(places) * ceil_div(geometry_.batch, lanes_.request_lanes()));
}

void AddressGenerator::set_region(RequestId request, KvRegion region) {
    const bool apart = lanes_.lanes() > 1;
    const Bytes end = region.offset + request_bytes(region.places);
    if (request.value >= entries_.size() || region.offset % geometry_.burst_bytes != 0 ||
        (apart ? lanes_.region_bytes(end) : end) > region_bytes()) {
        throw SimulationError(fmt::format("KV region of request {} from byte {} on with {} places, in {} bytes",
                                          request.value, region.offset, region.places, region_bytes()));
    }
    entries_[request.value] = {(apart ? 0 : geometry_.kv_base) + region.offset, matrix_bytes(region.places),
                               region.places};
}

bool AddressGenerator::owns(RequestId request, Bytes address) const {
    const Entry& entry = entries_[request.value];
    const Bytes end = entry.start + entry.matrix_bytes * matrices_;
    if (lanes_.lanes() == 1) {
        return address >= entry.start && address < end;
    }
    if (address < geometry_.kv_base) {
        return false;
    }
    const auto [lane, at] = lanes_.lane_byte(address - geometry_.kv_base);
    return (lane == lanes_.lane_of(request, false) || lane == lanes_.lane_of(request, true)) && at >= entry.start &&
           at < end;
}

Bytes AddressGenerator::matrix_of(const KvAccess& access) const {
    const Bytes v = access.value ? 1 : 0;
    const Entry& entry = entries_[access.request.value];
    const bool apart = lanes_.lanes() > 1;  // K and V are in different lanes
    if (layout_ == CacheLayout::head_major) {
        const std::uint64_t set = std::uint64_t{access.layer.value} * geometry_.kv_heads + access.head.value;
        return entry.start + (apart ? set : set * 2 + v) * entry.matrix_bytes;
    }
    return entry.start + access.layer.value * entry.matrix_bytes +
           ((apart ? 0 : v * geometry_.kv_heads) + access.head.value) * vector_bytes_;
}

void AddressGenerator::append_run(Bytes matrix, PlaceRun run, std::vector<DramSegment>& out) const {
    const Bytes begin = matrix + run.place * stride_;
    if (stride_ == vector_bytes_) {
        out.push_back({begin, run.count * vector_bytes_});
        return;
    }
    for (std::uint32_t i = 0; i < run.count; ++i) {
        out.push_back({begin + i * stride_, vector_bytes_});
    }
}

void AddressGenerator::find_runs(const KvAccess& access, bool write, std::uint32_t skip, std::uint32_t count,
                                 const SlotTable& table) {
    runs_.clear();
    const std::uint64_t set = geometry_.set_of(access.request, access.layer, access.head);
    const std::uint32_t places = entries_[access.request.value].places;
    if (access.move) {
        if (std::uint64_t{access.first} + access.count > places) {
            throw SimulationError(fmt::format("KV move of places [{}, {}) in a matrix of {}", access.first,
                                              std::uint64_t{access.first} + access.count, places));
        }
        runs_.push_back({access.first + skip, count});
    } else if (!write) {
        table.runs(set, access.first + skip, count, runs_);
    } else {
        for (std::uint32_t i = skip; i < skip + count; ++i) {
            const std::uint32_t place = table.place_of(set, (*access.placements)[i]);
            if (!runs_.empty() && runs_.back().place + runs_.back().count == place) {
                ++runs_.back().count;
            } else {
                runs_.push_back({place, 1});
            }
        }
    }
    for (const PlaceRun run : runs_) {
        if (std::uint64_t{run.place} + run.count > places) {
            throw SimulationError(fmt::format("KV access of request {} to places [{}, {}) of {}", access.request.value,
                                              run.place, std::uint64_t{run.place} + run.count, places));
        }
    }
}

void AddressGenerator::generate(const KvAccess& access, bool write, Bytes offset, Bytes bytes, const SlotTable& table,
                                std::vector<DramSegment>& out) {
    out.clear();
    if (access.request.value >= geometry_.batch || access.layer.value >= geometry_.layers ||
        access.head.value >= geometry_.kv_heads) {
        throw SimulationError(fmt::format("KV access to request {}, layer {}, KV head {}: there are {}, {} and {}",
                                          access.request.value, access.layer.value, access.head.value, geometry_.batch,
                                          geometry_.layers, geometry_.kv_heads));
    }
    if (bytes == 0 || offset + bytes > access.count * vector_bytes_ ||
        (write && !access.move && (access.placements == nullptr || access.placements->size() != access.count))) {
        throw SimulationError(fmt::format("KV access of bytes [{}, {}) in a stream of {} vectors of {} B", offset,
                                          offset + bytes, access.count, vector_bytes_));
    }
    const Bytes first = offset / vector_bytes_;
    const Bytes end = ceil_div(offset + bytes, vector_bytes_);
    find_runs(access, write, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first), table);
    const Bytes matrix = matrix_of(access);
    for (const PlaceRun run : runs_) {
        append_run(matrix, run, out);
    }
    // The range may begin and end inside a vector.
    const Bytes cut_front = offset - first * vector_bytes_;
    out.front().address += cut_front;
    out.front().bytes -= cut_front;
    out.back().bytes -= end * vector_bytes_ - (offset + bytes);
    if (lanes_.lanes() > 1) {
        settle(access, out);
    }
}

void AddressGenerator::settle(const KvAccess& access, std::vector<DramSegment>& segments) {
    const std::uint32_t lane = lanes_.lane_of(access.request, access.value);
    lane_segments_.swap(segments);
    segments.clear();
    for (DramSegment left : lane_segments_) {
        while (left.bytes > 0) {
            const Bytes bytes = std::min(left.bytes, lanes_.run(left.address));
            segments.push_back({geometry_.kv_base + lanes_.place(lane, left.address), bytes});
            left.address += bytes;
            left.bytes -= bytes;
        }
    }
}

}  // namespace palimpsest
