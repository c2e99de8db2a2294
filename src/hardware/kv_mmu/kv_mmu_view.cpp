// What reports, waveforms and a run that is stuck see of the KV-MMU.

#include <algorithm>

#include <fmt/format.h>

#include "energy/machine_parts.h"
#include "hardware/kv_mmu/kv_mmu.h"

namespace palimpsest {

ByKvMmuPart<Bytes> KvMmu::needed_bytes() const {
    const Bytes row = ceil_div(most_scores_, victims_.scores_per_word()) * score_word_bytes_;
    ByKvMmuPart<Bytes> bytes;
    bytes[KvMmuPart::slot_table] = table_.table_bytes();
    bytes[KvMmuPart::score_store] = scores_.whole_bytes();
    bytes[KvMmuPart::victim_unit] = (rows_.prefetches() ? 2 : 1) * row;
    bytes[KvMmuPart::address_generator] = geometry_.batch * kBaseTableEntry;
    bytes[KvMmuPart::write_combiner] = combiner_.peak_entry_bytes();
    bytes[KvMmuPart::spilled_scores] = scores_.spill_bytes();
    return bytes;
}

void KvMmu::count_combining() {
    count()[Action::kv_write_combine] = combiner_.accesses();
    show_level(signals_.combining, combiner_.entries());
}

void KvMmu::raise(SignalSink::SignalId signal, std::uint64_t& occurrences, std::uint64_t by) {
    occurrences += by;
    show_level(signal, occurrences);
}

void KvMmu::show_level(SignalSink::SignalId signal, std::uint64_t value) {
    if (sink() != nullptr) {
        sink()->change(signal, sc_core::sc_time_stamp().value(), value);
    }
}

void KvMmu::show_residents() {
    show_level(signals_.residents, table_.total_residents());
    show_level(signals_.free_slots, table_.sets() * table_.slots() - table_.total_residents());
}

void KvMmu::trace(SignalSink& sink, const std::string& hierarchy) {
    Unit::trace(sink, hierarchy);
    signals_.placed = sink.declare(hierarchy + ".placed", SignalKind::event, 32);
    signals_.evicted = sink.declare(hierarchy + ".evicted", SignalKind::event, 32);
    signals_.spilled = sink.declare(hierarchy + ".score_spill", SignalKind::event, 32);
    signals_.drained = sink.declare(hierarchy + ".write_drain", SignalKind::event, 32);
    signals_.residents = sink.declare(hierarchy + ".residents", SignalKind::level, 32);
    signals_.free_slots = sink.declare(hierarchy + ".free_slots", SignalKind::level, 32);
    signals_.requests = sink.declare(hierarchy + ".requests", SignalKind::level, 16);
    signals_.combining = sink.declare(hierarchy + ".write_combine_entries", SignalKind::level, 8);
    signals_.prefetching = sink.declare(hierarchy + ".prefetching", SignalKind::level, 2);
    for (const auto signal : {signals_.placed, signals_.evicted, signals_.spilled, signals_.drained, signals_.requests,
                              signals_.combining, signals_.prefetching}) {
        sink.change(signal, 0, 0);
    }
    show_residents();
}

std::string KvMmu::diagnose() const {
    std::string text = Unit::diagnose();
    switch (phase_) {
        case Phase::idle:
            break;
        case Phase::writing_back:
            text += ", waits for DRAM to take back a spilled score vector: no row accumulator is free";
            break;
        case Phase::fetching:
            text += ", waits for DRAM to deliver a spilled score vector";
            break;
        case Phase::working:
            text += fmt::format(", a command is complete in cycle {}", resume_cycle_);
            break;
    }
    if (prefetching_ > 0) {
        text += fmt::format(", {} spilled score vector(s) of later commands asked for", prefetching_);
    }
    text +=
        fmt::format("; {} KV request(s) in the address path, {} waiting for DRAM", waiting_.size(), at_memory_.size());
    const std::size_t shown = std::min<std::size_t>(at_memory_.size(), 4);
    for (std::size_t i = 0; i < shown; ++i) {
        const MemoryRequest& request = *at_memory_[i].request;
        text +=
            fmt::format("{} {} {} of request {}, layer {}, KV head {}, bytes from {}", i == 0 ? ":" : ";",
                        at_memory_[i].write ? "write" : "read", request.kv.value ? "V" : "K", request.kv.request.value,
                        request.kv.layer.value, request.kv.head.value, request.stream_offset);
    }
    if (own_in_flight_ > 0) {
        text += fmt::format("; {} request(s) of its own waiting for DRAM", own_in_flight_);
    }
    return text;
}

}  // namespace palimpsest
