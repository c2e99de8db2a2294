#include "hardware/buffer_occupancy.h"

#include <algorithm>

namespace palimpsest {

CommandRegions regions_of(const Command& command) {
    CommandRegions regions;
    if (const auto* dma = std::get_if<DmaCommand>(&command.work)) {
        (dma->to_dram ? regions.reads : regions.writes).push_back(dma->buffer);
    } else if (const auto* gemm = std::get_if<GemmCommand>(&command.work)) {
        if (!gemm->operands_on_chip_only) {
            regions.reads = {gemm->stationary, gemm->streaming};
        }
    } else if (const auto* vector = std::get_if<VectorCommand>(&command.work)) {
        regions.reads = {vector->source};
        regions.writes = {vector->destination};
    }
    const auto empty = [](const BufferRegion& region) { return region.words == 0; };
    std::erase_if(regions.reads, empty);
    std::erase_if(regions.writes, empty);
    return regions;
}

BufferOccupancy::Half& BufferOccupancy::half_of(const BufferRegion& region) {
    return halves_[2 * static_cast<std::size_t>(region.where.buffer) + region.where.half];
}

void BufferOccupancy::add_user(const BufferRegion& region, bool begins_filling, bool reads) {
    std::deque<Filling>& fillings = half_of(region)[region.first_word];
    if (fillings.empty() || (begins_filling && fillings.back().has_reader)) {
        fillings.emplace_back();
    }
    Filling& filling = fillings.back();
    ++filling.users;
    filling.has_reader = filling.has_reader || reads;
    filling.words = std::max(filling.words, region.words);
}

void BufferOccupancy::queued(const Command& command) {
    const CommandRegions regions = regions_of(command);
    for (const BufferRegion& region : regions.reads) {
        add_user(region, false, true);
    }
    for (const BufferRegion& region : regions.writes) {
        const bool in_place = std::ranges::any_of(regions.reads, [&](const BufferRegion& read) {
            return read.where == region.where && read.first_word == region.first_word;
        });
        add_user(region, !in_place, false);
    }
}

void BufferOccupancy::issued(const Command& command) {
    for (const BufferRegion& region : regions_of(command).writes) {
        std::deque<Filling>& fillings = half_of(region)[region.first_word];
        if (!fillings.empty()) {
            fillings.front().arriving = true;
        }
        show(region);
    }
}

void BufferOccupancy::completed(const Command& command) {
    const CommandRegions regions = regions_of(command);
    for (const auto* list : {&regions.reads, &regions.writes}) {
        for (const BufferRegion& region : *list) {
            Half& half = half_of(region);
            const auto place = half.find(region.first_word);
            if (place == half.end() || place->second.empty()) {
                continue;
            }
            if (--place->second.front().users == 0) {
                place->second.pop_front();
                if (place->second.empty()) {
                    half.erase(place);
                }
                show(region);
            }
        }
    }
}

void BufferOccupancy::show(const BufferRegion& region) {
    const BufferConfig& config = buffers_.config_of(region.where.buffer);
    std::uint32_t words = 0;
    for (const auto& [first_word, fillings] : half_of(region)) {
        words += !fillings.empty() && fillings.front().arriving ? fillings.front().words : 0;
    }
    buffers_.set_occupancy(region.where, std::min(words, config.banks_per_half() * config.words_per_bank()));
}

}  // namespace palimpsest
