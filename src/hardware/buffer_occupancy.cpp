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

void BufferOccupancy::queued(const Command& command) {
    const CommandRegions regions = regions_of(command);
    for (const auto* list : {&regions.reads, &regions.writes}) {
        for (const BufferRegion& region : *list) {
            Tile& tile = half_of(region)[region.first_word];
            ++tile.users;
            tile.words = std::max(tile.words, region.words);
        }
    }
}

void BufferOccupancy::issued(const Command& command) {
    for (const BufferRegion& region : regions_of(command).writes) {
        half_of(region)[region.first_word].filling = true;
        show(region);
    }
}

void BufferOccupancy::completed(const Command& command) {
    const CommandRegions regions = regions_of(command);
    for (const auto* list : {&regions.reads, &regions.writes}) {
        for (const BufferRegion& region : *list) {
            Half& half = half_of(region);
            const auto tile = half.find(region.first_word);
            if (tile != half.end() && --tile->second.users == 0) {
                half.erase(tile);
                show(region);
            }
        }
    }
}

void BufferOccupancy::show(const BufferRegion& region) {
    const BufferConfig& config = buffers_.config_of(region.where.buffer);
    std::uint32_t words = 0;
    for (const auto& [first, tile] : half_of(region)) {
        words += tile.filling ? tile.words : 0;
    }
    buffers_.set_occupancy(region.where, std::min(words, config.banks_per_half() * config.words_per_bank()));
}

}  // namespace palimpsest
