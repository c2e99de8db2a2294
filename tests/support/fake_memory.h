#pragma once
// Memory for a test of one master: answers its n-th request after a planned number of cycles, in any order, and keeps
// what was asked. Stands in for the DRAM controller and for the KV-MMU at once.

#include <map>
#include <random>
#include <vector>

#include <tlm_utils/simple_target_socket.h>
#include <systemc>
#include <tlm>

#include "golden/dma_golden.h"
#include "hardware/clock.h"
#include "hardware/memory_request.h"

namespace palimpsest {

class FakeMemory : public sc_core::sc_module {
  public:
    struct Request {
        Cycles cycle = 0;
        Bytes bytes = 0;
        bool write = false;
        bool kv_socket = false;
        MemoryRequest asked;
    };

    tlm_utils::simple_target_socket<FakeMemory> memory_socket;
    tlm_utils::simple_target_socket<FakeMemory> kv_socket;

    /// Answers come in a random delta cycle of their cycle: what a master does may not depend on who is first.
    FakeMemory(const sc_core::sc_module_name& name, const ClockDomain& clock, const std::vector<PlannedAnswer>& answers,
               std::uint32_t seed)
        : sc_module(name),
          memory_socket("memory_socket"),
          kv_socket("kv_socket"),
          clock_(clock),
          answers_(answers),
          random_(seed) {
        memory_socket.register_nb_transport_fw(this, &FakeMemory::from_memory);
        kv_socket.register_nb_transport_fw(this, &FakeMemory::from_kv);
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.dont_initialize();
        options.set_sensitivity(&answer_);
        sc_core::sc_spawn([this] { answer(); }, "answer", &options);
    }

    const std::vector<Request>& requests() const { return requests_; }

  private:
    struct Due {
        tlm::tlm_generic_payload* payload;
        bool kv;
        std::size_t number;
    };

    tlm::tlm_sync_enum from_memory(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        return take(payload, false);
    }
    tlm::tlm_sync_enum from_kv(tlm::tlm_generic_payload& payload, tlm::tlm_phase&, sc_core::sc_time&) {
        return take(payload, true);
    }
    tlm::tlm_sync_enum take(tlm::tlm_generic_payload& payload, bool kv) {
        const Cycles due = clock_.now() + answers_.at(requests_.size()).latency;
        due_[due].push_back({&payload, kv, requests_.size()});
        requests_.push_back(
            {clock_.now(), payload.get_data_length(), payload.is_write(), kv, *payload.get_extension<MemoryRequest>()});
        answer_.notify(clock_.until(due_.begin()->first));
        return tlm::TLM_ACCEPTED;
    }
    void answer() {
        const Cycles now = clock_.now();
        if (due_.begin()->first == now && deltas_ > 0) {
            --deltas_;
            answer_.notify(sc_core::SC_ZERO_TIME);
            return;
        }
        deltas_ = random_() % 5;
        while (!due_.empty() && due_.begin()->first <= now) {
            const std::vector<Due> answered = due_.begin()->second;
            due_.erase(due_.begin());
            for (const Due& due : answered) {
                auto* request = due.payload->get_extension<MemoryRequest>();
                // Up to a cycle more than whole cycles: the master rounds down.
                request->refresh_wait_ps =
                    answers_[due.number].refresh * clock_.period_ps() + random_() % clock_.period_ps();
                tlm::tlm_phase phase = tlm::BEGIN_RESP;
                sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
                (due.kv ? kv_socket : memory_socket)->nb_transport_bw(*due.payload, phase, delay);
            }
        }
        if (!due_.empty()) {
            answer_.notify(clock_.until(due_.begin()->first));
        }
    }

    const ClockDomain& clock_;
    const std::vector<PlannedAnswer>& answers_;
    std::mt19937 random_;
    unsigned deltas_ = 0;
    std::map<Cycles, std::vector<Due>> due_;
    std::vector<Request> requests_;
    sc_core::sc_event answer_;
};

}  // namespace palimpsest
