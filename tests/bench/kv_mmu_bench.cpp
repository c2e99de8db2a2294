// How fast the KV-MMU's address path is on the host: vectors a second, where residents lie one behind the other (a full
// in-place cache), where one slot is free, and where survivors are gathered from all over.

#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include "hardware/kv_mmu/address_generator.h"
#include "hardware/kv_mmu/slot_table.h"

namespace palimpsest {
namespace {

constexpr std::uint32_t kSlots = 512;
constexpr Bytes kRequestBytes = 2048;

KvGeometry geometry() {
    return {.batch = 2, .layers = 4, .kv_heads = 8, .head_dim = 128, .slots = kSlots, .positions = 4096};
}

/// Reads whole K matrices in requests of the DMA's size.
void read_all(benchmark::State& state, StorageMode storage, CacheLayout layout, std::uint32_t spacing, bool hole) {
    CacheConfig cache;
    cache.storage = storage;
    cache.layout = layout;
    const KvGeometry g = geometry();
    SlotTable table(storage, g);
    for (std::uint64_t set = 0; set < g.sets(); ++set) {
        for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
            table.place(set, {SlotId(slot), TokenPosition(slot * spacing)});
        }
        if (hole) {
            table.free(set, SlotId(kSlots / 3));
        }
    }
    AddressGenerator generator(cache, g);
    std::vector<DramSegment> segments;
    KvAccess access;
    access.count = hole ? kSlots - 1 : kSlots;
    const Bytes stream = access.count * generator.vector_bytes();
    std::uint32_t head = 0;
    std::uint64_t made = 0;
    for (auto _ : state) {
        access.head = KvHeadId(head++ % g.kv_heads);
        for (Bytes offset = 0; offset < stream; offset += kRequestBytes) {
            generator.generate(access, false, offset, std::min(kRequestBytes, stream - offset), table, segments);
            made += segments.size();
            benchmark::DoNotOptimize(segments.data());
        }
    }
    state.SetItemsProcessed(state.iterations() * access.count);
    state.counters["segments/s"] = benchmark::Counter(static_cast<double>(made), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(read_all, contiguous, StorageMode::in_place, CacheLayout::head_major, 1, false);
BENCHMARK_CAPTURE(read_all, one_free_slot, StorageMode::in_place, CacheLayout::head_major, 1, true);
BENCHMARK_CAPTURE(read_all, token_major, StorageMode::in_place, CacheLayout::token_major, 1, false);
BENCHMARK_CAPTURE(read_all, gather, StorageMode::append_gather, CacheLayout::head_major, 7, false);

/// One token into the slot of a victim, over and over: the slot table's part of a generation step.
void replace(benchmark::State& state) {
    const KvGeometry g = geometry();
    SlotTable table(StorageMode::in_place, g);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        table.place(0, {SlotId(slot), TokenPosition(slot)});
    }
    std::uint32_t position = kSlots;
    std::uint32_t slot = 0;
    for (auto _ : state) {
        table.free(0, SlotId(slot));
        table.place(0, {SlotId(slot), TokenPosition(position)});
        slot = (slot + 37) % kSlots;
        position = position + 1 == g.positions ? kSlots : position + 1;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(replace);

}  // namespace
}  // namespace palimpsest
