#pragma once
// A KV-MMU between a master that plays a plan and a memory with a given latency, for tests of the module.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <systemc>

#include "hardware/kv_mmu/kv_mmu.h"

namespace palimpsest {

/// Answers every request after a latency and remembers it.
class RecordingMemory : public sc_core::sc_module {
  public:
    struct Seen {
        Picoseconds time = 0;
        bool write = false;
        Traffic traffic = Traffic::kv;
        Bytes length = 0;
        std::vector<DramSegment> segments;
    };
    tlm_utils::simple_target_socket<RecordingMemory> socket{"socket"};
    /// Latency of the n-th request of a traffic class.
    std::function<Picoseconds(Traffic, std::size_t)> latency = [](Traffic, std::size_t) { return 1000; };
    std::vector<Seen> seen;

    explicit RecordingMemory(const sc_core::sc_module_name& name) : sc_module(name) {
        socket.register_nb_transport_fw(this, &RecordingMemory::receive);
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.dont_initialize();
        options.set_sensitivity(&due_);
        sc_core::sc_spawn([this] { answer(); }, sc_core::sc_gen_unique_name("answer"), &options);
    }
    std::vector<Seen> of(Traffic traffic) const {
        std::vector<Seen> out;
        std::ranges::copy_if(seen, std::back_inserter(out), [&](const Seen& s) { return s.traffic == traffic; });
        return out;
    }

  private:
    tlm::tlm_sync_enum receive(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        const auto& request = *payload.get_extension<MemoryRequest>();
        const Picoseconds now = sc_core::sc_time_stamp().value();
        seen.push_back({now, payload.is_write(), request.traffic, payload.get_data_length(), request.segments});
        const Picoseconds wait = latency(request.traffic, counts_[request.traffic]++);
        open_.emplace(now + wait, &payload);
        due_.notify(sc_core::sc_time::from_value(open_.begin()->first - now));
        return tlm::TLM_ACCEPTED;
    }
    void answer() {
        const Picoseconds now = sc_core::sc_time_stamp().value();
        while (!open_.empty() && open_.begin()->first <= now) {
            tlm::tlm_generic_payload* payload = open_.begin()->second;
            open_.erase(open_.begin());
            tlm::tlm_phase phase = tlm::BEGIN_RESP;
            sc_core::sc_time delay;
            socket->nb_transport_bw(*payload, phase, delay);
        }
        if (!open_.empty()) {
            due_.notify(sc_core::sc_time::from_value(open_.begin()->first - now));
        }
    }

    std::multimap<Picoseconds, tlm::tlm_generic_payload*> open_;
    std::map<Traffic, std::size_t> counts_;
    sc_core::sc_event due_;
};

/// Sends what its plan says in the cycle it says, and remembers when answers came.
class FakeMaster : public sc_core::sc_module {
  public:
    tlm_utils::simple_initiator_socket<FakeMaster> request_socket{"request_socket"};
    tlm_utils::simple_initiator_socket<FakeMaster> command_socket{"command_socket"};
    std::vector<Cycles> request_answers, command_answers;

    FakeMaster(const sc_core::sc_module_name& name, const ClockDomain& clock) : sc_module(name), clock_(clock) {
        request_socket.register_nb_transport_bw(this, &FakeMaster::request_answered);
        command_socket.register_nb_transport_bw(this, &FakeMaster::command_answered);
        sc_core::sc_spawn_options options;
        options.spawn_method();
        sc_core::sc_spawn([this] { play(); }, sc_core::sc_gen_unique_name("play"), &options);
    }
    void request(Cycles cycle, const KvAccess& access, bool write, Bytes offset, Bytes bytes) {
        auto& r = *requests_.emplace_back(std::make_unique<RequestItem>());
        r.extension.is_kv = true;
        r.extension.traffic = Traffic::kv;
        r.extension.kv = access;
        r.extension.stream_offset = offset;
        r.extension.master_tag = request_answers.size();
        r.payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
        r.payload.set_data_length(static_cast<unsigned>(bytes));
        request_answers.push_back(0);
        plan_.emplace(cycle, [this, &r] { send(request_socket, r.payload); });
    }
    void command(Cycles cycle, const KvCommand& work) {
        auto& c = *commands_.emplace_back(std::make_unique<CommandItem>());
        c.extension.command.unit = UnitId::kv_mmu;
        c.extension.command.work = work;
        c.number = command_answers.size();
        command_answers.push_back(0);
        plan_.emplace(cycle, [this, &c] { send(command_socket, c.payload); });
    }

  private:
    struct RequestItem {
        tlm::tlm_generic_payload payload;
        MemoryRequest extension;
        RequestItem() { payload.set_extension(&extension); }
        ~RequestItem() { payload.clear_extension(&extension); }
    };
    struct CommandItem {
        tlm::tlm_generic_payload payload;
        CommandExtension extension;
        std::size_t number = 0;
        CommandItem() { payload.set_extension(&extension); }
        ~CommandItem() { payload.clear_extension(&extension); }
    };
    template <class Socket>
    static void send(Socket& socket, tlm::tlm_generic_payload& payload) {
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time delay;
        socket->nb_transport_fw(payload, phase, delay);
    }
    void play() {
        while (!plan_.empty() && plan_.begin()->first <= clock_.now()) {
            const auto act = plan_.begin()->second;
            plan_.erase(plan_.begin());
            act();
        }
        if (!plan_.empty()) {
            sc_core::next_trigger(clock_.until(plan_.begin()->first));
        }
    }
    tlm::tlm_sync_enum request_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        request_answers[payload.get_extension<MemoryRequest>()->master_tag] = clock_.now();
        return tlm::TLM_COMPLETED;
    }
    tlm::tlm_sync_enum command_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        for (const auto& c : commands_) {
            if (&c->payload == &payload) {
                command_answers[c->number] = clock_.now();
            }
        }
        return tlm::TLM_COMPLETED;
    }

    const ClockDomain& clock_;
    std::vector<std::unique_ptr<RequestItem>> requests_;
    std::vector<std::unique_ptr<CommandItem>> commands_;
    std::multimap<Cycles, std::function<void()>> plan_;
};

/// All of it, wired.
struct KvMmuFixture {
    ClockDomain clock;
    KvMmu mmu;
    RecordingMemory memory{"memory"};
    FakeMaster master{"master", clock};

    KvMmuFixture(const HardwareConfig& hardware, const CacheConfig& cache, const KvGeometry& geometry)
        : clock(hardware.core_clock_ps), mmu("kv_mmu", clock, hardware, cache, geometry) {
        master.request_socket.bind(mmu.request_socket);
        master.command_socket.bind(mmu.command_socket);
        mmu.memory_socket.bind(memory.socket);
    }
    void run(Cycles cycles) { sc_core::sc_start(sc_core::sc_time::from_value(cycles * clock.period_ps())); }
};

/// Tokens one after another in neighbouring slots.
inline KvPlacements tokens(std::uint32_t first_slot, std::uint32_t first_position, std::uint32_t count) {
    auto list = std::make_shared<std::vector<KvPlacement>>();
    for (std::uint32_t i = 0; i < count; ++i) {
        list->push_back({SlotId(first_slot + i), TokenPosition(first_position + i)});
    }
    return list;
}

inline KvSlots slots(std::initializer_list<std::uint32_t> list) {
    auto out = std::make_shared<std::vector<SlotId>>();
    for (const std::uint32_t slot : list) {
        out->push_back(SlotId(slot));
    }
    return out;
}

/// A write of the K or V vectors of `placements`.
inline KvAccess write_of(const KvPlacements& placements, bool value) {
    KvAccess access;
    access.value = value;
    access.placements = placements;
    access.count = static_cast<std::uint32_t>(placements->size());
    return access;
}

inline KvAccess read_of(std::uint32_t first, std::uint32_t count, bool value = false) {
    KvAccess access;
    access.value = value;
    access.first = first;
    access.count = count;
    return access;
}

}  // namespace palimpsest
