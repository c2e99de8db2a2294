// Sockets, the address path and what the host driver asks; commands are in kv_mmu_commands.cpp, what reports and
// waveforms see in kv_mmu_view.cpp.

#include "hardware/kv_mmu/kv_mmu.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/checks.h"
#include "hardware/kv_mmu/own_request.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

Bytes bytes_of(const std::vector<DramSegment>& segments) {
    Bytes bytes = 0;
    for (const DramSegment& segment : segments) {
        bytes += segment.bytes;
    }
    return bytes;
}

}  // namespace

KvMmu::KvMmu(const sc_core::sc_module_name& name, const ClockDomain& clock, const HardwareConfig& hardware,
             const CacheConfig& cache, const KvGeometry& geometry)
    : Unit(name, UnitId::kv_mmu, clock, hardware.kv_mmu.command_queue),
      request_socket("request_socket"),
      memory_socket("memory_socket"),
      geometry_(geometry),
      storage_(cache.storage),
      scope_(cache.scope),
      lookup_latency_(hardware.kv_mmu.lookup_latency_cycles),
      table_(cache.storage, geometry),
      addresses_(cache, geometry),
      scores_(hardware.kv_mmu, cache, geometry),
      rows_(hardware.kv_mmu.score_prefetch),
      victims_(hardware.kv_mmu, hardware.vector_unit.lanes, cache.score_bits),
      score_word_bytes_(hardware.kv_mmu.score_word_bytes),
      protected_(cache),
      combiner_(hardware.kv_mmu, geometry),
      combining_(hardware.kv_mmu.write_combine_entries > 0),
      flush_each_step_(hardware.kv_mmu.write_combine_flush == WriteCombineFlush::step) {
    request_socket.register_nb_transport_fw(this, &KvMmu::receive);
    memory_socket.register_nb_transport_bw(this, &KvMmu::answered);

    sc_core::sc_spawn_options on_request;
    on_request.spawn_method();
    on_request.dont_initialize();
    on_request.set_sensitivity(&request_event_);
    sc_core::sc_spawn([this] { send_due_requests(); }, sc_core::sc_gen_unique_name("requests"), &on_request);

    sc_core::sc_spawn_options on_command;
    on_command.spawn_method();
    on_command.dont_initialize();
    on_command.set_sensitivity(&command_event_);
    sc_core::sc_spawn([this] { run_commands(); }, sc_core::sc_gen_unique_name("commands"), &on_command);
}

KvMmu::~KvMmu() = default;

// --- Requests

tlm::tlm_sync_enum KvMmu::receive(int master, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                  sc_core::sc_time&) {
    auto* request = payload.get_extension<MemoryRequest>();
    if (phase != tlm::BEGIN_REQ || request == nullptr || !request->is_kv) {
        SC_REPORT_ERROR("palimpsest/kv_mmu", "not a KV request");
    }
    const bool write = payload.is_write();
    const KvAccess& access = request->kv;
    if (write && !access.move && !access.value && request->stream_offset == 0) {
        place_tokens(access);
    }
    addresses_.generate(access, write, request->stream_offset, payload.get_data_length(), table_, request->segments);
    const Cycles addresses = request->segments.size();
    count()[Action::kv_address] += addresses;
    if (!write && !table_.identity()) {
        count()[Action::kv_slot_table_read] += addresses_.latest_runs();
    }
    address_cycles_ += addresses;

    const Cycles arrival = clock().edge_at_or_after(sc_core::sc_time_stamp().value());
    generator_free_ = std::max(arrival + lookup_latency_, generator_free_) + addresses;
    waiting_.push_back({&payload, request, master, write, generator_free_, payload.get_data_length()});
    if (waiting_.size() == 1) {
        request_event_.notify(clock().until(generator_free_));
    }
    show_level(signals_.requests, waiting_.size() + at_memory_.size());
    return tlm::TLM_ACCEPTED;
}

void KvMmu::place_tokens(const KvAccess& access) {
    if (access.placements == nullptr) {
        throw SimulationError("KV write without placements");
    }
    const std::uint64_t set = geometry_.set_of(access.request, access.layer, access.head);
    if (set >= table_.sets()) {
        throw SimulationError(fmt::format("KV write to request {}, layer {}, KV head {}: no such slot set",
                                          access.request.value, access.layer.value, access.head.value));
    }
    for (const KvPlacement& placement : *access.placements) {
        table_.place(set, placement);
    }
    if constexpr (kChecks) {
        table_.check_set(set);
    }
    if (!table_.identity()) {
        count()[Action::kv_slot_table_write] += access.placements->size();
    }
    raise(signals_.placed, signals_.placements, access.placements->size());
    show_residents();
}

void KvMmu::send_due_requests() {
    const Cycles now = clock().now();
    while (!waiting_.empty() && waiting_.front().out_cycle <= now) {
        const PendingRequest pending = waiting_.front();
        waiting_.pop_front();
        send(pending);
    }
    if (!waiting_.empty()) {
        request_event_.notify(clock().until(waiting_.front().out_cycle));
    }
}

void KvMmu::send(const PendingRequest& pending) {
    if (!combining_) {
        to_memory(pending);
    } else if (pending.write) {
        send_write(pending);
    } else {
        send_read(pending);
    }
}

void KvMmu::send_read(const PendingRequest& pending) {
    std::vector<DramSegment>& segments = pending.request->segments;
    scratch_.clear();
    combiner_.read(segments, scratch_);
    if (!scratch_.empty()) {
        send_own(OwnKind::drain, scratch_);
    }
    count_combining();
    if (segments.empty()) {  // all of it came from the buffer
        respond(pending);
        return;
    }
    scratch_.clear();
    combiner_.row_opened(segments, scratch_);
    pending.payload->set_data_length(static_cast<unsigned>(bytes_of(segments)));
    to_memory(pending);
    if (!scratch_.empty()) {
        send_own(OwnKind::drain, scratch_);
    }
}

void KvMmu::send_write(const PendingRequest& pending) {
    scratch_.clear();
    combiner_.write(pending.request->segments, scratch_);
    count_combining();
    if (scratch_.empty()) {
        respond(pending);
        return;
    }
    // The write carries out what the buffer gives up for it, so a master that writes faster than DRAM is held back.
    pending.request->segments.swap(scratch_);
    pending.payload->set_data_length(static_cast<unsigned>(bytes_of(pending.request->segments)));
    to_memory(pending);
}

void KvMmu::to_memory(const PendingRequest& pending) {
    at_memory_.push_back(pending);
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    memory_socket->nb_transport_fw(*pending.payload, phase, delay);
}

void KvMmu::respond(const PendingRequest& pending) {
    show_level(signals_.requests, waiting_.size() + at_memory_.size());
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    request_socket[pending.master]->nb_transport_bw(*pending.payload, phase, delay);
}

tlm::tlm_sync_enum KvMmu::answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time&) {
    if (phase != tlm::BEGIN_RESP) {
        return tlm::TLM_ACCEPTED;
    }
    const auto pending = std::ranges::find(at_memory_, &payload, &PendingRequest::payload);
    if (pending == at_memory_.end()) {
        own_answered(payload);
        return tlm::TLM_COMPLETED;
    }
    const PendingRequest done = *pending;
    *pending = at_memory_.back();
    at_memory_.pop_back();
    payload.set_data_length(static_cast<unsigned>(done.data_length));
    respond(done);
    return tlm::TLM_COMPLETED;
}

void KvMmu::send_own(OwnKind kind, std::vector<DramSegment>& segments, const ScoreTransfer& scores) {
    if (own_free_.empty()) {
        own_pool_.push_back(std::make_unique<OwnRequest>());
        own_free_.push_back(own_pool_.back().get());
    }
    OwnRequest& own = *own_free_.back();
    own_free_.pop_back();
    ++own_in_flight_;
    own.in_flight = true;
    own.kind = kind;
    own.scores = scores;
    own.request.segments.swap(segments);
    own.request.traffic = kind == OwnKind::drain ? Traffic::kv : Traffic::scores;
    own.request.refresh_wait_ps = 0;
    own.payload.set_command(kind == OwnKind::score_read ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
    own.payload.set_address(own.request.segments.front().address);
    own.payload.set_data_length(static_cast<unsigned>(bytes_of(own.request.segments)));
    own.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    if (kind == OwnKind::drain) {
        count_combining();
        raise(signals_.drained, signals_.drains, 1);
    } else {
        raise(signals_.spilled, signals_.spills, 1);
    }
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    memory_socket->nb_transport_fw(own.payload, phase, delay);
}

void KvMmu::own_answered(tlm::tlm_generic_payload& payload) {
    const auto found =
        std::ranges::find_if(own_pool_, [&](const auto& own) { return own->in_flight && &own->payload == &payload; });
    if (found == own_pool_.end()) {
        SC_REPORT_ERROR("palimpsest/kv_mmu", "answer to a request that was not sent");
        return;
    }
    OwnRequest& own = **found;
    own.in_flight = false;
    --own_in_flight_;
    own_free_.push_back(&own);
    if (own.kind == OwnKind::drain) {
        return;
    }
    rows_.answered(own.scores.row);
    if (!own.scores.write) {
        fetch_refresh_ps_[own.scores.row] = own.request.refresh_wait_ps;
    }
    if (own.scores.ahead) {
        show_level(signals_.prefetching, --prefetching_);
    }
    if (!commands_.empty() && (phase_ != Phase::working || rows_.prefetches())) {
        // DRAM answers on its own clock; the unit sees it at its next edge.
        command_event_.notify(clock().until(clock().edge_at_or_after(sc_core::sc_time_stamp().value())));
    }
}

// --- What the host driver asks

void KvMmu::preset(RequestId request, LayerId layer, KvHeadId head, KvPlacement placement) {
    table_.place(geometry_.set_of(request, layer, head), placement);
}

void KvMmu::preset_free(RequestId request, LayerId layer, KvHeadId head, SlotId slot) {
    table_.free(geometry_.set_of(request, layer, head), slot);
}

void KvMmu::set_region(RequestId request, KvRegion region) {
    addresses_.set_region(request, region);
}

Cycles KvMmu::release(RequestId request) {
    if (!commands_.empty() || !waiting_.empty() || !at_memory_.empty() || request.value >= geometry_.batch) {
        throw SimulationError(
            fmt::format("the KV-MMU is to release request {} of {} with {} commands and {} requests under way",
                        request.value, geometry_.batch, commands_.size(), waiting_.size() + at_memory_.size()));
    }
    const std::uint64_t first = geometry_.set_of(request, LayerId{0}, KvHeadId{0});
    const std::uint64_t sets = std::uint64_t{geometry_.layers} * geometry_.kv_heads;
    for (std::uint64_t set = first; set < first + sets; ++set) {
        table_.clear(set);
    }
    combiner_.drop([&](Bytes burst) { return addresses_.owns(request, burst); });
    count_combining();
    if (!table_.identity()) {
        count()[Action::kv_slot_table_write] += sets;
    }
    if (!releasing_) {
        releasing_ = true;
        release_cycle_ = clock().now();
        set_state(UnitState::busy);
    }
    release_cycle_ += table_.identity() ? 1 : sets;  // one row of valid bits a cycle; a count is all there is without
    show_residents();
    return release_cycle_;
}

void KvMmu::end_release() {
    releasing_ = false;
    set_state(UnitState::drained);
}

void KvMmu::end_step() {
    if (flush_each_step_) {
        flush_writes();
    }
}

void KvMmu::flush_writes() {
    scratch_.clear();
    combiner_.flush(scratch_);
    if (!scratch_.empty()) {
        send_own(OwnKind::drain, scratch_);
    }
}

bool KvMmu::quiet() const {
    return waiting_.empty() && at_memory_.empty() && own_in_flight_ == 0 && commands_.empty() && !releasing_ &&
           (combiner_.entries() == 0 || !flush_each_step_);
}

void KvMmu::check_uniform() const {
    if (!table_.uniform()) {
        std::uint64_t odd = 0;
        while (table_.residents(odd) == table_.residents(0)) {
            ++odd;
        }
        throw SimulationError(fmt::format("KV cache not uniform: slot set 0 holds {} tokens, set {} holds {}",
                                          table_.residents(0), odd, table_.residents(odd)));
    }
    check_tables();
}

void KvMmu::check_tables() const {
    if constexpr (kChecks) {
        for (std::uint64_t set = 0; set < table_.sets(); ++set) {
            table_.check_set(set);
        }
    }
}

Bytes KvMmu::peak_bytes() const {
    const std::uint64_t tokens =
        storage_ == StorageMode::append_gather ? table_.peak_taken() : table_.peak_total_residents();
    return tokens * 2 * addresses_.vector_bytes();
}

}  // namespace palimpsest
